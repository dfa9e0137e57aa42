"""Answers without a model: what every generator has to beat."""

from __future__ import annotations

import pytest

from graft.answer.rules import RULES, best_sentence, rule_answer
from graft.core.document import Passage

TEXT = "Leave is earned monthly. Five days of it carry over. The rest is lost."
PASSAGE = Passage("p", "leave.md", 0, len(TEXT), TEXT, "s", "Leave")


@pytest.mark.parametrize(
    ("rule", "question", "answer"),
    [
        ("first sentence", "How many days carry over?", "Leave is earned monthly."),
        ("best sentence", "How many days carry over?", "Five days of it carry over."),
        ("best sentence", "What happens to what is lost?", "The rest is lost."),
        ("best sentence", "Zebra?", "Leave is earned monthly."),
    ],
)
def test_a_rule_answers_from_the_best_hit_and_is_cited_like_any_answer(rule, question, answer):
    found = rule_answer(RULES[rule], question, PASSAGE)
    assert found.text == answer and not found.declined
    assert found.citations[0].quote == answer


def test_a_heading_is_no_answer():
    text = f"# Leave\n\n## Carrying over\n\n{TEXT}"
    headed = Passage("p", "leave.md", 0, len(text), text, "s", "Leave")
    assert rule_answer(RULES["first sentence"], "Why?", headed).text == "Leave is earned monthly."
    bare = Passage("p", "leave.md", 0, 7, "# Leave", "s", "Leave")
    assert rule_answer(RULES["first sentence"], "Why?", bare).text == "# Leave"


def test_nothing_found_declines():
    empty = Passage("p", "leave.md", 0, 1, " ", "s")
    assert all(
        rule_answer(rule, "Why?", p).declined for rule in RULES.values() for p in (None, empty)
    )


def test_words_of_the_question_count_once_and_stop_words_not():
    assert best_sentence("What is the pay of the interns?", "It is the. Interns pay.") == (
        "Interns pay."
    )
