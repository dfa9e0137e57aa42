"""Leases: which versions of the library are being read, so that a writer does not clean them.

A lease is a file that its reader holds locked: the lock ends with the process, however that ends,
and is seen by processes that do not see each other, such as those of two containers.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from graft.library.manifest import published


def take_lease(folder: Path) -> tuple[int, FileLock | None]:
    """Return the published version and a lease on it, None where nothing can be written.

    The pointer is read again once the lease stands: a writer that published in between might
    have cleaned without seeing it.
    """
    while True:
        version = published(folder)
        if version == 0:  # nothing to clean, and no folder to make for a look
            return version, None
        lease = _hold(folder / "leases" / f"{version}-{secrets.token_hex(8)}")
        if published(folder) == version:
            return version, lease
        end_lease(lease)


def end_lease(lease: FileLock | None) -> None:
    """Give a lease back."""
    if lease is not None:
        lease.release()
        with suppress(OSError):
            Path(lease.lock_file).unlink()


def leased(folder: Path) -> set[int]:
    """Return the versions with a living reader; leases of processes that died are removed."""
    found = set()
    for path in (folder / "leases").glob("*-*"):
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            found.add(int(path.name.partition("-")[0]))
        else:
            # Deleted while it is held, so that a reader that was about to lock it can tell.
            with suppress(OSError):
                path.unlink()
            lock.release()
    return found


def _hold(path: Path) -> FileLock | None:
    # A reader may be closed by another thread than opened it.
    lock = FileLock(path, thread_local=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            lock.acquire()
            if path.exists():
                return lock
            lock.release()
    except OSError:
        return None
