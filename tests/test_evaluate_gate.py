"""The gate refuses what is worse, what shows no gain, and what it cannot see."""

from __future__ import annotations

import pytest

from graft.evaluate.compare import Difference
from graft.evaluate.gate import judge


def d(measure: str, mean: float, low: float, high: float, *, small: bool = False) -> Difference:
    return Difference("now", "new", measure, mean, low, high, 0.01, 0.01, 100, 50, small)


GOOD, SAFE = d("answer_f1", 0.1, 0.05, 0.15), d("support", 0.0, -0.02, 0.02)


def verdict(*rows: Difference, margin: float = 0.03) -> str:
    found = judge(rows, improve=["answer_f1"], guard=["support"], margin=margin)
    assert found.sentence and found.passed == (found.outcome == "promote")
    return found.outcome


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [
        ((GOOD, SAFE), "promote"),
        ((d("answer_f1", 0.1, -0.01, 0.2), SAFE), "cannot tell"),
        ((d("answer_f1", 0.0, -0.02, 0.02), SAFE), "no gain"),
        ((d("answer_f1", 0.0, 0.0, 0.0), SAFE), "no gain"),
        ((d("answer_f1", -0.1, -0.2, -0.05), SAFE), "worse"),
        ((GOOD, d("support", -0.1, -0.15, -0.05)), "worse"),
        ((GOOD, d("support", -0.01, -0.05, 0.03)), "cannot tell"),
        ((GOOD, d("support", 0.02, -0.031, 0.2)), "cannot tell"),
        ((d("answer_f1", 0.1, 0.05, 0.15, small=True), SAFE), "cannot tell"),
        ((GOOD, d("support", 0.0, 0.0, 0.0, small=True)), "cannot tell"),
        ((GOOD,), "cannot tell"),
        ((SAFE,), "cannot tell"),
    ],
)
def test_outcomes(rows, outcome):
    assert verdict(*rows) == outcome


def test_a_blind_set_cannot_pass_the_guard():
    wide = d("support", 0.0, -0.4, 0.4)
    assert verdict(GOOD, wide) == "cannot tell"
    assert verdict(GOOD, wide, margin=0.5) == "promote"


def test_a_measure_where_lower_is_better_is_turned_round():
    fewer = judge(
        [d("wrong_declines", -0.1, -0.15, -0.05)], improve=["wrong_declines"], guard=[],
        margin=0.03,
    )  # fmt: skip
    assert fewer.outcome == "promote"
    more = judge(
        [d("wrong_declines", 0.1, 0.05, 0.15)], improve=[], guard=["wrong_declines"],
        margin=0.03,
    )  # fmt: skip
    assert more.outcome == "worse"
