"""Lines of print with their places: fragments joined at one height, aligned cells as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from graft.library.readers.tables import pipe_table

ASIDE = 4
"""The turn of what stands apart: it leans, or was laid on the page, and is a paragraph alone."""


@dataclass(frozen=True)
class PrintLine:
    """One line of print: its text, box in points (origin at the lower left), type and cells.

    `cells` are its parts between wide gaps: (left, right, text). `turn` is how many quarters
    clockwise bring the line upright on the page as it is shown, or is ASIDE; its box and
    `page_height` are those after that turn.
    """

    text: str
    left: float
    bottom: float
    right: float
    top: float
    size: float
    bold: bool = False
    cells: tuple[tuple[float, float, str], ...] = ()
    page_height: float = 0.0
    mono: bool = False
    turn: int = 0

    def wide_gaps(self, widths: float = 2.0) -> int:
        """Return how many gaps between cells are wider than `widths` times the type size."""
        return sum(b[0] - a[1] > widths * self.size for a, b in pairwise(self.cells))


def body_size(pages: Sequence[Sequence[PrintLine]]) -> float:
    """Return the type size that most of some pages is set in, in points."""
    sizes: Counter[float] = Counter()
    for page in pages:
        for line in page:
            sizes[round(line.size, 1)] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 10.0


def main_turn(lines: Sequence[PrintLine]) -> int:
    """Return the turn of most of some lines' characters, 0 for none."""
    turns: Counter[int] = Counter()
    for line in lines:
        turns[line.turn] += len(line.text)
    return turns.most_common(1)[0][0] if turns else 0


def one_baseline(lines: Sequence[PrintLine]) -> list[PrintLine]:
    """Join fragments that stand behind each other at one height, as raised figures do."""
    joined: list[PrintLine] = []
    for line in lines:
        last = joined[-1] if joined else None
        if last is not None:
            overlap = min(last.top, line.top) - max(last.bottom, line.bottom)
            gap, size = line.left - last.right, max(last.size, line.size)
            if overlap > 0.3 * min(last.size, line.size) and -0.5 * size < gap < 1.2 * size:
                joined[-1] = _joined(last, line, " " if gap > 0.12 * size else "")
                continue
        joined.append(line)
    return joined


def _joined(left: PrintLine, right: PrintLine, space: str) -> PrintLine:
    main = left if len(left.text) >= len(right.text) else right
    a, b = left.cells[-1], right.cells[0]
    cells = (*left.cells[:-1], (a[0], b[1], a[2] + space + b[2]), *right.cells[1:])
    text = left.text + space + right.text
    start, end = min(left.left, right.left), max(left.right, right.right)
    return replace(main, text=text, left=start, right=end, cells=cells)


def table_end(lines: Sequence[PrintLine], start: int) -> int:
    """Return the end of a run of lines with several cells that begins here; `start` for none."""
    end, single = start, 0
    while end < len(lines):
        line = lines[end]
        if end > start and not (
            -0.5 * line.size < lines[end - 1].bottom - line.bottom < 4 * max(line.size, 6)
        ):
            break
        if len(line.cells) > 1:
            single = 0
        else:
            # One cell that goes on below its row; a wide line is text above or below a table.
            left = min(row.left for row in lines[start : end + 1])
            right = max(row.right for row in lines[start : end + 1])
            single += 1
            if single > 1 or end < start + 2 or line.right - line.left > 0.6 * (right - left):
                break
        end += 1
    end -= 1 if end > start and len(lines[end - 1].cells) == 1 else 0
    rows = lines[start:end]
    if len(rows) < 2 or sum(len(row.cells) > 1 for row in rows) < 2:
        return start
    return end


def aligned_table(lines: Sequence[PrintLine]) -> str:
    """Return lines as a table when their cells fall into columns, or ""."""
    spans = sorted(
        (left, right) for line in lines if len(line.cells) > 1 for left, right, _ in line.cells
    )
    columns: list[list[float]] = []
    for left, right in spans:
        if columns and left < columns[-1][1] + 2:
            columns[-1][1] = max(columns[-1][1], right)
        else:
            columns.append([left, right])
    cells = [text for line in lines for _, _, text in line.cells]
    if len(columns) < 2 or len(columns) > 30 or max(map(len, cells)) > 200:
        return ""
    rows: list[list[str]] = []
    for line in lines:
        row = [""] * len(columns)
        for left, right, text in line.cells:
            overlaps = [min(right, b) - max(left, a) for a, b in columns]
            place = overlaps.index(max(overlaps))
            row[place] = f"{row[place]} {text}".strip()
        rows.append(row)
    rows = _joined_columns(rows)
    fill = sum(1 for row in rows for cell in row if cell) / (len(rows) * len(rows[0]))
    if fill < 0.4 or len(rows[0]) < 2:
        return ""
    return pipe_table(rows)


def _joined_columns(rows: list[list[str]]) -> list[list[str]]:
    """Join neighbours of which no row fills both: a heading set apart from its numbers."""
    place = 0
    while place + 1 < len(rows[0]):
        if any(row[place] and row[place + 1] for row in rows):
            place += 1
        else:
            rows = [[*r[:place], r[place] or r[place + 1], *r[place + 2 :]] for r in rows]
    return rows
