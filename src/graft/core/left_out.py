"""Left out: what a reader left out of a document, counted by kind, as its metadata tell."""

from __future__ import annotations

from collections.abc import Mapping

LEFT_OUT = "left_out"
"""The metadata of a document in which stands what its reader left out."""


def told_left_out(counts: Mapping[str, int]) -> str:
    """Return counts by kind in one line, kinds that occur alone.

    >>> told_left_out({"images": 1200, "comments": 0, "hidden lines": 2})
    '1,200 images, 2 hidden lines'
    """
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count)


def left_out_of(metadata: Mapping[str, str]) -> dict[str, int]:
    """Return the counts that a document's metadata tell.

    >>> left_out_of({"left_out": "1,200 images, 2 hidden lines"})
    {'images': 1200, 'hidden lines': 2}
    """
    told = (part.partition(" ") for part in metadata.get(LEFT_OUT, "").split(", ") if part)
    return {kind: int(count.replace(",", "")) for count, _, kind in told}
