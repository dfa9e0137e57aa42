"""What a mean could have been: held against sums that are counted out, and against the truth."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats

from graft.evaluate.tilting import Groups, _null, _tail

quick = settings(deadline=None, max_examples=80)


def singles(*values: float, bounds: tuple[float, float] = (-1.0, 1.0)) -> Groups:
    return Groups.of(np.array(values), [str(i) for i in range(len(values))], bounds)


def test_the_tail_of_a_sum_is_what_counting_every_case_gives():
    values, weights = np.array([-1.0, -0.25, 0.5]), np.array([0.2, 0.5, 0.3])
    for total in (-1.0, 0.0, 0.25, 1.5, 2.0):
        counted = sum(
            float(np.prod([weights[i] for i in case]))
            for case in product(range(3), repeat=4)
            if values[list(case)].sum() >= total - 1e-12
        )
        assert _tail(values, weights, 4, total) == pytest.approx(counted, abs=2e-3)


@pytest.mark.parametrize(("lost", "count"), [(0, 20), (0, 125), (1, 185), (4, 300)])
def test_losses_alone_are_told_as_the_binomial_has_them(lost: int, count: int):
    # On losses and ties alone the likeliest distribution at -.03 loses .03 of the time.
    held = singles(*([-1.0] * lost + [0.0] * (count - lost)))
    found = _tail(*_null(held.sums + 0.03, -0.97), count, float((held.sums + 0.03).sum()))
    assert found == pytest.approx(stats.binom.cdf(lost, count, 0.03), rel=0.01)


def test_twenty_ties_certify_nothing_and_some_hundred_and_thirty_do():
    assert singles(*[0.0] * 20).interval(0.95)[0] < -0.15
    assert singles(*[0.0] * 120).interval(0.95)[0] < -0.03
    assert singles(*[0.0] * 135).interval(0.95)[0] > -0.03


def test_tangos_restricted_likelihood_is_a_special_case():
    # 30 gains and 12 losses of 100: the tilt of least favour to a mean of 0, by its own formula.
    won, lost, count = 30, 12, 100
    held = np.array([1.0] * won + [-1.0] * lost + [0.0] * (count - won - lost))

    def likelihood(share: float) -> float:  # gains and losses as likely as each other
        return -((won + lost) * np.log(share) + (count - won - lost) * np.log(1 - 2 * share))

    share = optimize.minimize_scalar(likelihood, bounds=(1e-6, 0.5), method="bounded").x
    values, weights = _null(held, -1.0)
    assert dict(zip(values, weights, strict=True))[1.0] == pytest.approx(share, abs=1e-4)
    assert dict(zip(values, weights, strict=True))[-1.0] == pytest.approx(share, abs=1e-4)


def test_a_group_counts_once_however_many_questions_it_holds():
    values = np.array([1.0, 0.0] * 30)
    alone = singles(*values, bounds=(0.0, 1.0))
    tied = Groups.of(np.repeat([1.0, 0.0] * 10, 3), np.repeat(range(20), 3), (0.0, 1.0))
    assert alone.mean == tied.mean
    wide, narrow = np.ptp(tied.interval(0.95)), np.ptp(alone.interval(0.95))
    assert wide > 1.5 * narrow


def test_one_group_tells_nothing():
    one = Groups.of(np.ones(40), ["d"] * 40, (-1.0, 1.0))
    assert one.p_equal(0.0) == 1.0
    assert one.interval(0.95) == (-1.0, 1.0)


@quick
@given(
    st.lists(st.sampled_from([-1.0, -0.4, 0.0, 0.0, 0.3, 1.0]), min_size=2, max_size=60),
    st.sampled_from([0.8, 0.95, 0.99]),
)
def test_interval_and_p_value_never_contradict_each_other(values, confidence):
    held = singles(*values)
    low, high = held.interval(confidence)
    assert -1 <= low <= held.mean <= high <= 1
    tail = (1 - confidence) / 2
    for at in (-0.5, -0.1, 0.0, 0.1, 0.5):
        if abs(at - low) > 1e-3 and at < held.mean:
            assert (held.p_above(at) <= tail) == (at < low)
        if abs(at - high) > 1e-3 and at > held.mean:
            assert (held.p_below(at) <= tail) == (at > high)
    mirrored = held.turned.interval(confidence)
    assert mirrored == pytest.approx((-high, -low), abs=1e-3)


@quick
@given(st.lists(st.sampled_from([-1.0, 0.0, 0.5]), min_size=3, max_size=40))
def test_more_of_the_same_is_never_less_certain(values):
    once, twice = singles(*values), singles(*values, *values)
    assert np.ptp(twice.interval(0.95)) <= np.ptp(once.interval(0.95)) + 1e-3


def test_questions_of_one_group_that_share_their_fate_count_once_and_others_each() -> None:
    """`together`: what an unseen group's questions share, by how those of the seen do."""
    owner = np.repeat(np.arange(40), 5)
    draw = np.random.default_rng(3)
    fates = draw.choice([-1.0, 1.0], 40)
    whole = Groups.of(np.repeat(fates, 5), owner, (-1.0, 1.0))
    alone = Groups.of(draw.choice([-1.0, 1.0], 200), owner, (-1.0, 1.0))
    assert whole.together == pytest.approx(5, abs=0.2) and alone.together < 1.4
    ties = Groups.of(np.zeros(200), owner, (-1.0, 1.0))
    assert ties.together == 5, "nothing is known of what did not differ"


