"""Context: cancelling at a boundary, progress, and draws that do not mix."""

from __future__ import annotations

import pytest

from graft.core.context import Context, Event
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
