"""WordFile: a Word document while it is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from graft.library.readers.archives import Archive, attribute, local
from graft.library.readers.extracted import Blob
from graft.library.readers.numbering import Numbering
from graft.library.readers.wordstyles import Style


@dataclass
class WordFile:
    """A document being read: its parts, the notes met so far, and what was left out.

    `blocks` reads the blocks of an element; `nested` is how many documents this one stands in.
    """

    archive: Archive
    styles: dict[str, Style]
    numbering: Numbering
    relations: dict[str, tuple[str, str]]
    notes: dict[str, Any]
    blocks: Callable[[Any, WordFile, int], Iterator[str]]
    blob: Blob
    default_style: str = ""
    nested: int = 0
    cells: int = 0
    shown: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    titled: bool = False

    def part(self, id: str, kind: str) -> str:
        """Return the path of a related part of some kind, or ""."""
        found, path = self.relations.get(id, ("", ""))
        return path if found == kind and path in self.archive.names else ""


def on(element: Any) -> bool:
    """Return whether a property of Word is on: it is unless it says otherwise."""
    return attribute(element, "val") not in ("0", "false", "off")


def run_properties(run: Any) -> Any:
    """Return the elements of a run's own properties."""
    return next((e for e in run if local(e) == "rPr"), ())
