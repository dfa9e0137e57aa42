"""Blocks: headings, paragraphs, list items, code and tables of Markdown and plain text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from graft.library.segment.headings import atx, line_at, underlined

BlockKind = Literal["heading", "paragraph", "item", "code", "table"]

PLAIN = frozenset({"", "text/plain"})
"""Media types in which '#' may start a comment."""

RESTRUCTURED = PLAIN | {"text/x-rst"}
"""Media types in which any sign may underline a heading."""

_FENCE = re.compile(r"\s*(?:[-*+>]\s+)?(`{3,}(?=[^`]*$)|~{3,})")
_ITEM = re.compile(r"\s*(?:[-*+•▪◦‣]|\(?\d{1,3}[.)]|\(?[a-zA-Z]\))(?=\s)")
_FIRST_ITEM = re.compile(r"\s*(?:[-*+•▪◦‣]|\(?1[.)]|\(?[aA]\))(?=\s)")
_CELL_OF_RULE = re.compile(r":?-+:?")
_FRONT_MATTER_LINES = 200


@dataclass(frozen=True, slots=True)
class Block:
    """`text[start:end]`, up to its last visible character.

    `headings` is the path it stands under, a heading's own text included, outermost first;
    `depth` is the number of columns by which a list item is indented.
    """

    kind: BlockKind
    start: int
    end: int
    headings: tuple[str, ...] = ()
    depth: int = 0


def blocks(text: str, media_type: str = "text/markdown") -> list[Block]:
    """Return the blocks of a text in order; every visible character is in exactly one.

    Reads Markdown: ATX and setext headings, fenced and indented code, pipe tables, lists. In
    plain text a '#' heads a section only between blank lines and an indented paragraph is no
    code; there and in reStructuredText any sign may underline a heading.

    >>> [(b.kind, b.headings) for b in blocks("# Guide\\n\\nRead:\\n- one\\n- two")]
    [('heading', ('Guide',)), ('paragraph', ('Guide',)), ('item', ('Guide',)), ('item', ('Guide',))]
    """
    kept = text.splitlines(keepends=True)
    lines = [line.rstrip() for line in kept]
    starts = [0]
    for line in kept:
        starts.append(starts[-1] + len(line))
    found: list[Block] = []
    path: list[tuple[int, str]] = []
    for kind, first, stop, heading in _read(lines, media_type):
        if heading is not None:
            path = [*(above for above in path if above[0] < heading[0]), heading]
        line = lines[first]
        indent = len(line) - len(line.lstrip())
        start = starts[first] if kind in ("item", "code", "table") else starts[first] + indent
        end = starts[stop - 1] + len(lines[stop - 1])
        found.append(Block(kind, start, end, tuple(name for _, name in path), indent))
    return found


_Part = tuple[BlockKind, int, int, tuple[int, str] | None]


def _read(lines: Sequence[str], media_type: str) -> list[_Part]:
    """Return (kind, first line, line after the last, level and text of a heading)."""
    plain, restructured = media_type in PLAIN, media_type in RESTRUCTURED
    levels: dict[str, int] = {}
    fences = _fences(lines)
    i = _front_matter(lines)
    found: list[_Part] = [("code", 0, i, None)] if i else []
    listed = False
    while i < len(lines):
        if not lines[i]:
            i += 1
            continue
        heading = atx(lines, i, plain=plain)
        heading = heading or underlined(lines, i, levels, restructured=restructured)
        if heading is not None:
            level, name, taken = heading
            found.append(("heading", i, i + taken, (level, name)))
            i, listed = i + taken, False
            continue
        kind, stop = _body(lines, i, fences, code=not (plain or listed))
        listed = kind == "item" or (listed and lines[i][0].isspace())
        found.append((kind, i, stop, None))
        i = stop
    return found


def _body(
    lines: Sequence[str], i: int, fences: Mapping[int, int], *, code: bool
) -> tuple[BlockKind, int]:
    """Return what block, other than a heading, starts at line `i` and the line it ends before."""
    if closed := fences.get(i):
        return "code", closed
    if stop := _table_end(lines, i):
        return "table", stop
    if code and lines[i].startswith(("    ", "\t")) and not line_at(lines, i - 1):
        return "code", _indented_end(lines, i)
    item = _ITEM.match(lines[i]) is not None
    stop = i + 1
    while stop < len(lines) and lines[stop] and not _opens(lines, stop, fences, item=item):
        stop += 1
    return ("item" if item else "paragraph"), stop


def _opens(lines: Sequence[str], i: int, fences: Mapping[int, int], *, item: bool) -> bool:
    """Return whether line `i` breaks off the paragraph, or the list item, above it.

    A paragraph is broken off by the first item of a list alone: its lines may begin with "2019.".
    """
    line = lines[i]
    if (_ITEM if item else _FIRST_ITEM).match(line) or i in fences:
        return True
    if line.startswith("#") and atx(lines, i, plain=False):
        return True
    return "|" in line and _table_end(lines, i) > 0


def _table_end(lines: Sequence[str], i: int) -> int:
    """Return the line after the pipe table that starts at line `i`, or 0.

    A table has a rule below its first row, or two rows or more that begin and end with a pipe.
    """
    line, following = lines[i], line_at(lines, i + 1)
    if "|" not in line or "|" not in following:
        return 0
    bare = line.lstrip()
    boxed = bare.startswith("|") and line.endswith("|") and following.lstrip().startswith("|")
    if not boxed and not _is_rule(following):
        return 0
    stop = i + 2
    while stop < len(lines) and "|" in lines[stop]:
        if boxed and not lines[stop].lstrip().startswith("|"):
            break
        stop += 1
    return stop


def _is_rule(line: str) -> bool:
    """Return whether a line is the rule below a table's first row, as in '| --- | :-: |'."""
    cells = line.strip().removeprefix("|").removesuffix("|").split("|")
    return all(_CELL_OF_RULE.fullmatch(cell.strip()) for cell in cells)


def _indented_end(lines: Sequence[str], i: int) -> int:
    stop = i + 1
    for j in range(i + 1, len(lines)):
        if lines[j] and not lines[j].startswith(("    ", "\t")):
            break
        if lines[j]:
            stop = j + 1
    return stop


def _front_matter(lines: Sequence[str]) -> int:
    """Return the line after a '---' block at the very start, or 0."""
    if line_at(lines, 0) != "---":
        return 0
    for i in range(1, min(len(lines), _FRONT_MATTER_LINES)):
        if lines[i] in ("---", "..."):
            return i + 1
    return 0


def _fences(lines: Sequence[str]) -> dict[int, int]:
    """Return for the first line of each fenced code the line after its last.

    A fence that nothing closes is text: a stray one must not turn the rest into code.
    """
    marks = [
        (i, match[1])
        for i, line in enumerate(lines)
        if ("```" in line or "~~~" in line) and (match := _FENCE.match(line))
    ]
    found: dict[int, int] = {}
    unclosed: dict[str, int] = {}  # the shortest mark of each sign that nothing closes from here
    after = 0
    for place, (i, mark) in enumerate(marks):
        if i < after or len(mark) >= unclosed.get(mark[0], len(mark) + 1):
            continue
        for j, closing in marks[place + 1 :]:
            if closing.startswith(mark) and not lines[j].lstrip().strip(mark[0]):
                found[i] = after = j + 1
                break
        else:
            unclosed[mark[0]] = len(mark)
    return found
