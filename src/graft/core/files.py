"""Files on disk: the workspace's layout, atomic writes, and the lock of its one writer."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from graft.core.errors import FormatError, LockHeld, NotFound

FORMAT = 1
"""The workspace format this Graft writes; a newer one is refused, an older one is migrated."""


def write_atomic(path: Path, data: str | bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new, never a part.

    The data is on the disk before the name points at it (fsync of file, replace, fsync of folder).
    """
    raw = data.encode("utf-8") if isinstance(data, str) else data
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@dataclass(frozen=True)
class Layout:
    """Where a workspace keeps its things, all under `root`."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "graft.toml"

    @property
    def home(self) -> Path:
        return self.root / ".graft"

    @property
    def format(self) -> Path:
        return self.home / "format"

    @property
    def library(self) -> Path:
        return self.home / "library"

    @property
    def examples(self) -> Path:
        return self.home / "examples"

    @property
    def runs(self) -> Path:
        return self.home / "runs"

    @property
    def releases(self) -> Path:
        return self.home / "releases"

    @property
    def reports(self) -> Path:
        return self.home / "reports"

    @property
    def ledger(self) -> Path:
        return self.home / "ledger.db"

    @property
    def lock(self) -> Path:
        return self.home / "lock"

    def model_path(self, name: str) -> str:
        """Return a run's path (runs/ID) made absolute, and any other model name as it is."""
        run = self.home / name
        if name.startswith("runs/"):
            if not run.exists():
                raise NotFound(f"there is no run {name} in {self.home}: `graft tune` makes one")
            return str(run)
        local = self.root / name
        return str(local) if name and local.exists() else name

    def open(self) -> None:
        """Check the format, making the folder on first use.

        Raises FormatError when a newer Graft wrote it. An older format would be migrated here,
        into a copy; format 1 is the first.
        """
        if not self.format.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            write_atomic(self.format, f"{FORMAT}\n")
            return
        text = self.format.read_text(encoding="utf-8").strip()
        if not text.isdigit():
            raise FormatError(f"{self.format} holds {text!r} where a number was expected")
        if int(text) > FORMAT:
            raise FormatError(
                f"{self.home} has format {text} and this Graft reads up to {FORMAT}: update Graft"
            )

    @contextmanager
    def writer(self, wait: float = 0.0) -> Iterator[None]:
        """Hold the workspace's write lock. Raises LockHeld, naming the holder, after `wait` s."""
        self.home.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.lock)
        holder = self.lock.with_suffix(".holder")
        try:
            lock.acquire(timeout=wait)
        except Timeout as error:
            raise LockHeld(
                f"another process is writing to {self.root} ({_holder(holder)}): "
                "wait for it to end, or pass --wait SECONDS"
            ) from error
        try:
            holder.write_text(json.dumps({"pid": os.getpid(), "since": time.time()}))
            yield
        finally:
            holder.unlink(missing_ok=True)
            lock.release()


def _holder(path: Path) -> str:
    try:
        held: dict[str, Any] = json.loads(path.read_text())
        return f"process {held['pid']}, for {time.time() - held['since']:.0f} s"
    except (OSError, ValueError, KeyError):
        return "which one is not known"
