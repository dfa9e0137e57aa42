"""Where what is laid on a PDF page is read: beside its label, or under it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from graft.library.readers.lines import ASIDE, PrintLine
from graft.library.readers.pdfmarks import Mark
from graft.library.readers.pdftext import Box, PageText

_RULE = re.compile(r"_{3,}|\.{4,}|\u2026{2,}")
"""A line to write on."""
Cell = tuple[float, float, str]
_Placed = tuple[Box, Mark]


def with_marks(page: PageText, marks: Sequence[Mark]) -> list[PrintLine]:
    """Return a page's lines with the texts that are laid on it.

    A value joins the label on its line: the one before it, for a button the nearer one. A value
    without one is a line of its own under the line above it, and a note stands at the page's end.
    """
    turn = page.turn
    lines = [line for line in page.lines if line.turn == turn]
    others = [line for line in page.lines if line.turn != turn]
    sizes = sorted(line.size for line in lines)
    size = sizes[len(sizes) // 2] if sizes else 11.0
    joined: dict[int, list[_Placed]] = defaultdict(list)
    alone: list[_Placed] = []
    for box, mark in sorted(((page.frame(m.box), m) for m in marks), key=lambda p: p[0][0]):
        row = _row(lines, box, mark.kind)
        if row is not None and (mark.kind != "note" or _awaits(lines[row], box)):
            joined[row].append((box, mark))
        else:
            alone.append((box, mark))
    filled = [_filled(line, joined[i]) if i in joined else line for i, line in enumerate(lines)]
    height = page.frame.size[1]
    rows = _rows([one for one in alone if one[1].kind != "note"], size, height, turn)
    for row_line in sorted(rows, key=lambda line: -line.top):
        filled.insert(_below(filled, row_line), row_line)
    notes = sorted((one for one in alone if one[1].kind == "note"), key=lambda p: -p[0][3])
    aside = [_line([one], size, height, ASIDE) for one in notes]
    return [*filled, *others, *aside]


def _row(lines: Sequence[PrintLine], box: Box, kind: str) -> int | None:
    """Return which line a box stands on: of those beside it the nearest, its label before it."""
    found: list[tuple[float, float, int]] = []
    for i, line in enumerate(lines):
        shared = min(box[3], line.top) - max(box[1], line.bottom)
        if shared <= 0.5 * min(line.top - line.bottom, box[3] - box[1]):
            continue
        gap = max(0.0, box[0] - line.right)
        if line.left >= box[0]:
            gap = line.left - box[2] + (0 if kind == "button" else 1000)
            if line.left - box[2] > 3 * line.size:
                continue
        found.append((round(gap), -line.top, i))
    return min(found)[2] if found else None


def _awaits(line: PrintLine, box: Box) -> bool:
    """Return whether the cell before a box ends as a label does."""
    before = [text for left, _, text in line.cells if left < box[0]]
    return bool(before) and (before[-1].endswith(":") or _RULE.search(before[-1]) is not None)


def _filled(line: PrintLine, placed: Sequence[_Placed]) -> PrintLine:
    """Return a line with values joined to their cells; several after one cell are cells too."""
    before: dict[int, list[_Placed]] = defaultdict(list)
    after: dict[int, list[_Placed]] = defaultdict(list)
    for box, mark in placed:
        place, first = _cell(line, box, mark.kind)
        (before if first else after)[place].append((box, mark))
    cells: list[Cell] = []
    for i, cell in enumerate(line.cells):
        cells += _cell_filled(cell, before[i], after[i], line.size)
    return replace(
        line,
        text=" ".join(text for _, _, text in cells),
        cells=tuple(cells),
        left=min(cells[0][0], line.left),
        right=max(cells[-1][1], line.right),
    )


def _cell_filled(
    cell: Cell, before: Sequence[_Placed], after: Sequence[_Placed], size: float
) -> list[Cell]:
    left, right = min([cell[0], *(box[0] for box, _ in before)]), cell[1]
    behind = [one for one in after if one[0][0] >= right - size]
    within = [one for one in after if one[0][0] < right - size]
    text = " ".join([*(_told(mark) for _, mark in before), cell[2]])
    text = _written_in(text, (left, right), within) if within else text
    if len(behind) != 1:
        return [(left, right, text), *((box[0], box[2], _told(mark)) for box, mark in behind)]
    ((box, mark),) = behind
    told = _told(mark)
    right = max(right, min(box[2], box[0] + 0.5 * size * len(told)))
    return [(left, right, f"{_RULE.sub('', text).rstrip()} {told}".strip())]


def _told(mark: Mark) -> str:
    return " ".join(mark.text.split())


def _cell(line: PrintLine, box: Box, kind: str) -> tuple[int, bool]:
    """Return the cell that a box belongs to, and whether it stands before it."""
    left = [i for i, cell in enumerate(line.cells) if cell[0] < box[0] + 0.2 * line.size]
    right = len(left)
    if right == len(line.cells):
        return right - 1, False
    gap_after = line.cells[right][0] - box[2]
    if not left:
        return right, True
    gap_before = box[0] - line.cells[right - 1][1]
    nearer = kind == "button" and gap_after <= max(gap_before, 0.0)
    return (right, True) if nearer else (right - 1, False)


def _written_in(text: str, span: tuple[float, float], placed: Sequence[_Placed]) -> str:
    """Return a cell's text with values put on the rules to write on, or where they stand."""
    if len(_RULE.findall(text)) == len(placed):
        values = iter(_told(mark) for _, mark in placed)
        text = " ".join(_RULE.sub(lambda _: f" {next(values)} ", text).split())
        return re.sub(r" ([,.;])", r"\1", text)
    for box, mark in reversed(placed):
        at = round(len(text) * (box[0] - span[0]) / max(1.0, span[1] - span[0]))
        blanks = [0, *(m.start() for m in re.finditer(" ", text)), len(text)]
        at = min(blanks, key=lambda place: abs(place - at))
        text = f"{text[:at]} {_told(mark)}{text[at:]}".strip()
    return text


def _rows(placed: Sequence[_Placed], size: float, page_height: float, turn: int) -> list[PrintLine]:
    """Return values without a label as lines; those at one height are cells of one line."""
    rows: list[list[_Placed]] = []
    for box, mark in sorted(placed, key=lambda p: -p[0][3]):
        last = rows[-1][0][0] if rows else None
        if last and min(box[3], last[3]) - max(box[1], last[1]) > 0.5 * min(
            box[3] - box[1], last[3] - last[1]
        ):
            rows[-1].append((box, mark))
        else:
            rows.append([(box, mark)])
    return [_line(sorted(row, key=lambda p: p[0][0]), size, page_height, turn) for row in rows]


def _line(row: Sequence[_Placed], size: float, page_height: float, turn: int) -> PrintLine:
    cells = tuple((box[0], box[2], _told(mark)) for box, mark in row)
    top = row[0][0][3]
    bottom = min(top - size, row[0][0][1]) if len(row[0][1].text) > 200 else top - size
    text = " ".join(text for _, _, text in cells)
    return PrintLine(
        text, cells[0][0], bottom, cells[-1][1], top, size, False, cells, page_height, False, turn
    )


def _below(lines: Sequence[PrintLine], new: PrintLine) -> int:
    """Return where a line is read: behind the nearest line above it, best one over it."""
    above = [i for i, line in enumerate(lines) if line.bottom >= new.top - 0.5 * new.size]
    if not above:
        return 0
    over = [i for i in above if lines[i].left < new.right and new.left < lines[i].right]
    return min(over or above, key=lambda i: lines[i].bottom - new.top) + 1
