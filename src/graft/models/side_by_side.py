"""Side by side: a batch on each core, where all cores on one batch would wait for each other."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable, Sequence
from threading import Thread
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 4
"""Batches at most: each holds its activations, and fewer rows would share a pass over weights."""


class _Stopped(BaseException):
    """Raised within a thread whose work nobody waits for any more."""


def at_once(device: torch.device) -> int:
    """Return how many batches a device computes side by side: one, unless it is a processor."""
    return min(AT_ONCE, torch.get_num_threads()) if device.type == "cpu" else 1


def side_by_side(do: Callable[[T], R], items: Sequence[T], count: int) -> list[R]:
    """Return what `do` makes of each item, `count` at a time, each on its share of the cores.

    After a failure, which is raised, what has begun is waited for and the rest is left out. An
    interrupt ends what has begun too, within an operation of the model.
    """
    count = min(count, len(items))
    if count < 2:
        return [do(item) for item in items]
    cores = torch.get_num_threads()
    left, made = deque(enumerate(items)), dict[int, R]()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            torch.set_num_threads(max(cores // count, 1))
            while not failed and (taken := _next(left)):
                made[taken[0]] = do(taken[1])
        except _Stopped:
            pass
        except BaseException as error:
            failed.append(error)

    workers = [Thread(target=work, daemon=True) for _ in range(count)]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            worker.join()
    except BaseException as error:
        failed.append(error)
        for worker in workers:
            if worker.ident is not None:
                stop = ctypes.pythonapi.PyThreadState_SetAsyncExc
                stop(ctypes.c_ulong(worker.ident), ctypes.py_object(_Stopped))
        for worker in workers:
            worker.join()
        raise
    finally:
        # The number is each thread's own, but new threads take what was set last anywhere.
        torch.set_num_threads(cores)
    if failed:
        raise failed[0]
    return [made[place] for place in range(len(items))]


def _next(left: deque[T]) -> T | None:
    try:
        return left.popleft()
    except IndexError:
        return None
