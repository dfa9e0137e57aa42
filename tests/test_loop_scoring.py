"""Scoring systems: what their rankings are worth by the grades of the gold."""

from __future__ import annotations

import pytest

from graft.core.config import Settings
from graft.core.example import Example, Gold
from graft.core.measure import measures_taken
from graft.core.search import Hit
from graft.evaluate.compare import Sampling
from graft.evaluate.result import summarise
from graft.evaluate.score import score
from graft.loop import scoring
from graft.loop.scoring import Bench, ranking_systems, rankings_plan
from graft.wire import open_workspace
from tests.conftest import CTX


def test_rankings_are_scored_by_the_grades_of_the_gold(tmp_path, monkeypatch):
    gold = (Gold("d1", grade=1), Gold("d2", grade=3))
    asked = [
        Example("q1", "How many days?", gold=gold, group="d1"),
        Example("q2", "When are wages paid?", gold=gold[::-1], group="d2"),
    ]
    # the document of grade 1 alone, first: 1 / (3 + 1 / log2(3)) = .2754, and .6131 if all were 1
    rows = {"found": [["d1", "d3", "d1"], ["d1"]], "best": [["d2", "d1"]] * 2}

    def hits(bench, name, examples):
        return [
            [Hit(f"{id}-{place}", id, 0.0) for place, id in enumerate(row)] for row in rows[name]
        ]

    monkeypatch.setattr(scoring, "search_all", hits)
    bench = Bench(open_workspace(tmp_path), Settings(), None, CTX)
    systems = ranking_systems(bench, dict.fromkeys(rows, Settings()))
    scored = [score(system.name, system.ask(asked), measures_taken()) for system in systems]
    result = summarise(scored, rankings_plan(list(rows), "best"), Sampling(200))
    means = {name: found["nDCG@10"].mean for name, found in result.systems.items()}
    assert means == pytest.approx({"found": 0.2754, "best": 1.0}, abs=1e-4)
    assert {(d.a, d.b, d.measure) for d in result.differences} == {
        ("found", "best", "nDCG@10"), ("found", "best", "Recall@10"),
    }  # fmt: skip
    assert scored[0].cases[0].ranking == ("d1", "d3"), "a document stands at its best passage"
