"""Tables of Word: which columns of the grid each cell stands in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graft.library.readers.archives import attribute, local

MAX_SPAN = 200
_WRAPPERS = ("sdt", "sdtContent", "customXml", "ins", "smartTag", "moveTo")


def word_rows(table: Any) -> list[Any]:
    """Return the rows of a table."""
    return children(table, "tr")


def children(parent: Any, wanted: str) -> list[Any]:
    """Return the elements of one name in a parent, also such as stand in content controls."""
    found: list[Any] = []
    for child in parent:
        if local(child) == wanted:
            found.append(child)
        elif local(child) in _WRAPPERS:
            found += children(child, wanted)
    return found


def row_marks(row: Any) -> dict[str, str]:
    """Return a row's properties: `gridBefore`, `gridAfter`, `hidden`, `del` and the like."""
    return {
        local(e): attribute(e, "val")
        for part in row
        if local(part) in ("trPr", "tblPrEx")
        for e in part
    }


def word_grid(
    rows: Sequence[Any], text_of: Callable[[Any], str]
) -> list[list[tuple[str, int, int]]]:
    """Return rows of (text, columns, rows), as `filled` takes them, by the table's own grid.

    A row may begin after the first column (`gridBefore`); merged cells are repeated, those merged
    upwards (`vMerge`) by the text above, those merged to the left (`hMerge`) by the one beside.
    """
    grid: list[list[tuple[str, int, int]]] = []
    above: dict[int, str] = {}
    for row in rows:
        marks = row_marks(row)
        before = span(marks.get("gridBefore", ""), 0)
        line = [("", 1, 1)] * before
        column = before
        for cell in children(row, "tc"):
            values = {local(e): attribute(e, "val") for p in cell if local(p) == "tcPr" for e in p}
            width = span(values.get("gridSpan", ""), 1)
            text = text_of(cell)
            if "vMerge" in values and values["vMerge"] != "restart":
                text = above.get(column, text)
            elif values.get("hMerge") == "continue" and line:
                text = line[-1][0]
            above[column] = text
            line.append((text, width, 1))
            column += width
        grid.append(line)
    return grid


def span(text: str, least: int) -> int:
    """Return how many columns a property names, between `least` and MAX_SPAN."""
    return min(max(int(text), least), MAX_SPAN) if text.isdigit() and len(text) < 9 else least