def test_a_few_differences_alone_show_no_independence() -> None:
    """Pairs that share everything are added: a single loss is no proof that losses come alone."""
    values, owner = np.zeros(120), np.repeat(np.arange(40), 3)
    values[0] = -1.0
    one = Groups.of(values, owner, (-1.0, 1.0))
    assert one.together > 2.5
    spread = np.zeros(120)
    spread[::6] = -1.0  # twenty losses, each in a group of its own
    assert Groups.of(spread, owner, (-1.0, 1.0)).together < 1.6


def test_ties_in_groups_certify_less_than_as_many_single_ones() -> None:
    grouped = Groups.of(np.zeros(120), np.repeat(np.arange(40), 3), (-1.0, 1.0))
    single = Groups.of(np.zeros(120), np.arange(120), (-1.0, 1.0))
    few = Groups.of(np.zeros(40), np.arange(40), (-1.0, 1.0))
    assert grouped.interval(0.95)[0] == pytest.approx(few.interval(0.95)[0], abs=1e-4)
    assert grouped.interval(0.95)[0] < 2.5 * single.interval(0.95)[0] < 0


def test_a_p_value_is_larger_where_a_few_groups_hold_what_differs() -> None:
    """Forty groups of one size are so many where all differ alike, and fewer where four do."""
    equal, few = np.tile([0.3, -0.3], 20), np.zeros(40)
    few[:4] = 1.0
    held = Groups.of(equal, np.arange(40), (-1.0, 1.0))
    as_many = special.stdtr(39, special.ndtri(0.02) / math.sqrt(40 / 39))
    assert held._expanded(0.02, equal) == pytest.approx(as_many)
    assert held._expanded(0.02, few) > 1.3 * as_many


def test_what_no_group_shows_is_asked_for_by_the_number_of_groups() -> None:
    """The rule of three: of thirty groups without a loss, a tenth may lose."""
    moved = np.random.default_rng(1).normal(0, 0.1, 300)
    held = Groups.of(moved - moved.mean(), np.repeat(np.arange(30), 10), (-1.0, 1.0))
    assert held.together < 4, "these questions say that they are independent"
    assert held.interval(0.95)[0] == pytest.approx(0.025 ** (1 / 30) - 1, abs=0.002)
    assert held.p_above(-0.05) == pytest.approx(0.95**30, rel=1e-6)
