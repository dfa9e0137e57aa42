"""Thought is told apart from the answer, in each family's own form."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.generate.thought import Shown, Told, set_aside

SAID = "Five days carry over."
FORMS = [
    "<think>{}</think>\n\n", "<THINK>{}</THINK>", "<thinking>{}</thinking>", "{}</think>\n",
    "<thought>{}</thought>", "<reasoning>{}</reasoning>", "<reflection>{}</reflection>",
    "<scratchpad>{}</scratchpad>", "<seed:think>{}</seed:think>", "<think time='3'>{}</think>",
    "[THINK]{}[/THINK]", "◁think▷{}◁/think▷", "<|begin_of_thought|>{}<|end_of_thought|>",
    "<|START_THINKING|>{}<|END_THINKING|>", "<|channel>thought\n{}<channel|>",
    '<details type="reasoning" done="true">{}</details>',
    "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>",
    "analysisWell, {}assistantfinal", "Reasoning: {}\n\nAnswer: ",
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("thought", ["Ten? No, five.", "Use `</div>` or ```\n<x>\nperhaps."])
def test_a_thought_is_set_aside_and_kept(form: str, thought: str):
    told = set_aside(form.format(thought) + SAID)
    assert (told.answer, told.ended) == (SAID, True)
    assert thought in told.thought


@pytest.mark.parametrize(
    "text",
    ["<think>Well", "\n<thinking>a b", "[THINK]a", "◁think▷no", "analysisWe need",
     "<|channel|>analysis<|message|>We need", "<think>a</think><think>b"],
)  # fmt: skip
def test_a_thought_that_never_ends_has_no_answer(text: str):
    told = set_aside(text)
    assert (told.answer, told.ended) == ("", False)
    assert told.thought


def test_an_answer_between_thoughts_counts():
    assert set_aside(f"<think>a</think>{SAID}<think>b</think>") == Told(SAID, "a\nb")
    assert set_aside(f"{SAID}\n<think>Let me look again") == Told(SAID, "Let me look again")
    assert set_aside(f"<think>a <think> b</think> c</think>{SAID}").answer == SAID
    assert set_aside("<think></think>\n\n" + SAID) == Told(SAID)


@pytest.mark.parametrize(
    "text",
    [
        "The `<think>` tag opens a thought.", "The <analysis> element holds text.",
        "Use `</think>` to end it.", "Reasoning: that is what the course is about.",
        "[thinking](a.md) is a page", "analysis of the data", "",
    ],
)  # fmt: skip
def test_an_answer_that_speaks_of_such_marks_is_one(text: str):
    assert set_aside(text) == Told(text)


@given(st.text(), st.text())
def test_whatever_stands_between_the_marks_is_thought(thought: str, answer: str):
    for text in (thought, answer):
        if any(mark in text for mark in "<[◁`") or text.lstrip().startswith("analysis"):
            return
    told = set_aside(f"<think>{thought}</think>{answer}")
    assert (told.answer, told.thought) == (answer.strip(), thought.strip())


def in_pieces(text: str, cuts: list[int]) -> list[str]:
    ends = sorted({cut % (len(text) + 1) for cut in cuts} | {0, len(text)})
    return [text[a:b] for a, b in pairwise(ends)]


@given(st.sampled_from([form for form in FORMS if form[0] in "<[◁"]), st.lists(st.integers(0, 200)))
def test_a_stream_shows_the_answer_alone(form: str, cuts: list[int]):
    text = form.format("Ten? No, five.") + SAID
    shown = Shown()
    assert "".join(map(shown.add, in_pieces(text, cuts))) == SAID


@given(st.lists(st.integers(0, 200)))
def test_a_stream_without_thought_shows_all(cuts: list[int]):
    for text in (SAID, "[1] says five" * 20, "<b>Five</b> days" * 20, "an answer"):
        shown = Shown()
        assert "".join(map(shown.add, in_pieces(text, cuts))) == text
