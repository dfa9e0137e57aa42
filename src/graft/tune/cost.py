"""Cost: what a tuning will take in time and memory, told from a short trial before it starts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from graft.core.context import Context
from graft.core.errors import InputError
from graft.core.estimate import Estimate

CostTrial = tuple[int, Callable[[], object]]
"""A piece of the real work: its size in tokens, and the call that does it once."""


def measure_cost(
    ctx: Context,
    pieces: Sequence[CostTrial],
    *,
    tokens: int,
    steps: int,
    trainable_parameters: int,
) -> Estimate:
    """Do a few pieces of the real work, time them, and scale to all `tokens`.

    The first piece also warms the kernels up and is not timed (unless it is the only one), so
    put the largest first: it shows the peak of memory. A piece must leave the weights as they
    were. `tokens` counts every pass, looks at dev too. Raises InputError when there is no piece.

    >>> ticks = iter([0.0, 2.0])
    >>> ctx = Context(clock=lambda: next(ticks))
    >>> pieces = [(100, lambda: None), (50, lambda: None)]
    >>> measure_cost(ctx, pieces, tokens=1000, steps=4, trainable_parameters=7).seconds
    40.0
    """
    if not pieces:
        raise InputError("there is nothing to train on, and at least one example is needed")
    with peak_memory() as peak:
        warm, timed = pieces[:1], pieces[1:] or pieces
        for _, work in warm:
            ctx.check()
            work()
        started = ctx.clock()
        for _, work in timed:
            ctx.check()
            work()
        seconds = ctx.clock() - started
    done = max(sum(size for size, _ in timed), 1)
    return Estimate(seconds / done * tokens, peak.bytes, tokens, steps, trainable_parameters)


@dataclass
class Peak:
    """The most memory the process held while it was watched, in bytes."""

    bytes: int = 0


@contextmanager
def peak_memory(interval: float = 0.02) -> Iterator[Peak]:
    """Watch this process's resident memory; `bytes` is its peak once the block has ended.

    A sampling thread looks every `interval` seconds: the kernel's own high-water mark cannot be
    reset, so it would report whatever the process did before.

    >>> with peak_memory() as peak:
    ...     block = bytearray(1 << 20)
    >>> peak.bytes > 1 << 20
    True
    """
    process, stop, peak = psutil.Process(), threading.Event(), Peak()

    def look() -> None:
        peak.bytes = max(peak.bytes, process.memory_info().rss)

    def watch() -> None:
        while not stop.wait(interval):
            look()

    look()
    watcher = threading.Thread(target=watch, name="graft-peak-memory", daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        stop.set()
        watcher.join()
        look()
