"""Sheets of OpenDocument: what cells show, formulas without values, what is hidden."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from graft.library.readers.archives import Archive, attribute, local
from graft.library.readers.workbook import SheetParts

_NUMBERS = ("float", "percentage", "currency", "date", "time", "boolean")
_GROUPS = (
    "table-row-group", "table-rows", "table-header-rows", "table-column-group", "table-columns",
    "table-header-columns",
)  # fmt: skip
LAST = 1 << 20
"""The last row that a sheet has."""
MOST = 100_000
"""Rows or columns that a repetition is followed for: more are the empty rest of a sheet."""


def read_sheets(archive: Archive) -> dict[str, SheetParts]:
    """Return the parts of every sheet by its name; a cell's own text is what it shows."""
    if "content.xml" not in archive.names:
        return {}
    tables = (
        table
        for body in archive.xml("content.xml").iter()
        if local(body) == "spreadsheet"
        for table in body
        if local(table) == "table"
    )
    return {attribute(table, "name"): _sheet(table) for table in tables}


def _sheet(table: Any) -> SheetParts:
    parts = SheetParts()
    row = column = 0
    for element in _lines(table):
        if row > LAST or column > LAST:
            break
        name = local(element)
        hidden = attribute(element, "visibility") == "collapse"
        times = repeated(element, f"number-{name[6:]}s-repeated")
        if name == "table-column":
            parts.hidden_columns |= set(range(column, column + times)) if hidden else set()
            column += times
            continue
        parts.hidden_rows |= set(range(row, row + times)) if hidden else set()
        _row(element, row, times, parts)
        row += times
    return parts


def _row(element: Any, row: int, times: int, parts: SheetParts) -> None:
    column = 0
    for cell in element:
        if local(cell) not in ("table-cell", "covered-table-cell"):
            continue
        again = repeated(cell, "number-columns-repeated")
        texts = [" ".join("".join(p.itertext()).split()) for p in cell if local(p) == "p"]
        kind, formula = attribute(cell, "value-type"), attribute(cell, "formula")
        every = ((row + y, column + x) for y in range(times) for x in range(again))
        places = islice(every, MOST)
        if kind in _NUMBERS and any(texts):
            parts.shown |= dict.fromkeys(places, " ".join(texts))
        elif formula and not kind and not any(texts):
            text = formula.partition(":=")[2] or formula.lstrip("=")
            parts.formulas |= dict.fromkeys(places, text.replace("[.", "").replace("]", ""))
        column += again


def _lines(table: Any) -> Iterator[Any]:
    for child in table:
        if local(child) in ("table-row", "table-column"):
            yield child
        elif local(child) in _GROUPS:
            yield from _lines(child)


def repeated(element: Any, name: str) -> int:
    """Return how often an element stands for itself, MOST times at most."""
    times = attribute(element, name)
    return min(int(times), MOST) if times.isdigit() and len(times) < 9 else 1
