"""Intervals cover as often as they claim, and know which questions hang together."""

from __future__ import annotations

import numpy as np
import pytest

from graft.evaluate.compare import (
    Difference,
    Sampling,
    adjust,
    difference,
    estimate,
)

pytestmark = pytest.mark.slow


def clustered(generator: np.random.Generator, groups: int, size: int, shift: float):
    """Paired scores whose difference has a part that a whole document shares."""
    shared = np.repeat(generator.normal(0, 1, groups), size)
    a = generator.normal(0, 1, groups * size)
    b = a + shift + shared + generator.normal(0, 0.3, groups * size)
    return a, b, [f"d{i // size}" for i in range(groups * size)]


def test_the_interval_covers_the_truth_as_often_as_it_claims_only_by_document():
    generator = np.random.default_rng(8)
    covered = {"document": 0, "question": 0}
    rounds = 300
    for _ in range(rounds):
        a, b, groups = clustered(generator, 40, 5, 0.2)
        single = [str(i) for i in range(len(a))]
        for name, units in (("document", groups), ("question", single)):
            d = difference(("a", a), ("b", b), "m", groups=units, sampling=Sampling())
            covered[name] += d.low <= 0.2 <= d.high
    assert covered["document"] / rounds == pytest.approx(0.95, abs=0.035)
    assert covered["question"] / rounds < 0.75


def test_a_difference_is_paired_and_signed_b_minus_a():
    a, b = np.array([0.0, 0.5, 1.0] * 20), np.array([0.1, 0.6, 1.1] * 20)
    groups = [str(i) for i in range(60)]
    d = difference(
        ("a", a / 2), ("b", b / 2), "f1", groups=groups, sampling=Sampling(), bounds=(0.0, 1.0)
    )
    assert d.mean == pytest.approx(0.05)
    assert d.low < 0.05 < d.high
    # All gain a little: a loss of everything may still be among 60 unseen ones.
    assert 0.05 < d.p < 0.5 and (d.n, d.n_a, d.n_b) == (60, 60, 60) and not d.small
    assert not d.clear(0.95) and d.clear(0.5)


def test_identical_systems_differ_by_nothing_seen_which_is_not_nothing():
    a = np.random.default_rng(0).random(50)
    d = difference(
        ("a", a), ("b", a), "m", groups=[str(i) for i in range(50)], sampling=Sampling(),
        bounds=(0.0, 1.0),
    )  # fmt: skip
    assert (d.mean, d.p) == (0.0, 1.0)
    assert d.low == pytest.approx(-0.07, abs=0.02) and d.high == pytest.approx(0.07, abs=0.02)


def test_a_value_outside_of_its_bounds_is_refused():
    with pytest.raises(ValueError, match="values from 0 to 3 are not within"):
        estimate(np.array([0.0, 3.0]), ["a", "b"], Sampling(), (0.0, 1.0))


def test_questions_that_do_not_count_leave_the_pair():
    a = np.array([np.nan, 0.0, 1.0])
    b = np.array([1.0, np.nan, 0.0])
    d = difference(("a", a), ("b", b), "m", groups=["x", "y", "z"], sampling=Sampling())
    assert d.n == 1 and d.mean == -1.0 and d.small
    assert (d.n_a, d.n_b) == (2, 2)


def test_nothing_counted_is_said_and_not_zero():
    mean = estimate(np.array([np.nan, np.nan]), ["a", "b"], Sampling())
    assert mean.n == 0 and np.isnan(mean.mean)


def test_few_documents_are_too_small_however_many_questions():
    a, b = np.zeros(500), np.ones(500)
    groups = [str(i % 5) for i in range(500)]
    d = difference(("a", a), ("b", b), "m", groups=groups, sampling=Sampling())
    assert d.small and d.groups == 5


def test_holm_by_hand():
    ps = [0.01, 0.04, 0.03]
    rows = [Difference("a", "b", str(p), 0, 0, 0, p, p, 50, 50, False) for p in ps]
    assert [d.p_adjusted for d in adjust(rows)] == pytest.approx([0.03, 0.06, 0.06])


def test_the_same_rows_give_the_same_interval_and_more_confidence_a_wider_one():
    values, groups = np.random.default_rng(1).random(80), [str(i) for i in range(80)]
    first = estimate(values, groups, Sampling())
    assert first == estimate(values, groups, Sampling())
    wider = estimate(values, groups, Sampling(confidence=0.99))
    assert wider.low < first.low < first.high < wider.high


@pytest.mark.parametrize("bounds", [(0.0, 1.0), None])
def test_one_question_says_nothing(bounds: tuple[float, float] | None) -> None:
    pair = ("a", np.zeros(1)), ("b", np.ones(1))
    told = difference(*pair, "m", groups=["x"], sampling=Sampling(), bounds=bounds)
    assert (told.p, told.p_adjusted, told.small) == (1.0, 1.0, True)
    assert not told.clear(0.95)
