"""Leases: which versions of the library are being read, so that a writer does not clean them."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import psutil

from graft.library.manifest import published


def take_lease(folder: Path) -> tuple[int, Path | None]:
    """Return the published version and a lease on it, None where nothing can be written.

    The pointer is read again once the lease stands: a writer that published in between might
    have cleaned without seeing it.
    """
    while True:
        version = published(folder)
        lease = _write(folder / "leases" / f"{version}-{os.getpid()}-{secrets.token_hex(4)}")
        if published(folder) == version:
            return version, lease
        end_lease(lease)


def end_lease(lease: Path | None) -> None:
    """Give a lease back."""
    if lease is not None:
        lease.unlink(missing_ok=True)


def leased(folder: Path) -> set[int]:
    """Return the versions with a living reader; leases of processes that died are removed."""
    found = set()
    for path in (folder / "leases").glob("*-*-*"):
        version, process, _ = path.name.split("-")
        if psutil.pid_exists(int(process)):
            found.add(int(version))
        else:
            path.unlink(missing_ok=True)
    return found


def _write(path: Path) -> Path | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError:
        return None
    return path
