"""Context: cancelling at a boundary, progress, and draws that do not mix."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from graft.core.context import Allowance, Context, Event
from graft.core.errors import Cancelled


def test_a_cancel_stops_at_the_next_boundary():
    context, seen = Context(), []
    with pytest.raises(Cancelled):
        for item in context.track("count", range(10)):
            seen.append(item)
            if item == 2:
                context.cancel.set()
    assert seen == [0, 1, 2]


def test_a_stage_tells_its_start_progress_and_end_with_the_clock_it_was_given():
    events: list[Event] = []
    ticks = iter([10.0, 12.5])
    context = Context(clock=lambda: next(ticks), events=events.append)
    with context.stage("embed", 4) as step:
        step.advance(3, loss=0.5)
    assert [(e.phase, e.done, e.total) for e in events] == [
        ("start", 0, 4), ("progress", 3, 4), ("end", 3, 4)]  # fmt: skip
    assert events[-1].seconds == 2.5 and events[1].counts == {"loss": 0.5}


def test_draws_depend_on_seed_and_purpose_alone():
    first = Context(seed=1).random("split").random()
    assert first == Context(seed=1).random("split").random()
    assert first != Context(seed=2).random("split").random()
    assert first != Context(seed=1).random("mine").random()


def test_a_budget_is_taken_whole_or_not_at_all_from_many_threads():
    budget = Allowance(calls=100, tokens=1000)
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: budget.take(calls=3, tokens=1), range(200)))
    assert sum(taken) == 33 and budget.calls == 1 and budget.tokens == 1000 - 33
    assert not budget.take(calls=1, tokens=10_000) and budget.calls == 1
    budget.spend(calls=2, seconds=5)
    assert budget.gone == "calls" and Allowance().gone == ""
    late = Allowance(seconds=1)
    late.spend(seconds=2)
    assert late.gone == "seconds" and not late.take(calls=1)


def test_batches_hear_a_cancel_and_spend_the_seconds_between():
    ticks, context = iter(range(100)), Context()
    context = replace(context, clock=lambda: next(ticks), budget=Allowance(seconds=10))
    seen = []
    with pytest.raises(Cancelled):
        for batch in context.batches(range(10), 4):
            seen.append(list(batch))
            if len(seen) == 2:
                context.cancel.set()
    assert seen == [[0, 1, 2, 3], [4, 5, 6, 7]] and context.budget.seconds == 8
