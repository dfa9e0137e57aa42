"""Side by side: a batch on each core, where all cores on one batch would wait for each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 4
"""Batches at most: each holds its activations, and fewer rows would share a pass over weights."""


def at_once(device: torch.device) -> int:
    """Return how many batches a device computes side by side: one, unless it is a processor."""
    return min(AT_ONCE, torch.get_num_threads()) if device.type == "cpu" else 1


def side_by_side(do: Callable[[T], R], items: Sequence[T], count: int) -> list[R]:
    """Return what `do` makes of each item, `count` at a time, each on its share of the cores.

    After a failure, which is raised, what has begun is waited for and the rest is left out.
    """
    if min(count, len(items)) < 2:
        return [do(item) for item in items]
    cores = torch.get_num_threads()
    with ThreadPoolExecutor(
        count, initializer=torch.set_num_threads, initargs=(max(cores // count, 1),)
    ) as pool:
        try:
            return list(pool.map(do, items))
        finally:
            pool.shutdown(cancel_futures=True)
            # The number is each thread's own, but new threads take what was set last anywhere.
            torch.set_num_threads(cores)
