from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from threading import Event, Thread, Timer, get_ident

import pytest
import torch

from graft.models.devices import threads
from graft.models.side_by_side import at_once, side_by_side


@pytest.fixture(autouse=True)
def four_cores() -> Iterator[None]:
    with threads(4):
        yield


def test_items_are_done_at_once_each_on_its_share_of_the_cores_and_come_back_in_order() -> None:
    first, second = Event(), Event()

    def do(item: int) -> tuple[int, int, int]:
        # Neither ends before the other has begun.
        (first, second)[item].set()
        assert (second, first)[item].wait(10)
        return item, torch.get_num_threads(), get_ident()

    (a, cores, one), (b, others, other) = side_by_side(do, [0, 1], 2)
    assert (a, b, cores, others) == (0, 1, 2, 2)
    assert len({one, other, get_ident()}) == 3
    later: list[int] = []
    thread = Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert [torch.get_num_threads(), *later] == [4, 4]


def test_a_failure_is_raised_and_what_has_not_begun_is_left_out() -> None:
    done = []

    def do(item: int) -> None:
        done.append(item)
        if item == 0:
            raise ValueError("no")
        Event().wait(0.05)

    with pytest.raises(ValueError, match="no"):
        side_by_side(do, range(100), 2)
    assert len(done) < 100
    assert torch.get_num_threads() == 4


def test_one_item_or_one_place_has_all_cores_and_this_thread() -> None:
    def where(_: int) -> tuple[int, int]:
        return get_ident(), torch.get_num_threads()

    assert side_by_side(where, [1], 4) == [(get_ident(), 4)]
    assert side_by_side(where, [1, 2], 1) == [(get_ident(), 4)] * 2


def test_a_gpu_has_one_batch_and_a_processor_four_at_most() -> None:
    assert at_once(torch.device("cuda")) == 1
    assert at_once(torch.device("cpu")) == 4
    with threads(2):
        assert at_once(torch.device("cpu")) == 2
    with threads(64):
        assert at_once(torch.device("cpu")) == 4


def test_an_interrupt_ends_what_has_begun_and_cores_are_all_there_again() -> None:
    ended, main = [], get_ident()

    def long(item: int) -> None:
        try:
            if item == 0:
                Timer(0.1, signal.pthread_kill, [main, signal.SIGINT]).start()
            for _ in range(2000):
                time.sleep(0.005)
        finally:
            ended.append(item)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    started = time.perf_counter()
    try:
        with pytest.raises(KeyboardInterrupt):
            side_by_side(long, range(5), 2)
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.perf_counter() - started < 5
    assert sorted(ended) == [0, 1]
    assert torch.get_num_threads() == 4


def test_fewer_items_than_places_share_all_cores() -> None:
    assert side_by_side(lambda _: torch.get_num_threads(), [1, 2], 4) == [2, 2]
