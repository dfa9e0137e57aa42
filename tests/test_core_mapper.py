"""Mappers: results in order, few under way, and what a process can do to itself it does alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from graft.core.mapper import LOOK_AHEAD, Here, Lost, Mapper, Processes


def work(item: str | int) -> object:
    """What a task does, by what it is told."""
    if item == "crash":
        os._exit(3)
    if item == "hang":
        time.sleep(600)
    if item == "print":
        print("this must not run into the answers")
    if item == "raise":
        raise ValueError("the function's own matter")
    if item == "memory":
        return len(bytearray(2 << 30))
    return (item, os.getpid())


@pytest.mark.parametrize("mapper", [Here(), Processes(1), Processes(3)])
def test_results_come_in_order_and_few_items_are_under_way(mapper: Mapper) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(60):
            taken.append(number)
            yield number

    results = mapper.map(work, items())
    assert taken == []
    assert next(results)[0] == 0
    assert len(taken) <= 1 + LOOK_AHEAD * 3
    assert [item for item, _ in results] == list(range(1, 60))
    assert list(mapper.map(work, [])) == []


def test_a_task_that_crashes_or_hangs_is_lost_alone() -> None:
    mapper = Processes(2, seconds=lambda item: 1 if item == "hang" else 60)
    items = ["a", "crash", "b", "hang", "print", "crash", "c"]
    found = list(mapper.map(work, items))
    lost = [each for each in found if isinstance(each, Lost)]
    assert lost == [Lost("crash", "crashed"), Lost("hang", "late"), Lost("crash", "crashed")]
    kept = [each for each in found if not isinstance(each, Lost)]
    assert [item for item, _ in kept] == ["a", "b", "print", "c"]
    assert os.getpid() not in {pid for _, pid in kept}


def test_memory_is_limited_in_the_process() -> None:
    with pytest.raises(MemoryError):
        list(Processes(1, memory=1 << 30).map(work, ["memory"]))


def test_what_the_function_raises_is_raised_at_its_turn() -> None:
    for mapper in (Here(), Processes(1), Processes(1, here=lambda item: True)):
        results = mapper.map(work, ["a", "raise", "b"])
        assert next(results)[0] == "a"
        with pytest.raises(ValueError, match="own matter"):
            next(results)


def test_some_items_need_no_process_of_their_own() -> None:
    found = list(Processes(1, here=lambda item: item % 2 == 0).map(work, range(6)))
    assert [item for item, _ in found] == list(range(6))
    assert [pid == os.getpid() for _, pid in found] == [True, False] * 3


def test_a_function_that_no_other_process_can_import_is_told() -> None:
    with pytest.raises(Exception, match=r"pickle|lambda"):
        list(Processes(1).map(lambda item: item, [1]))


def test_a_script_needs_no_main_guard(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "print('runs')\nfrom graft.core.mapper import Processes\n"
        "print(list(Processes(1).map(abs, [-2])))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout == "runs\n[2]\n"


def test_an_early_end_ends_the_processes() -> None:
    results = Processes(2).map(work, range(40))
    _, pid = next(results)
    results.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
