"""Scoring systems: those that a line holds, and what rankings are worth by grades of gold."""

from __future__ import annotations

import pytest

from graft.core.config import RetrieveTable, Settings
from graft.core.example import Example, Gold
from graft.core.measure import measures_taken
from graft.core.search import Hit
from graft.evaluate.compare import Sampling
from graft.evaluate.result import summarise
from graft.evaluate.score import score
from graft.loop import scoring
from graft.loop.scoring import Bench, ranking_systems, rankings_plan, retrieval_settings
from graft.loop.trials import digests_of
from graft.retrieve.stages.bm25 import BM25
from graft.retrieve.stages.dense import Dense
from graft.retrieve.stages.rerank import Rerank
from graft.testing import FakeEncoder, FakeReranker, MemoryStore
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
    monkeypatch.setattr(scoring, "pipeline", lambda *parts: BM25(MemoryStore([])))
    bench = Bench(open_workspace(tmp_path), Settings(), None, CTX)
    systems = ranking_systems(bench, dict.fromkeys(rows, Settings()))
    scored = [score(system.name, system.ask(asked), measures_taken()) for system in systems]
    result = summarise(scored, rankings_plan(list(rows), "best"), Sampling())
    means = {name: found["nDCG@10"].mean for name, found in result.systems.items()}
    assert means == pytest.approx({"found": 0.2754, "best": 1.0}, abs=1e-4)
    assert {(d.a, d.b, d.measure) for d in result.differences} == {
        ("found", "best", "nDCG@10"), ("found", "best", "Recall@10"),
    }  # fmt: skip
    assert scored[0].cases[0].ranking == ("d1", "d3"), "a document stands at its best passage"


@pytest.mark.parametrize(
    ("pipeline", "systems"),
    [
        ("follow_up >> dense + bm25", {
            "bm25": "follow_up >> bm25", "dense": "follow_up >> dense",
            "hybrid": "follow_up >> dense + bm25",
        }),
        ("dense+.5*bm25 >> rerank", {
            "bm25": "bm25", "dense": "dense", "hybrid": "dense + 0.5 * bm25",
            "reranked": "dense + 0.5 * bm25 >> rerank",
        }),
        ("follow_up >> bm25", {"bm25": "follow_up >> bm25"}),
        ("dense >> rerank % 5", {"dense": "dense", "reranked": "dense >> rerank % 5"}),
    ],
)  # fmt: skip
def test_the_systems_are_each_leaf_alone_the_fusion_and_the_whole_line(pipeline, systems):
    settings = Settings(retrieve=RetrieveTable(pipeline=pipeline, depth=9))
    found = retrieval_settings(settings)
    assert list(found) == list(systems)
    assert {name: made.retrieve.pipeline for name, made in found.items()} == systems
    assert {made.retrieve.depth for made in found.values()} == {9}


def test_a_retrieval_is_told_by_the_weights_of_all_its_models():
    store = MemoryStore([])
    encoder = FakeEncoder()
    line = (Dense(store, encoder) + BM25(store)) % 9 >> Rerank(FakeReranker(), store)
    assert digests_of(line) == {
        "dense encoder": encoder.digest, "rerank reranker": "fake-reranker",
    }  # fmt: skip
