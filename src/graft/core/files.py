"""Files on disk: the workspace's layout, atomic writes, and the lock of its one writer."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from graft.core.errors import FormatError, LockHeld, NotFound

FORMAT = 2
"""The workspace format this Graft writes; a newer one is refused, an older one is migrated."""

RUNS = "runs/"
"""What stands before a run's id where a model is named."""

STALE_DAYS = 7

Steps = Mapping[int, Callable[[Path], None]]
"""From each older format the step that turns a folder of it, in place, into the next format's."""


def write_atomic(path: Path, data: str | bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new, never a part.

    The data is on the disk before the name points at it (fsync of file, replace, fsync of folder).
    Who may read it is the umask's matter: tempfile would let nobody else.
    """
    raw = data.encode("utf-8") if isinstance(data, str) else data
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with partial.open("xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _fsync(path.parent)


def flush(paths: Iterable[Path]) -> None:
    """Put files, and the folders that name them, on the disk itself; those that are gone are not.

    A name is on the disk when its folder is. Where folders cannot be synchronised (Windows) the
    file system sees to it.
    """
    # Side by side: the disk writes its journal once for many.
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(_fsync, paths))


def drop_stale(paths: Iterable[Path], *, now: float, days: float = STALE_DAYS) -> None:
    """Throw away files and folders of unfinished work that nobody went on from for some days.

    `now` is in seconds since the epoch. What another process takes away meanwhile is gone.
    """
    for path in paths:
        try:
            aged = now - path.stat().st_mtime
        except FileNotFoundError:
            continue
        if aged <= days * 24 * 3600:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _fsync(path: Path) -> None:
    posix = os.name == "posix"
    if not posix and path.is_dir():
        return
    with suppress(FileNotFoundError):
        handle = os.open(path, os.O_RDONLY if posix else os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


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
    def checkpoints(self) -> Path:
        """Where trainings that have not ended stand (`graft.tune.checkpoint`)."""
        return self.runs / ".checkpoints"

    @property
    def releases(self) -> Path:
        return self.home / "releases"

    @property
    def evaluations(self) -> Path:
        return self.home / "evaluations"

    @property
    def ledger(self) -> Path:
        return self.home / "ledger.db"

    @property
    def lock(self) -> Path:
        return self.home / "lock"

    def model_path(self, name: str) -> str:
        """Return a run's path (runs/ID) made absolute, and any other model name as it is."""
        run = self.home / name
        if name.startswith(RUNS):
            if not run.exists():
                raise NotFound(f"there is no run {name} in {self.home}: `graft tune` makes one")
            return str(run)
        local = self.root / name
        return str(local) if name and local.exists() else name

    def open(self, steps: Steps) -> None:
        """Check the format, and migrate an older one; a new folder is made by its first writer.

        Raises FormatError when a newer Graft wrote it, or one so old that no step leads here;
        LockHeld when it has to be migrated while another process writes to it.
        """
        aside = [self._aside(number) for number in steps]
        if self.format.exists() and self._found() == FORMAT and not any(map(Path.exists, aside)):
            return
        if not self.format.exists() and not any(map(Path.exists, aside)):
            return
        with FileLock(self.home.with_name(f"{self.home.name}.migrating")):
            self._recover(aside)
            if (found := self._found()) < FORMAT:
                self._migrate(found, steps)

    def _found(self) -> int:
        text = self.format.read_text(encoding="utf-8").strip()
        if not (text.isascii() and text.isdigit()):
            raise FormatError(f"{self.format} holds {text!r} where a number was expected")
        if int(text) > FORMAT:
            raise FormatError(
                f"{self.home} has format {text} and this Graft reads up to {FORMAT}: update Graft"
            )
        return int(text)

    def _aside(self, number: int) -> Path:
        """Where a folder of an older format stays until its copy is in its place."""
        return self.home.with_name(f"{self.home.name}.v{number}")

    def _migrate(self, found: int, steps: Steps) -> None:
        """Put a migrated copy in the folder's place; a crash at any instant loses nothing."""
        missing = [number for number in range(found, FORMAT) if number not in steps]
        if missing:
            raise FormatError(
                f"{self.home} has format {found} and no step leads from {missing[0]} to the format "
                f"{FORMAT} of this Graft: ingest the documents anew in another folder"
            )
        copy, old = self.home.with_name(f"{self.home.name}.new"), self._aside(found)
        shutil.rmtree(copy, ignore_errors=True)
        with ExitStack() as held:
            # To the last rename: what somebody wrote meanwhile would be gone with the old folder.
            held.enter_context(self.writer())
            shutil.copytree(self.home, copy, symlinks=True)
            for name in (self.lock.name, _holder_of(self.lock).name):
                (copy / name).unlink(missing_ok=True)
            for number in range(found, FORMAT):
                steps[number](copy)
            write_atomic(copy / self.format.name, f"{FORMAT}\n")
            flush([copy, *copy.rglob("*")])
            if os.name == "nt":  # which renames no folder that holds an open file
                held.close()
            self.home.rename(old)
            copy.rename(self.home)
            _fsync(self.root)
        shutil.rmtree(old)

    def _recover(self, aside: Sequence[Path]) -> None:
        """Undo a migration that ended before its copy was in place, or finish one that did."""
        for old in aside:
            if old.exists() and self.format.exists():
                shutil.rmtree(old)
            elif old.exists():
                old.rename(self.home)

    @contextmanager
    def writer(self, wait: float = 0.0) -> Iterator[None]:
        """Hold the workspace's write lock. Raises LockHeld, naming the holder, after `wait` s."""
        self.home.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.lock)
        holder = _holder_of(self.lock)
        try:
            lock.acquire(timeout=wait)
        except Timeout as error:
            raise LockHeld(
                f"another process is writing to {self.root} ({_holder(holder)}): "
                "wait for it to end, or pass --wait SECONDS"
            ) from error
        try:
            holder.write_text(json.dumps({"pid": os.getpid(), "since": time.time()}))
            if not self.format.exists():
                write_atomic(self.format, f"{FORMAT}\n")
            yield
        finally:
            holder.unlink(missing_ok=True)
            lock.release()


def _holder_of(lock: Path) -> Path:
    return lock.with_suffix(".holder")


def _holder(path: Path) -> str:
    try:
        held: dict[str, Any] = json.loads(path.read_text())
        return f"process {held['pid']}, for {time.time() - held['since']:.0f} s"
    except (OSError, ValueError, KeyError):
        return "which one is not known"
