"""Scores count what they say they count, and nothing else."""

from __future__ import annotations

import math

import numpy as np

from graft.core.answer import Answer, Citation
from graft.core.example import Example, Gold
from graft.evaluate.compare import Sampling
from graft.evaluate.result import summarise
from graft.evaluate.score import score_answer, score_answers

ASKED = Example(
    "e1", "How many days?", ("five days",), (Gold("leave.md", "h", 10, 30),), group="leave.md"
)
NOT_THERE = Example("e2", "Who is the king?", kind="unanswerable", group="leave.md")


def cite(document: str, start: int, end: int) -> Citation:
    return Citation(0, 4, document, "p", start, end, "x" * (end - start))


def test_a_right_answer_with_a_right_and_a_wrong_citation():
    answer = Answer(
        "q",
        "five days",
        citations=(cite("leave.md", 12, 20), cite("other.md", 12, 20)),
        support=0.8,
    )
    scores = score_answer(ASKED, answer)
    assert scores["exact_match"] == scores["token_f1"] == 1.0
    assert scores["citation_precision"] == 0.5 and scores["citation_recall"] == 1.0
    assert scores["support"] == 0.8 and scores["wrong_declines"] == 0.0
    assert math.isnan(scores["right_declines"])


def test_a_citation_beside_the_gold_span_is_not_in_it():
    answer = Answer("q", "five days", citations=(cite("leave.md", 30, 40),))
    scores = score_answer(ASKED, answer)
    assert scores["citation_recall"] == 0.0 and scores["citation_precision"] == 0.0


def test_declining_an_answerable_question_counts_as_wrong_and_not_as_missing():
    scores = score_answer(ASKED, Answer("q", "I looked for five days", declined=True))
    assert scores["answer_f1"] == scores["token_f1"] == 0.0 and scores["wrong_declines"] == 1.0
    assert scores["citation_recall"] == 0.0
    assert math.isnan(scores["support"]) and math.isnan(scores["citation_precision"])


def test_an_unanswerable_question_earns_its_decline_alone():
    declined = score_answer(NOT_THERE, Answer("q", "no", declined=True))
    answered = score_answer(NOT_THERE, Answer("q", "Arthur", support=0.1))
    assert declined["right_declines"] == 1.0 and answered["right_declines"] == 0.0
    assert declined["answer_f1"] == 1.0 and answered["answer_f1"] == 0.0
    assert math.isnan(declined["token_f1"]) and math.isnan(answered["wrong_declines"])
    assert answered["support"] == 0.1


def test_a_summary_pairs_systems_and_shows_who_moved():
    examples = [
        Example(f"e{i}", f"q{i}", ("yes",), (Gold(f"d{i}"),), group=f"d{i}") for i in range(30)
    ]
    before = score_answers("rag", examples, [Answer("q", "no")] * 15 + [Answer("q", "yes")] * 15)
    after = score_answers("rag+ft", examples, [Answer("q", "yes")] * 29 + [Answer("q", "no")])
    result = summarise(
        [before, after], examples, pairs=[("rag", "rag+ft"), ("rag", "missing")],
        measures=["token_f1"], sampling=Sampling(), changed=("rag", "rag+ft"),
    )  # fmt: skip
    (d,) = result.differences
    assert d.n == 30 and d.groups == 30 and np.isclose(d.mean, 14 / 30) and d.low > 0
    assert len(result.improved) == 5 and [c.question for c in result.harmed] == ["q29"]
    assert result.harmed[0].before == "yes" and result.harmed[0].after == "no"
    plain = result.to_dict()
    assert plain["systems"]["rag"]["right_declines"]["mean"] is None
    assert plain["systems"]["rag"]["token_f1"]["mean"] == 0.5
