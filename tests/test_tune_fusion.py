"""Fusion weights: they move for a better leg, not for noise, and score as retrieval fuses."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.core.errors import InputError
from graft.core.example import Example
from graft.core.search import Hit, Search
from graft.retrieve.fuse import fuse_ranks
from graft.tune.fusion import fit_fusion, fuse, leg_of

IDS = st.lists(st.sampled_from("abcdefghij"), unique=True, max_size=8)


def ranking(gold: str, rank: int, depth: int, draw: random.Random) -> list[tuple[str, float]]:
    """Return a ranking of random documents with the gold one at a rank."""
    others = [f"d{draw.randrange(10_000)}" for _ in range(depth)]
    others.insert(rank - 1, gold)
    return [(id, 1.0 / n) for n, id in enumerate(others, 1)]


def task(good: list[int], poor: list[int]):
    """Return two legs, one ranking the gold at `good` ranks and one at `poor`, and the qrels."""
    draw = random.Random(0)
    legs = {"dense": {}, "bm25": {}}
    for i, (a, b) in enumerate(zip(good, poor, strict=True)):
        legs["dense"][f"q{i}"] = ranking(f"g{i}", a, 30, draw)
        legs["bm25"][f"q{i}"] = ranking(f"g{i}", b, 30, draw)
    return legs, {f"q{i}": {f"g{i}": 1} for i in range(len(good))}


@settings(max_examples=50, deadline=None)
@given(IDS, IDS, st.sampled_from([0.0, 0.25, 1.0, 3.0]))
def test_it_fuses_as_retrieval_does(one: list[str], two: list[str], weight: float) -> None:
    rankings = [[(id, 1.0) for id in ids] for ids in (one, two)]
    hits = [[Hit(id, id, 1.0) for id in ids] for ids in (one, two)]
    expected = [(h.passage_id, h.score) for h in fuse_ranks(hits, [weight, 1.0])]
    got = fuse(rankings, [weight, 1.0])
    assert [id for id, _ in got] == [id for id, _ in expected]
    assert np.allclose([s for _, s in got], [s for _, s in expected])


def test_a_document_named_twice_counts_at_its_better_rank() -> None:
    assert fuse([[("a", 3.0), ("b", 2.0), ("a", 1.0)]], [1.0], k=0) == [("a", 1.0), ("b", 0.5)]


def test_a_clearly_better_leg_gets_the_weight_and_the_fusion_follows_it() -> None:
    legs, qrels = task([1] * 60, [9, 20, 30] * 20)
    fitted = fit_fusion(legs, qrels)
    assert fitted.weights["dense"] == 1.0
    assert fitted.weights["bm25"] < 1.0
    assert fitted.mean > fitted.equal
    assert fitted.mean == pytest.approx(fitted.legs["dense"], abs=0.01)
    assert fitted.legs["bm25"] < fitted.equal < fitted.legs["dense"]
    assert len(fitted.curve) >= 21


def test_equal_legs_keep_equal_weights() -> None:
    ranks, other = [1, 2, 3, 20] * 10, [20, 1, 9, 2] * 10
    fitted = fit_fusion(*task(ranks + other, other + ranks))
    assert fitted.weights == {"dense": 1.0, "bm25": 1.0}
    assert fitted.mean == fitted.equal


def test_the_noise_of_a_few_questions_moves_nothing() -> None:
    legs, qrels = task([1, 1, 2, 1], [1, 2, 1, 9])
    assert fit_fusion(legs, qrels).weights == {"dense": 1.0, "bm25": 1.0}
    assert fit_fusion(*task([1], [30])).weights == {"dense": 1.0, "bm25": 1.0}


def test_three_legs_are_weighed_on_the_simplex() -> None:
    legs, qrels = task([1] * 20, [12, 30] * 10)
    legs["late"] = {q: list(reversed(hits)) for q, hits in legs["bm25"].items()}
    fitted = fit_fusion(legs, qrels)
    assert fitted.weights["dense"] == max(fitted.weights.values()) == 1.0
    assert all(sum(point.shares.values()) == pytest.approx(1) for point in fitted.curve)


def test_a_question_that_no_leg_answers_counts_as_zero_and_one_without_gold_not_at_all() -> None:
    legs, qrels = task([1, 1], [1, 1])
    fitted = fit_fusion(legs, {**qrels, "lost": {"x": 1}, "no gold": {}, "bad": {"y": 0}})
    assert fitted.questions == 3
    assert fitted.equal == pytest.approx(2 / 3)


def test_passages_are_fused_and_judged_as_the_documents_they_stand_for() -> None:
    """A document that stands first by any passage is found, whatever its others do."""
    legs = {
        "dense": {"q": [("a1", 3.0), ("b1", 2.0)], "r": [("b2", 2.0), ("c1", 1.0)]},
        "bm25": {"q": [("b1", 2.0), ("a2", 1.0)], "r": [("b2", 2.0)]},
    }
    qrels = {"q": {"a": 1}, "r": {"c1": 1}}
    fitted = fit_fusion(legs, qrels, stands_for=lambda q, id: id[0] if q == "q" else id)
    assert fitted.legs["dense"] == pytest.approx((1 + 1 / np.log2(3)) / 2)
    assert fitted.legs["bm25"] == pytest.approx(1 / np.log2(3))
    assert fit_fusion(legs, qrels).legs["dense"] < fitted.legs["dense"]


def test_what_cannot_be_fitted_says_so() -> None:
    legs, qrels = task([1], [2])
    with pytest.raises(InputError, match="two legs"):
        fit_fusion({"dense": legs["dense"]}, qrels)
    with pytest.raises(InputError, match="training questions"):
        fit_fusion(legs, {})


def test_a_leg_is_what_a_first_stage_ranks_by_passage() -> None:
    def retrieve(searches: list[Search]) -> list[Search]:
        hits = (Hit("p2", "d1", 3.0), Hit("p1", "d1", 2.0), Hit("p3", "d2", 1.0))
        return [replace(s, hits=hits if s.query == "frog" else ()) for s in searches]

    examples = [Example("q", "frog"), Example("r", "ship")]
    by_passage = leg_of(retrieve, examples)
    asked: list[Search] = []

    def keeping(searches: list[Search]) -> list[Search]:
        asked.extend(searches)
        return searches

    turn = {"role": "user", "content": "where do frogs live"}
    leg_of(keeping, [Example("q", "and toads?", messages=(turn,))])
    assert asked[0].history == (turn,), "a conversation is searched for with its turns"
    assert by_passage == {"q": [("p2", 3.0), ("p1", 2.0), ("p3", 1.0)], "r": []}
