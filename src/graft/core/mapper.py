"""Mapper: a pure function over many items, in their order, here or in processes of their own."""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")

LOOK_AHEAD = 8
"""Items handed out a worker before the first of them is due."""


@dataclass(frozen=True)
class Lost(Generic[T]):
    """Comes in place of a result: the item's process died, or it took longer than it may."""

    item: T
    how: Literal["crashed", "late"]


class Mapper(Protocol):
    """The one way to do work side by side: maps over paths and ids, whose results one writer takes.

    Results come in the order of the items, and items are taken as results are: only a bounded
    number is under way. What the function raises is raised at that item's turn.
    """

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R | Lost[T]]: ...


@dataclass(frozen=True)
class Here:
    """Maps in this process, one item at a time.

    >>> list(Here().map(len, ["a", "bc"]))
    [1, 2]
    """

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        yield from map(function, items)


@dataclass(frozen=True)
class Processes:
    """Maps in `workers` processes that are started when first needed, and replaced when they end.

    An item that crashes its process, or takes longer than the `seconds` that it may, is lost
    alone. `memory` is the most address space of a process in bytes (0 is no limit; Windows has
    none). Items that `here` is true of are mapped in this process. The function is one that can
    be imported: a worker never runs the caller's main module again, so that a script needs no
    guard, as it does with `multiprocessing` (docs/decisions/0011-index-and-access.md).
    """

    workers: int
    seconds: Callable[[Any], float] = lambda item: float("inf")
    memory: int = 0
    here: Callable[[Any], bool] = lambda item: False

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R | Lost[T]]:
        pool = _Pool(self, function)
        waiting: deque[_Task] = deque()
        try:
            for item in items:
                waiting.append(pool.settle(item) if self.here(item) else pool.submit(item))
                while waiting and (waiting[0].done or len(waiting) > LOOK_AHEAD * self.workers):
                    yield pool.result(waiting.popleft())
            while waiting:
                yield pool.result(waiting.popleft())
        finally:
            pool.close()


@dataclass
class _Worker:
    """A process, the task it is at, and when that is overdue."""

    process: subprocess.Popen[bytes]
    task: _Task | None = None
    deadline: float = 0.0
    late: bool = False


@dataclass
class _Task:
    item: Any
    done: bool = False
    value: Any = None
    error: Exception | None = None


@dataclass
class _Pool:
    """Worker processes that take one task at a time."""

    kind: Processes
    function: Callable[[Any], Any]
    workers: list[_Worker] = field(default_factory=list)
    tasks: deque[_Task] = field(default_factory=deque)
    messages: queue.Queue[tuple[_Worker, Any]] = field(default_factory=queue.Queue)

    def settle(self, item: Any) -> _Task:
        """Do a task in this process."""
        try:
            return _Task(item, True, self.function(item))
        except Exception as error:
            return _Task(item, True, None, error)

    def submit(self, item: Any) -> _Task:
        """Hand a task to a worker, as soon as one is free."""
        task = _Task(item)
        self.tasks.append(task)
        self._hand_out()
        return task

    def result(self, task: _Task) -> Any:
        """Wait for a task; return what came of it, or raise."""
        while not task.done:
            self._step()
        if task.error is not None:
            raise task.error
        return task.value

    def close(self) -> None:
        for worker in self.workers:
            worker.process.kill()
            worker.process.wait()

    def _step(self) -> None:
        """Wait until a worker answers, ends, or is late."""
        busy = [worker for worker in self.workers if worker.task is not None]
        due = min((worker.deadline for worker in busy), default=0.0) - time.monotonic()
        try:
            worker, message = self.messages.get(timeout=min(max(0.01, due), threading.TIMEOUT_MAX))
        except queue.Empty:
            for worker in busy:
                if time.monotonic() >= worker.deadline:
                    worker.late = True
                    worker.process.kill()
            return
        task, worker.task = worker.task, None
        if message is None:
            self.workers.remove(worker)
            worker.process.wait()
            if task is not None:
                task.value = Lost(task.item, "late" if worker.late else "crashed")
        elif task is not None:
            task.value, task.error = message
        if task is not None:
            task.done = True
        self._hand_out()

    def _hand_out(self) -> None:
        idle = [worker for worker in self.workers if worker.task is None]
        while self.tasks and (idle or len(self.workers) < self.kind.workers):
            worker = idle.pop() if idle else self._start()
            worker.task = task = self.tasks.popleft()
            worker.deadline = time.monotonic() + self.kind.seconds(task.item)
            try:
                write_frame(worker.process.stdin, (self.function, task.item))
            except OSError:
                continue  # It has died: its reader says so, and the task is settled there.

    def _start(self) -> _Worker:
        # The same path of imports, whatever the caller added to it; and no run of its main module.
        paths = os.pathsep.join(path or os.getcwd() for path in sys.path)  # noqa: PTH109
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "graft.core.worker", str(self.kind.memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": paths},
        )
        worker = _Worker(process)
        self.workers.append(worker)
        threading.Thread(target=self._listen, args=(worker,), daemon=True).start()
        return worker

    def _listen(self, worker: _Worker) -> None:
        while True:
            try:
                message = read_frame(worker.process.stdout)
            except (EOFError, OSError, pickle.UnpicklingError):
                self.messages.put((worker, None))
                return
            self.messages.put((worker, message))


def write_frame(stream: Any, value: Any) -> None:
    """Write a value for the other process."""
    data = pickle.dumps(value)
    stream.write(len(data).to_bytes(8, "big") + data)
    stream.flush()


def read_frame(stream: Any) -> Any:
    """Return the next value that the other process wrote. Raises EOFError when it ended."""
    head = stream.read(8)
    if len(head) < 8:
        raise EOFError
    data = stream.read(int.from_bytes(head, "big"))
    return pickle.loads(data)
