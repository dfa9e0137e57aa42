"""Graft: your documents and small trained parts, joined to an open language model."""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["Workspace"]

if TYPE_CHECKING:
    from graft.api import Workspace


def __getattr__(name: str) -> object:
    # It brings pydantic and the settings: only who asks for it waits for them (PEP 562).
    if name == "Workspace":
        from graft.api import Workspace

        return Workspace
    raise AttributeError(f"module 'graft' has no attribute {name!r}")
