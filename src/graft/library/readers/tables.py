"""Tables as Markdown pipe rows: one line a row, with a header."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from math import isfinite
from typing import Any


def pipe_table(rows: Sequence[Sequence[Any]]) -> str:
    """Return rows as a pipe table; the first row is its header. Empty rows and columns go.

    >>> print(pipe_table([["Food", "", "kcal"], ["Leaves", "", 50]]))
    | Food | kcal |
    | --- | --- |
    | Leaves | 50 |
    """
    cells = [[cell_text(value).replace("|", "\\|") for value in row] for row in rows]
    cells = [row for row in cells if any(row)]
    width = max((len(row) for row in cells), default=0)
    kept = [i for i in range(width) if any(i < len(row) and row[i] for row in cells)]
    if not kept:
        return ""
    lines = [pipe_row(row[i] if i < len(row) else "" for i in kept) for row in cells]
    lines.insert(1, pipe_row(["---"] * len(kept)))
    return "\n".join(lines)


def pipe_row(cells: Iterable[str]) -> str:
    """Return one row of a pipe table."""
    return "| " + " | ".join(cells) + " |"


def cell_text(value: Any) -> str:
    """Return a cell's value on one line; whole floats have all their digits and no ".0".

    >>> cell_text(3.0), cell_text("a\\n b"), cell_text(None), cell_text(4111111111111111.0)
    ('3', 'a b', '', '4111111111111111')
    """
    if value is None:
        return ""
    if isinstance(value, float):
        if not isfinite(value) or not 1e-9 < abs(value) < 1e21:
            return f"{value:.15g}"
        # The digits that tell the number apart, and no more: 1e17 + 0.1 has no tenths.
        text = f"{Decimal(repr(value) if value.is_integer() else f'{value:.15g}'):f}"
        return text.removesuffix(".0")
    return " ".join(str(value).split())


def filled(grid: Sequence[Sequence[tuple[str, int, int]]]) -> list[list[str]]:
    """Return the rows of a table whose cells are (text, columns, rows), merged ones repeated.

    A merged cell's text stands in every place it covers, so that each row can be read alone.

    >>> filled([[("A", 2, 1)], [("B", 1, 1), ("C", 1, 1)]])
    [['A', 'A'], ['B', 'C']]
    """
    rows: list[list[str]] = []
    hanging: dict[int, tuple[str, int]] = {}
    for cells in grid:
        row: list[str] = []

        def hang() -> None:
            while len(row) in hanging and hanging[len(row)][1] > 0:  # noqa: B023
                text, left = hanging[len(row)]  # noqa: B023
                hanging[len(row)] = (text, left - 1)  # noqa: B023
                row.append(text)  # noqa: B023

        for text, columns, height in cells:
            hang()
            for _ in range(min(max(columns, 1), 200)):
                if height > 1:
                    hanging[len(row)] = (text, min(height, 10_000) - 1)
                row.append(text)
        hang()
        rows.append(row)
    return rows
