"""Scoring systems: what their rankings are worth by the grades of the gold."""

from __future__ import annotations

import pytest

from graft.core.example import Example, Gold
from graft.loop.scoring import Rankings, rankings_result
from graft.wire import open_workspace
from tests.conftest import CTX


def test_rankings_are_scored_by_the_grades_of_the_gold(tmp_path):
    gold = (Gold("d1", grade=1), Gold("d2", grade=3))
    asked = [
        Example("q1", "How many days?", gold=gold, group="d1"),
        Example("q2", "When are wages paid?", gold=gold[::-1], group="d2"),
    ]
    # the document of grade 1 alone, first: 1 / (3 + 1 / log2(3)) = .2754, and .6131 if all were 1
    found = Rankings([[("d1", 2.0), ("d3", 1.0)], [("d1", 2.0)]], 0.0)
    best = Rankings([[("d2", 2.0), ("d1", 1.0)]] * 2, 0.0)
    result = rankings_result(
        open_workspace(tmp_path), {"found": found, "best": best}, asked, against="best", ctx=CTX
    )
    means = {name: found["nDCG@10"].mean for name, found in result.systems.items()}
    assert means == pytest.approx({"found": 0.2754, "best": 1.0}, abs=1e-4)
