"""What a plan promises is what the gate's own tests do."""

from __future__ import annotations

import numpy as np
import pytest

from graft.evaluate.gate import level_of
from graft.evaluate.power import CHANGED, OFTEN, SPREAD, power
from graft.evaluate.tilting import Groups


def one_each(values: np.ndarray) -> Groups:
    return Groups.of(values, np.arange(len(values)), (-1.0, 1.0))


@pytest.mark.parametrize("margin", [0.03, 0.05, 0.1])
def test_so_many_questions_without_a_change_hold_the_margin(margin: float):
    told = power(100, margin).unchanged
    assert one_each(np.zeros(told)).p_above(-margin) <= level_of(1)
    assert one_each(np.zeros(int(told * 0.97))).p_above(-margin) > level_of(1)


def test_the_gain_and_the_changing_guard_are_shown_about_as_often_as_told():
    rng, n = np.random.default_rng(0), 200
    told = power(n, 0.05)
    gains = [
        one_each(np.clip(rng.normal(told.gain, SPREAD, n), -1, 1)).p_above(0.0) for _ in range(200)
    ]
    assert np.mean(np.array(gains) <= level_of(1)) == pytest.approx(OFTEN, abs=0.1)
    guards = []
    for _ in range(100):
        moved = rng.random(told.changing) < CHANGED
        guards.append(one_each(np.where(moved, rng.choice([-1.0, 1.0], told.changing), 0.0)))
    held = np.mean([guard.p_above(-0.05) <= level_of(1) for guard in guards])
    assert held == pytest.approx(OFTEN, abs=0.13)


def test_a_later_look_takes_more_and_a_margin_of_nothing_takes_very_many():
    assert power(100, 0.05, look=5).unchanged > power(100, 0.05).unchanged
    assert power(100, 0.05, look=5).gain > power(100, 0.05).gain
    assert power(100, 0.0).unchanged > 10_000
    assert "100 questions show a gain of" in power(100, 0.05).sentence
