"""Releases of format 1, as format 2 has them."""

from __future__ import annotations

from pathlib import Path


def to_2(home: Path) -> None:
    """Rewrite them in a workspace's folder `.graft`, in place."""
