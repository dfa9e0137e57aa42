"""The probe: it does the real work, scales by tokens, and stops when asked to."""

from __future__ import annotations

import threading
import time

import pytest

from graft.core.context import Context
from graft.core.errors import Cancelled, InputError
from graft.tune.cost import measure_cost, peak_memory


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_first_piece_warms_up_and_the_rest_are_scaled_by_tokens() -> None:
    clock = Clock()

    def work(seconds: float) -> None:
        clock.now += seconds

    pieces = [(1000, lambda: work(50.0)), (200, lambda: work(1.0)), (300, lambda: work(1.5))]
    told = measure_cost(
        Context(clock=clock), pieces, tokens=10_000, steps=7, trainable_parameters=3
    )
    assert told.seconds == pytest.approx(50.0)
    assert (told.tokens, told.steps, told.trainable_parameters) == (10_000, 7, 3)
    assert told.bytes > 0


def test_nothing_to_train_on_is_an_error_and_a_cancel_stops_it() -> None:
    with pytest.raises(InputError, match="at least one example"):
        measure_cost(Context(), [], tokens=0, steps=0, trainable_parameters=0)
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        measure_cost(
            Context(cancel=cancel), [(1, int)], tokens=1, steps=1, trainable_parameters=0
        )  # fmt: skip


def test_peak_memory_sees_what_was_freed_again() -> None:
    with peak_memory(interval=0.001) as peak:
        start = peak.bytes
        block = bytearray(64 << 20)
        block[::4096] = b"x" * len(block[::4096])
        time.sleep(0.3)  # long enough for the sampling thread to be given the processor
        del block
    assert peak.bytes - start > 48 << 20
