"""Loading many sources: text here, other formats in processes that may crash or hang alone."""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from graft.core.document import Document
from graft.core.errors import DocumentError
from graft.library.readers.read import DEFAULT_MAX_BYTES
from graft.library.readers.vocabulary import vocabulary
from graft.library.sources import Source, load

SECONDS_A_FILE = 60.0
SECONDS_A_MEGABYTE = 3.0
LOOK_AHEAD = 8
"""Sources handed out a worker before the first of them is due."""

_PLAIN = vocabulary(
    ".md .markdown .txt .text .rst .org .log .py .js .ts .java .go .rs .c .h .cpp .sh .sql .yaml "
    ".yml .toml .ini .cfg .css .json .jsonl .ndjson .csv .tsv .adoc .asciidoc .tex"
)
_PLAIN_BYTES = 4 << 20


@dataclass(frozen=True)
class Loaded:
    """What became of a source: its documents, or the reason why there are none."""

    source: Source
    documents: tuple[Document, ...] = ()
    reason: str = ""


def load_all(
    sources: Iterable[Source],
    *,
    max_bytes: int = DEFAULT_MAX_BYTES,
    workers: int = 1,
    timeout: float = SECONDS_A_FILE,
) -> Iterator[Loaded]:
    """Yield what became of each source, in their order; one bad file never stops the others.

    Text of up to 4 MiB is read here; other formats in `workers` processes of their own (0 reads
    all here), which are started when the first such file comes. A file that crashes its process,
    or takes longer than `timeout` seconds and 3 more a MiB, is given up with that reason.
    """
    pool = _Pool(max_bytes, timeout, max(0, workers))
    waiting: deque[_Task | Loaded] = deque()
    ahead = LOOK_AHEAD * max(1, workers)
    try:
        for source in sources:
            if not workers or _is_plain(source):
                waiting.append(_try(source, max_bytes))
            else:
                waiting.append(pool.submit(source))
            while waiting and (isinstance(waiting[0], Loaded) or len(waiting) > ahead):
                yield _due(waiting.popleft(), pool)
        while waiting:
            yield _due(waiting.popleft(), pool)
    finally:
        pool.close()


def _due(item: _Task | Loaded, pool: _Pool) -> Loaded:
    return item if isinstance(item, Loaded) else pool.result(item)


def _is_plain(source: Source) -> bool:
    if source.kind == "beir" or source.problem:
        return True
    try:
        small = source.path.stat().st_size <= _PLAIN_BYTES
        with source.path.open("rb") as file:
            head = file.read(8)
    except OSError:
        return True
    # A wrong suffix shows in the first bytes; then the file goes where it can do no harm.
    binary = head.startswith((b"PK", b"%PDF", b"\xd0\xcf\x11\xe0", b"{\\rtf", b"<"))
    return small and not binary and source.path.suffix.lower() in _PLAIN


def _try(source: Source, max_bytes: int) -> Loaded:
    try:
        return Loaded(source, tuple(load(source, max_bytes=max_bytes)))
    except DocumentError as error:
        return Loaded(source, (), str(error))


@dataclass
class _Task:
    source: Source
    done: Loaded | None = None


@dataclass
class _Worker:
    """A process, the task it is at, and when that is overdue."""

    process: subprocess.Popen[bytes]
    task: _Task | None = None
    deadline: float = 0.0
    reason: str = ""


@dataclass
class _Pool:
    """Worker processes that take one task at a time; those that end are replaced."""

    max_bytes: int
    timeout: float
    size: int
    workers: list[_Worker] = field(default_factory=list)
    tasks: deque[_Task] = field(default_factory=deque)
    messages: queue.Queue[tuple[_Worker, Any]] = field(default_factory=queue.Queue)

    def submit(self, source: Source) -> _Task:
        task = _Task(source)
        self.tasks.append(task)
        self._hand_out()
        return task

    def result(self, task: _Task) -> Loaded:
        while task.done is None:
            self._step()
        return task.done

    def close(self) -> None:
        for worker in self.workers:
            worker.process.kill()
            worker.process.wait()

    def _hand_out(self) -> None:
        idle = [worker for worker in self.workers if worker.task is None]
        while self.tasks and (idle or len(self.workers) < self.size):
            worker = idle.pop() if idle else self._start()
            task = self.tasks.popleft()
            worker.task = task
            worker.deadline = time.monotonic() + self.timeout + _seconds(task.source)
            try:
                _write(worker.process.stdin, (task.source, self.max_bytes))
            except OSError:
                continue  # It has died: its reader says so, and the task is settled there.

    def _start(self) -> _Worker:
        # The same path of imports, whatever the caller added to it; and no run of its main module.
        paths = os.pathsep.join(path or os.getcwd() for path in sys.path)  # noqa: PTH109
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "graft.library.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": paths},
        )  # fmt: skip
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

    def _step(self) -> None:
        busy = [worker for worker in self.workers if worker.task is not None]
        next_due = min((worker.deadline for worker in busy), default=time.monotonic() + 1)
        try:
            worker, message = self.messages.get(timeout=max(0.01, next_due - time.monotonic()))
        except queue.Empty:
            for worker in busy:
                if time.monotonic() >= worker.deadline:
                    worker.reason = (
                        f"reading it took longer than {self.timeout:.0f} s: split it, or convert "
                        "it to another format"
                    )
                    worker.process.kill()
            return
        task, worker.task = worker.task, None
        if message is None:
            self.workers.remove(worker)
            worker.process.wait()
            reason = worker.reason or (
                "reading it crashed the reader (a damaged file, or too little memory): "
                "open it in its own program and save it anew"
            )
            message = ((), reason)
        if task is not None:
            documents, reason = message
            task.done = Loaded(task.source, tuple(documents), reason)
        self._hand_out()


def _seconds(source: Source) -> float:
    """Return how much longer a source may take for its size; one that is gone has none."""
    try:
        return SECONDS_A_MEGABYTE * source.path.stat().st_size / (1 << 20)
    except OSError:
        return 0.0


def _write(stream: Any, value: Any) -> None:
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


write_frame = _write
