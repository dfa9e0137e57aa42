"""Lines of a page to blocks: paragraphs, headings by type size, lists, tables by alignment."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from graft.library.clean import join_lines, list_item
from graft.library.readers.lines import (
    ASIDE,
    PrintLine,
    aligned_table,
    body_size,
    main_turn,
    table_end,
)
from graft.library.readers.text import fenced

_ENDS = (".", "!", "?", ":", ";", "。", "”", '"')


def page_blocks(pages: Sequence[Sequence[PrintLine]], known: Collection[str]) -> Iterator[str]:
    """Yield each page as Markdown; `known` words decide on hyphens at line ends.

    What runs another way than most of its page is text of its own, and no heading.
    """
    mains = [[line for line in page if line.turn == main_turn(page)] for page in pages]
    body = body_size(mains)
    mono = sum(len(line.text) for page in mains for line in page if line.mono)
    # In a report typed throughout in one width, the width says nothing.
    typed = mono > 0.5 * sum(len(line.text) for page in mains for line in page)
    scale = _Scale(body, _heading_levels(mains, body), typed)
    for number, (page, main) in enumerate(zip(pages, mains, strict=True)):
        blocks = list(_blocks(_ordered(main), scale, known))
        others = [line for line in page if line.turn != main_turn(page)]
        parts = groupby(sorted(others, key=lambda line: line.turn), key=lambda line: line.turn)
        aside = [
            block
            for _, part in parts
            for block in _blocks(_ordered(list(part)), replace(scale, flat=True), known)
        ]
        # A sentence that goes on overleaf ends its page.
        after = mains[number + 1 : number + 2]
        flows = bool(after and after[0]) and after[0][0].text[:1].islower()
        at = len(blocks) - flows
        yield "\n\n".join([*blocks[:at], *aside, *blocks[at:]])


@dataclass(frozen=True)
class _Scale:
    """A document's type: the body's size, the heading level of larger sizes, typewriter or not.

    In `flat` text nothing is a heading.
    """

    body: float
    levels: dict[float, int]
    typed: bool
    flat: bool = False


def _heading_levels(pages: Sequence[Sequence[PrintLine]], body: float) -> dict[float, int]:
    """Return the heading level of each large type size: the largest is 1, four levels at most."""
    large: Counter[float] = Counter()
    total = 0
    for page in pages:
        for line in page:
            total += len(line.text)
            if line.size > 1.09 * body and not line.wide_gaps():
                large[round(line.size * 2) / 2] += len(line.text)
    # A size that much of the document is set in is no heading, whatever the rest is set in.
    found = sorted((s for s, n in large.items() if n < 0.25 * total), reverse=True)
    levels: dict[float, int] = {}
    level = 0
    for index, size in enumerate(found):
        if index == 0 or found[index - 1] > 1.06 * size:
            level += 1
        levels[size] = min(level, 4)
    return levels


def _ordered(lines: Sequence[PrintLine]) -> list[PrintLine]:
    """Put the halves of two columns that the file interleaves one behind the other."""
    ordered: list[PrintLine] = []
    group: list[PrintLine] = []
    for line in [*lines, None]:
        if line is not None and _two_columns(line) and (not group or _same_gutter(group[-1], line)):
            group.append(line)
            continue
        if len(group) >= 4:
            ordered += [_half(one, 0) for one in group] + [_half(one, 1) for one in group]
        else:
            ordered += group
        group = [line] if line is not None and _two_columns(line) else []
        if line is not None and not group:
            ordered.append(line)
    return ordered


def _two_columns(line: PrintLine) -> bool:
    return (
        len(line.cells) == 2
        and line.wide_gaps(1.0) == 1
        and all(len(text) > 25 for _, _, text in line.cells)
    )


def _same_gutter(before: PrintLine, after: PrintLine) -> bool:
    return abs(before.cells[1][0] - after.cells[1][0]) < 2 * after.size


def _half(line: PrintLine, side: int) -> PrintLine:
    left, right, text = line.cells[side]
    return replace(line, text=text, left=left, right=right, cells=(line.cells[side],))


def _blocks(lines: Sequence[PrintLine], scale: _Scale, known: Collection[str]) -> Iterator[str]:
    index = 0
    items: list[str] = []
    while index < len(lines):
        end = table_end(lines, index)
        if end > index:
            table = aligned_table(lines[index:end])
            if table:
                yield from _flushed(items)
                yield table
                index = end
                continue
        end = _code_end(lines, index, scale.typed)
        if end > index:
            yield from _flushed(items)
            yield _code(lines[index:end])
            index = end
            continue
        line = lines[index]
        level = _level(lines, index, scale)
        end = index + 1
        while end < len(lines) and (
            _same_heading(lines, end, level, scale) if level else _continues(lines, index, end)
        ):
            end += 1
        text = join_lines([one.text for one in lines[index:end]], known)
        if len(text) > 200 or (len(text) > 60 and text.endswith((".", ",", ";"))):
            level = 0
        item = None if level else list_item(line.text)
        if item is not None:
            items.append(join_lines([item, *(one.text for one in lines[index + 1 : end])], known))
        else:
            yield from _flushed(items)
            # A sign for "number" at the beginning is no heading.
            yield "#" * level + " " + text if level else re.sub(r"^(#{1,6}\s)", r"\\\1", text)
        index = end
    yield from _flushed(items)


def _code_end(lines: Sequence[PrintLine], start: int, typed: bool) -> int:
    end = start
    while (
        end < len(lines)
        and lines[end].mono
        and (
            end == start
            or 0 < lines[end - 1].bottom - lines[end].bottom < 4 * max(lines[end].size, 6)
        )
    ):
        end += 1
    rows = lines[start:end]
    signs = sum(1 for row in rows if re.search(r"[{}=;<>#$@|\\]|\w\(|^\S+:\s*$|--", row.text))
    return end if len(rows) > 1 and signs >= (0.4 if typed else 0.1) * len(rows) else start


def _code(lines: Sequence[PrintLine]) -> str:
    margin = min(line.left for line in lines)
    widths = sorted((line.right - line.left) / max(1, len(line.text)) for line in lines)
    width = max(1.0, widths[len(widths) // 2])
    rows = [" " * min(60, round((line.left - margin) / width)) + line.text for line in lines]
    return fenced("\n".join(rows))


def _flushed(items: list[str]) -> Iterator[str]:
    if items:
        yield "\n".join(items)
        items.clear()


def _level(lines: Sequence[PrintLine], index: int, scale: _Scale) -> int:
    line, levels = lines[index], scale.levels
    if scale.flat or line.turn == ASIDE:
        return 0
    numbered = len(line.cells) == 2 and re.fullmatch(r"[\dA-Z]+(\.\d+)*\.?", line.cells[0][2])
    if len(line.text) > 150 or (len(line.cells) > 1 and not numbered):
        return 0
    if not any(c.isalpha() for c in line.text) or (list_item(line.text) or "").startswith("- "):
        return 0
    level = levels.get(round(line.size * 2) / 2, 0)
    if level:
        return level if len(line.text) > 1 else 0
    before = lines[index - 1] if index else None
    after = lines[index + 1] if index + 1 < len(lines) else None
    # Bold type of the body's size heads a section when it stands alone and ends no sentence.
    alone = before is None or not before.bold or before.bottom - line.top > 0.35 * line.size
    lonely = after is None or not after.bold or after.bottom > line.top or len(line.text) > 15
    if line.bold and alone and lonely and line.size >= 0.95 * scale.body and len(line.text) < 90:
        ends = line.text.rstrip().endswith((".", ",", ";"))
        listed = list_item(line.text) is not None and not re.match(r"^\d", line.text)
        return 0 if ends or listed or after is None else min(max(levels.values(), default=1) + 1, 5)
    return 0


def _same_heading(lines: Sequence[PrintLine], end: int, level: int, scale: _Scale) -> bool:
    line, before = lines[end], lines[end - 1]
    near = 0 < before.bottom - line.bottom < 1.9 * max(line.size, before.size)
    if (list_item(line.text) or "").startswith("- "):
        return False
    same = abs(line.size - before.size) < 0.6
    if scale.levels.get(round(before.size * 2) / 2, 0) == level:
        return near and same and scale.levels.get(round(line.size * 2) / 2, 0) == level
    return near and same and line.bold and len(line.text) < 90


def _continues(lines: Sequence[PrintLine], start: int, end: int) -> bool:
    line, before = lines[end], lines[end - 1]
    if line.turn == ASIDE:
        return False
    if abs(line.size - before.size) > 0.15 * max(line.size, 1) or line.wide_gaps():
        return False
    item = list_item(line.text)
    if item is not None:
        first = re.match(r"\(?(1|a|i)[.)]", item) is not None or before.text.endswith(_ENDS)
        if first or item.startswith("- ") or list_item(lines[start].text) is not None:
            return False
    step = before.bottom - line.bottom
    if step < -0.5 * line.size or step > 12 * line.size or line.left > before.right + line.size:
        # The next column, or a line set apart: the same paragraph only within a sentence.
        return (
            not before.text.endswith(_ENDS) and line.text[:1].islower() and before.text[-1:] != "|"
        )
    if step > 1.75 * max(line.size, before.size):
        return False
    if line.bold != before.bold and (
        before.text.endswith(_ENDS) or (before.bold and end == start + 1)
    ):
        return False
    block_left = min(one.left for one in lines[start:end])
    block_right = max(one.right for one in lines[start:end])
    indented = line.left > block_left + 0.8 * line.size and end - start > 1
    short = before.right < block_right - 0.25 * (block_right - block_left)
    ended = before.text.endswith(_ENDS)
    if indented and ended:
        return False
    if end - start == 1 and line.right > before.right + 6 * line.size and ended:
        return False
    return not (short and (ended or line.text[:1].isupper() or line.text[:1].isdigit()))
