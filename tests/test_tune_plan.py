"""Steps: every example once an epoch, evenly long together, within the budget of a part."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from graft.core.recipe import Schedule
from graft.tune.plan import cut, plan_epoch, schedule_of, steps_of

LENGTHS = st.lists(st.integers(1, 700), min_size=1, max_size=90)


@given(LENGTHS, st.integers(1, 16), st.integers(0, 3))
def test_an_epoch_shows_every_example_once(lengths: list[int], size: int, seed: int) -> None:
    steps = plan_epoch(lengths, size, random.Random(seed))
    assert sorted(i for step in steps for i in step) == list(range(len(lengths)))
    assert all(0 < len(step) <= size for step in steps)
    assert len(steps) == -(-len(lengths) // size)


@given(
    st.integers(1, 500), st.integers(1, 500), st.integers(1, 32),
    st.floats(0.01, 20, allow_nan=False),
)  # fmt: skip
def test_a_set_of_another_size_can_be_trained_for_as_many_steps(
    many: int, few: int, size: int, epochs: float
) -> None:
    schedule = Schedule(epochs=epochs, batch_size=size)
    steps = steps_of(many, schedule)
    other = schedule_of(steps, few, schedule)
    assert steps_of(few, other) == steps
    # as the loop counts them
    assert round(other.epochs * len(plan_epoch([1] * few, size, random.Random(0)))) == steps


@given(LENGTHS, st.integers(1, 1500), st.integers(1, 5))
def test_parts_hold_a_step_within_the_budget(lengths: list[int], tokens: int, parts: int) -> None:
    found = cut(range(len(lengths)), lengths, tokens, accumulation=parts)
    assert sorted(i for part in found for i in part) == list(range(len(lengths)))
    for part in found:
        assert len(part) == 1 or len(part) * max(lengths[i] for i in part) <= tokens
    most = -(-len(lengths) // parts)
    assert max(map(len, found)) <= most and len(found) >= -(-len(lengths) // most)
    if tokens >= most * max(lengths):  # memory bears it: no more parts than were asked for
        assert len(found) == -(-len(lengths) // most)


def test_steps_are_even_and_epochs_differ_but_repeat_by_seed() -> None:
    rng = random.Random(7)
    lengths = [rng.randint(300, 700) for _ in range(400)]
    first = plan_epoch(lengths, 8, random.Random(1))
    padding = sum(max(lengths[i] for i in s) * len(s) - sum(lengths[i] for i in s) for s in first)
    assert padding / sum(lengths) < 0.06
    draws = random.Random(1)
    assert plan_epoch(lengths, 8, draws) == first != plan_epoch(lengths, 8, draws)
    # Short and long steps are mixed: an epoch is no curriculum.
    means = [sum(lengths[i] for i in step) / len(step) for step in first]
    assert sorted(means) != means
