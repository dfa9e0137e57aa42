"""Sections: the blocks under one path of headings, and which small ones share a passage."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from graft.library.segment.blocks import Block
from graft.library.segment.counts import Counts
from graft.library.segment.header import HeadingPath


@dataclass(frozen=True, slots=True)
class Section:
    """Consecutive blocks, their leading headings first; `path` is shown as their headings."""

    path: HeadingPath
    blocks: tuple[Block, ...]

    @property
    def span(self) -> tuple[int, int]:
        """From the first block's start to the last one's end."""
        return self.blocks[0].start, self.blocks[-1].end


def sections(blocks: Iterable[Block]) -> list[Section]:
    """Return the blocks by the heading they stand under; a heading without text joins the next.

    Only the last section may hold headings alone.
    """
    found: list[list[Block]] = []
    for block in blocks:
        if not found or (block.kind == "heading" and found[-1][-1].kind != "heading"):
            found.append([])
        found[-1].append(block)
    return [Section(part[-1].headings, tuple(part)) for part in found]


def merge_small(
    found: Iterable[Section], counts: Counts, min_tokens: int, *, room: Callable[[HeadingPath], int]
) -> list[Section]:
    """Join sections below `min_tokens` with a neighbour under the same parent, if both fit.

    A small one takes in its next sibling or its first child; if it cannot, and for the last, the
    one before takes it in. What is joined stands under the headings that all its parts share.
    """
    merged: list[Section] = []
    for section in found:
        last = merged[-1] if merged else None
        if last is not None and _small(last, counts, min_tokens):
            both = _joined(last, section, counts, room)
            if both is not None:
                merged[-1] = both
                continue
        merged.append(section)
    kept: list[Section] = []
    for section in merged:
        bare = section.blocks[-1].kind == "heading"
        if kept and (bare or _small(section, counts, min_tokens)):
            both = _joined(kept[-1], section, counts, room)
            if both is not None:
                kept[-1] = both
                continue
        kept.append(section)
    return kept


def _small(section: Section, counts: Counts, min_tokens: int) -> bool:
    return counts.size(*section.span) < min_tokens


def _joined(
    left: Section, right: Section, counts: Counts, room: Callable[[HeadingPath], int]
) -> Section | None:
    """Return two neighbours as one, or None when they are no kin or too large together."""
    shared = 0
    while shared < min(len(left.path), len(right.path)):
        if left.path[shared] != right.path[shared]:
            break
        shared += 1
    kin = max(len(left.path), len(right.path)) - shared <= 1
    path = left.path[:shared]
    if not kin or counts.size(left.span[0], right.span[1]) > room(path):
        return None
    return Section(path, (*left.blocks, *right.blocks))
