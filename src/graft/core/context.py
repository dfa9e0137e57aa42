"""Context: the clock, seed, event listener, cancel switch and budget that every job is handed."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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


@dataclass
class Allowance:
    """What is left to spend: calls of a generator, its tokens, seconds of work; inf is no limit.

    What costs asks first: `take` gives all that is asked for, or nothing. What is known only
    afterwards is `spend`ed, and may leave less than nothing. Safe from many threads.
    """

    calls: float = math.inf
    tokens: float = math.inf
    seconds: float = math.inf
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def gone(self) -> str:
        """The name of what nothing is left of; "" while there is some of each."""
        left = {"calls": self.calls, "tokens": self.tokens, "seconds": self.seconds}
        return next((name for name, amount in left.items() if amount <= 0), "")

    def take(self, *, calls: float = 0, tokens: float = 0) -> bool:
        """Take what is about to be spent off the budget, if there is as much; say whether.

        >>> budget = Allowance(calls=3)
        >>> budget.take(calls=2), budget.take(calls=2), budget.calls
        (True, False, 1)
        """
        with self._lock:
            if calls > self.calls or tokens > self.tokens or self.seconds <= 0:
                return False
            self.calls, self.tokens = self.calls - calls, self.tokens - tokens
            return True

    def spend(self, *, calls: float = 0, tokens: float = 0, seconds: float = 0) -> None:
        """Take what was spent off the budget."""
        with self._lock:
            self.calls, self.tokens = self.calls - calls, self.tokens - tokens
            self.seconds -= seconds


@dataclass(frozen=True)
class Context:
    """What a job may know of the world: the times that it records and all chance come from here.

    `budget` is what may still be spent; it is shared by all who were handed this context.
    """

    clock: Callable[[], float] = time.time
    seed: int = 0
    events: Callable[[Event], None] = ignore
    cancel: threading.Event = field(default_factory=threading.Event)
    budget: Allowance = field(default_factory=Allowance)

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

    def batches(self, items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
        """Yield slices of `items`; hears a cancel before each, and its seconds go off the budget.

        >>> list(Context().batches("abcde", 2))
        ['ab', 'cd', 'e']
        """
        for start in range(0, len(items), size):
            self.check()
            began = self.clock()
            yield items[start : start + size]
            self.budget.spend(seconds=self.clock() - began)
