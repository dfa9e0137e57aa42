"""Diagrams of Office files (SmartArt): the texts of their points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graft.library.readers.archives import local


def diagram_lines(root: Any) -> Iterator[str]:
    """Yield the points of a diagram's data as lines of a list."""
    for point in root.iter():
        if local(point) == "pt":
            text = " ".join("".join(t.text or "" for t in point.iter() if local(t) == "t").split())
            if text:
                yield f"- {text}"
