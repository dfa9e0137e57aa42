"""What a training leaves out is told where a person reads it."""

from __future__ import annotations

from graft.core.context import Context, Event
from graft.loop.tuning import _tell_left_out


def test_examples_that_are_too_long_are_told_as_a_warning() -> None:
    heard: list[Event] = []
    counts = {"train": 1, "train: too long": 2, "dev: no answer": 3, "mined: false negative": 9}
    _tell_left_out(counts, {"train": 3, "dev": 5}, Context(events=heard.append))
    assert [(each.phase, each.message.partition(":")[0]) for each in heard] == [
        ("warning", "2 of 3 train examples are left out (too long"),
        ("note", "3 of 5 dev examples are left out (no answer"),
    ]
    heard.clear()
    _tell_left_out(
        {"train": 3, "mined: too few": 2}, {"train": 3, "dev": 5}, Context(events=heard.append)
    )
    assert not heard
