"""Context: the clock, seed, event listener and cancel switch that every job is handed."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from graft.core.errors import Cancelled

T = TypeVar("T")

Phase = Literal["start", "progress", "end", "note", "warning"]


@dataclass(frozen=True)
class Event:
    """Something that happened in a stage; listeners draw bars, write traces and count.

    `total` is None when it is not known. `seconds` is set at the end. `counts` holds numbers
    such as a loss; `message` never holds document text.
    """

    stage: str
    phase: Phase
    done: int = 0
    total: int | None = None
    seconds: float = 0.0
    counts: Mapping[str, float] = field(default_factory=dict)
    message: str = ""


def ignore(event: Event) -> None:
    """Listen to nothing."""


@dataclass
class Step:
    """A stage under way; `advance` reports progress and stops here when the job is cancelled."""

    stage: str
    total: int | None
    context: Context
    done: int = 0

    def advance(self, amount: int = 1, **counts: float) -> None:
        """Report `amount` more units done. Raises Cancelled at this boundary if asked to stop."""
        self.done += amount
        self.context.emit(Event(self.stage, "progress", self.done, self.total, counts=counts))
        self.context.check()


@dataclass(frozen=True)
class Context:
    """What a job may know of the world: the times that it records and all chance come from here."""

    clock: Callable[[], float] = time.time
    seed: int = 0
    events: Callable[[Event], None] = ignore
    cancel: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Raise Cancelled if the user asked to stop."""
        if self.cancel.is_set():
            raise Cancelled("the job was cancelled, and nothing was published: run it again")

    def emit(self, event: Event) -> None:
        """Hand an event to the listener."""
        self.events(event)

    def note(self, stage: str, message: str, **counts: float) -> None:
        """Tell the listener something that a person may want to read."""
        self.emit(Event(stage, "note", message=message, counts=counts))

    def warn(self, stage: str, message: str, **counts: float) -> None:
        """Tell the listener something that a person should read."""
        self.emit(Event(stage, "warning", message=message, counts=counts))

    def random(self, purpose: str) -> random.Random:
        """Return a generator seeded by the job's seed and a purpose, so that uses do not mix."""
        return random.Random(f"{self.seed}:{purpose}")

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Step]:
        """Time a stage: emits its start and its end, and checks for a cancel before it."""
        self.check()
        started = self.clock()
        step = Step(name, total, self)
        self.emit(Event(name, "start", 0, total))
        yield step
        self.emit(Event(name, "end", step.done, total, self.clock() - started))

    def track(self, name: str, items: Iterable[T], total: int | None = None) -> Iterator[T]:
        """Yield `items`, reporting progress for each."""
        with self.stage(name, total) as step:
            for item in items:
                yield item
                step.advance()
