"""A part joins by what it serves on dev, by more than chance gives it."""

from __future__ import annotations

import numpy as np
import pytest

from graft.core.answer import Answer
from graft.core.case import Case
from graft.core.example import Example, Gold
from graft.core.measure import measure_named
from graft.loop.joining import FEWEST, gain_of, halves

NDCG = measure_named("nDCG@10")


def ranked(places: list[int], per: int = 1) -> list[Case]:
    """One case a place: the one relevant passage stands there, from 0."""
    cases = []
    for i, place in enumerate(places):
        example = Example(f"e{i}", f"Q{i}?", gold=(Gold(f"d{i}"),), group=f"d{i // per}")
        ids = [f"x{j}" for j in range(place)] + ["right"]
        cases.append(Case(example, ranking=tuple(ids), judged={"right": 1}))
    return cases


def test_a_gain_of_more_than_its_standard_error_joins_and_one_of_less_does_not():
    before = ranked([1] * 40)
    assert gain_of(NDCG, before, ranked([0] * 40)).joins
    luck = gain_of(NDCG, before, ranked([0] * 4 + [3] * 6 + [1] * 30))
    assert luck.after > luck.before and not luck.joins
    assert not gain_of(NDCG, before, before).joins
    assert (
        "dev nDCG@10 0.631 → 1.000 on 40 questions, +0.369"
        in gain_of(NDCG, before, ranked([0] * 40)).sentence
    )


def test_without_any_true_gain_one_part_in_six_joins_at_most():
    rng = np.random.default_rng(0)
    joined = 0
    for _ in range(400):
        one, two = rng.integers(0, 5, (2, 40)).tolist()
        joined += gain_of(NDCG, ranked(one), ranked(two)).joins
    assert joined / 400 < 0.22


def test_questions_on_one_document_are_one_witness():
    before, after = [1] * 12, [0] * 8 + [2] * 4
    alone = gain_of(NDCG, ranked(before), ranked(after))
    tied = gain_of(NDCG, ranked(before, per=4), ranked(after, per=4))
    assert tied.after == alone.after and tied.error > 1.3 * alone.error


def test_what_cannot_be_measured_joins_nothing():
    bare = [Case(Example("e", "Q?"), Answer("Q?", "five"))]
    gain = gain_of(NDCG, bare, bare)
    assert gain.n == 0 and not gain.joins


def test_lower_is_turned_round():
    fewer = measure_named("unsupported")
    example = [Example(f"e{i}", "Q?", ("five",), group=f"d{i}") for i in range(20)]
    sides = [[Case(e, Answer("Q?", "five", support=s)) for e in example] for s in (0.1, 0.9)]
    assert gain_of(fewer, *sides).joins and not gain_of(fewer, *reversed(sides)).joins


def test_dev_is_dealt_in_two_by_whole_groups_and_the_same_way_each_time():
    dev = [Example(f"e{i}", "Q?", group=f"d{i // 3}") for i in range(60)]
    looks, joins = halves(dev)
    assert {e.group for e in looks}.isdisjoint(e.group for e in joins)
    assert len(looks) == len(joins) == 30
    assert halves(list(reversed(dev)))[0] != [] and {e.id for e in halves(dev[::-1])[0]} == {
        e.id for e in looks
    }


@pytest.mark.parametrize("count", [FEWEST - 1, 40])
def test_a_small_dev_or_one_of_a_single_group_is_both(count: int):
    dev = [Example(f"e{i}", "Q?", group="d" if count == 40 else f"d{i}") for i in range(count)]
    assert halves(dev) == (dev, dev)
