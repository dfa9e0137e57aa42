"""Scores count what they say they count, and nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest

from graft.core.answer import Answer, Citation
from graft.core.case import Case
from graft.core.errors import ConfigError
from graft.core.example import Example, Gold
from graft.core.measure import measure_named, measures_taken
from graft.evaluate.compare import Sampling
from graft.evaluate.result import Plan, summarise
from graft.evaluate.score import Scored, score

ASKED = Example(
    "e1", "How many days?", ("five days",), (Gold("leave.md", "h", 10, 30),), group="leave.md"
)
NOT_THERE = Example("e2", "Who is the king?", kind="unanswerable", group="leave.md")


def score_answer(example: Example, answer: Answer) -> dict[str, float]:
    scored = score("", [Case(example, answer)], measures_taken())
    return {name: float(values[0]) for name, values in scored.values.items()}


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
    assert scores["right_citations"] == 0.5 and scores["gold_cited"] == 1.0
    assert scores["support"] == 0.8 and scores["wrong_declines"] == 0.0
    assert math.isnan(scores["right_declines"])


def test_a_citation_beside_the_gold_span_is_not_in_it():
    answer = Answer("q", "five days", citations=(cite("leave.md", 30, 40),))
    scores = score_answer(ASKED, answer)
    assert scores["gold_cited"] == 0.0 and scores["right_citations"] == 0.0


def test_declining_an_answerable_question_counts_as_wrong_and_not_as_missing():
    scores = score_answer(ASKED, Answer("q", "I looked for five days", declined=True))
    assert scores["answer_f1"] == scores["token_f1"] == 0.0 and scores["wrong_declines"] == 1.0
    assert scores["gold_cited"] == 0.0
    assert math.isnan(scores["support"]) and math.isnan(scores["right_citations"])


def test_an_unanswerable_question_earns_its_decline_alone():
    declined = score_answer(NOT_THERE, Answer("q", "no", declined=True))
    answered = score_answer(NOT_THERE, Answer("q", "Arthur", support=0.1))
    assert declined["right_declines"] == 1.0 and answered["right_declines"] == 0.0
    assert declined["answer_f1"] == 1.0 and answered["answer_f1"] == 0.0
    assert math.isnan(declined["token_f1"]) and math.isnan(answered["wrong_declines"])
    assert answered["support"] == 0.1


def test_what_was_asked_without_passages_has_no_support_to_count():
    answer = Answer("q", "five days", support=0.8)
    scored = score("ft", [Case(ASKED, answer, closed=True)], measures_taken())
    nan = {name for name, values in scored.values.items() if math.isnan(values[0])}
    assert nan == {
        "support", "unsupported", "right_citations", "gold_cited", "right_declines",
    }  # fmt: skip


def test_a_retrieval_has_no_measures_of_answers_and_the_other_way_round():
    ranked = score("bm25", [Case(ASKED, ranking=("a",), judged={"a": 1})], measures_taken())
    assert list(ranked.values) == ["nDCG@10", "MRR@10", "Recall@5", "Recall@10"]
    answered = score("rag", [Case(ASKED, Answer("q", "five days"))], measures_taken())
    assert len(answered.values) == 12 and not set(answered.values) & set(ranked.values)


def test_nothing_found_scores_zero_and_nothing_to_be_found_does_not_count():
    cases = [
        Case(ASKED, ranking=("a", "b"), judged={"b": 1}),
        Case(ASKED, ranking=(), judged={"b": 1}),
        Case(ASKED, ranking=("a",), judged={}),
    ]
    mrr = score("bm25", cases, measures_taken()).values["MRR@10"]
    assert mrr[0] == 0.5 and mrr[1] == 0.0 and math.isnan(mrr[2])


def test_a_summary_pairs_systems_and_shows_who_moved():
    examples = [
        Example(f"e{i}", f"q{i}", ("yes",), (Gold(f"d{i}"),), group=f"d{i}") for i in range(30)
    ]

    def scored(name: str, texts: list[str]) -> Scored:
        cases = [Case(e, Answer("q", text)) for e, text in zip(examples, texts, strict=True)]
        return score(name, cases, measures_taken())

    before = scored("rag", ["no"] * 15 + ["yes"] * 15)
    after = scored("rag+ft", ["yes"] * 29 + ["no"])
    plan = Plan(
        pairs=(("rag", "rag+ft"), ("rag", "missing")), measures=("token_f1",),
        changed=("rag", "rag+ft"),
    )  # fmt: skip
    result = summarise([before, after], plan, Sampling())
    (d,) = result.differences
    assert d.n == 30 and d.groups == 30 and np.isclose(d.mean, 14 / 30) and d.low > 0
    assert len(result.improved) == 5 and [c.question for c in result.harmed] == ["q29"]
    assert result.harmed[0].before == "yes" and result.harmed[0].after == "no"
    plain = result.to_dict()
    assert plain["systems"]["rag"]["right_declines"]["mean"] is None
    assert plain["systems"]["rag"]["token_f1"]["mean"] == 0.5
    # Fewer wrong declines is what improves, whichever way the figure goes.
    fewer = Plan(measures=("wrong_declines",), changed=("rag", "rag+ft"))
    declined = [
        Case(c.example, Answer("q", "", declined=c is before.cases[0])) for c in before.cases
    ]
    shy = score("rag", declined, measures_taken())
    moved = summarise([shy, after], fewer, Sampling())
    assert [c.question for c in moved.improved] == ["q0"] and not moved.harmed


def test_measures_that_are_compared_by_default_are():
    cases = [Case(ASKED, Answer("q", "five days", support=0.5))]
    systems = [score(name, cases, measures_taken()) for name in "ab"]
    result = summarise(systems, Plan(pairs=(("a", "b"),)), Sampling())
    assert [d.measure for d in result.differences] == [
        "answer_f1", "exact_match", "support", "unsupported", "utility@1",
    ]  # fmt: skip


def test_utility_is_what_answering_and_declining_are_worth():
    wrong, right = Answer("q", "nine weeks", support=0.9), Answer("q", "five days", support=0.2)
    declined = Answer("q", "no", declined=True)
    for answer, there, not_there in ((right, 1.0, -1.0), (wrong, -1.0, -1.0), (declined, 0.0, 0.0)):
        assert score_answer(ASKED, answer)["utility@1"] == there
        assert score_answer(NOT_THERE, answer)["utility@1"] == not_there
    costly = measure_named("utility@2.5")
    assert costly.bounds == (-2.5, 1.0)
    assert costly.score([Case(ASKED, wrong), Case(ASKED, right)]).tolist() == [-2.5, 1.0]
    with pytest.raises(ConfigError, match="utility@x"):
        measure_named("utility@x")


def test_what_is_not_borne_out_counts_over_all_questions():
    unsupported = [
        score_answer(ASKED, answer)["unsupported"]
        for answer in (
            Answer("q", "five days", support=0.5),
            Answer("q", "five days", support=0.49),
            Answer("q", "no", declined=True),
        )
    ]
    assert unsupported == [0.0, 1.0, 0.0]
