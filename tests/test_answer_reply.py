"""An answer is found in whatever a model wraps it in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.answer.reply import tidy

SAID = "Five days carry over."
WRAPPED = [
    "Answer: {}", "Answer:\n{}", "**Answer:** {}", "**Answer**: {}", "## Answer\n\n{}", 
    "# Answer:\n{}",    "**Final Answer:**\n\n{}",
    "The answer is: {}", "> **Answer:** {}", "A: {}", "Response: {}",
    "Q: How many?\nA: {}", "Antwort: {}", "答案：{}", "Sure! {}", "Sure, here is the answer: {}",
    "```\n{}\n```", "```markdown\n{}\n```", "~~~\n{}\n~~~", "<answer>{}</answer>", "<answer>\n{}",
    "<final_answer>{}</final_answer>", "{}<|im_end|>", "<|im_start|>assistant\n{}<|im_end|>",
    "{}</s>", '{{"answer": "{}"}}', "{{'answer': '{}'}}", '{{"Answer": ["{}"]}}',
    '[{{"answer": "{}"}}]',
    '{{"thought": "x", "answer": "{}", "citations": [1]}}', '{{"response": {{"text": "{}"}}}}',
    '{{"answer": "{}', '```json\n{{"answer": "{}"}}\n```', '```json\n{{"answer": "{}"}}',
    'Here is the answer in JSON:\n```json\n{{"answer": "{}"}}\n```', "$\\boxed{{\\text{{{}}}}}$",
    '```json\n{{"answer": "Answer: {}"}}\n```',
]  # fmt: skip
PLAIN = [
    "The answer is five.", "```python\nprint(1)\n```", '{"a": 1}', "A: five days\nB: ten days",
    "Call it so:\n```python\nf(x)\n```", "{x} is a set", "[1] five", "The <answer>x</answer> tag",
    "response.text is a str", "- five\n- six", "**Five** days", "A",
]  # fmt: skip


@pytest.mark.parametrize("form", WRAPPED)
def test_an_answer_is_taken_out_of_what_it_is_wrapped_in(form: str):
    assert tidy(form.format(SAID)) == SAID


@pytest.mark.parametrize("text", PLAIN)
def test_an_answer_of_its_own_form_stays(text: str):
    assert tidy(text) == text


def test_values_that_are_no_text_are_said():
    assert tidy('{"answer": 5}') == "5"
    assert tidy('{"answer": true}') == "Yes."
    assert tidy('{"answer": null}') == ""
    assert tidy('{"answer": ["five", "six"]}') == "five\nsix"


@given(st.text() | st.lists(st.sampled_from([*WRAPPED, "[", "{", '"'])).map("".join))
def test_any_text_is_read(text: str):
    assert tidy(text) == tidy(text).strip()
