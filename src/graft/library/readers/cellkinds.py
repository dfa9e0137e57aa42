"""Kinds of cells by their form: numbers, dates, times and the like, and which row is a header."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

_MONTHS = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mär|mai|okt|dez)[a-zäöüé]{0,7}\.?"
_FORMS = {
    "year": r"(?:19|20)\d\d",
    "date": r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ]\d{1,2}:\d\d\S*(?: ?[ap]m)?)?"
    r"|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d\d)(?:,? \d{1,2}:\d\d\S*(?: ?[ap]m)?)?"
    rf"|\d{{1,2}}\.?[- ]{_MONTHS}[- ,]+\d{{2,4}}|{_MONTHS} \d{{1,2}}, \d{{4}}",
    "time": r"\d{1,3}:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?[ap]m)?",
    "number": r"\(?[-+−]?\s?(?:[$€£¥₹]|[A-Z]{3} )?\s?[-+−]?"
    r"(?:\d+|\d{1,3}(?:[ ,.'’\u00a0\u202f]\d{3})+)(?:[.,]\d+)?(?:e[-+]?\d+)?"
    r"\s?(?:[%‰$€£¥₹]|[A-Z]{3})?\)?-?",
    "mail": r"[^\s@]+@[^\s@]+\.\w+",
    "address": r"(?:https?://|www\.)\S+",
    "truth": r"true|false",
    "none": r"n/?a|nan|null|none|-|–|—",
}
_KIND = re.compile("|".join(f"(?P<{k}>{v})" for k, v in _FORMS.items()), re.IGNORECASE)
_LEADING = 30
"""Lines before its header that a table may have."""


def kind_of(cell: str) -> str:
    """Return what kind of value a cell holds by its form, or "" for words.

    >>> [kind_of(cell) for cell in ("1.234,50", "2026-03-15", "9:30", "2024", "Rope 10 mm")]
    ['number', 'date', 'time', 'year', '']
    """
    found = _KIND.fullmatch(cell) if len(cell) <= 60 else None
    return str(found.lastgroup) if found else ""


def header_at(rows: Sequence[Sequence[str]]) -> int | None:
    """Return the index of the header row of stripped rows, 0 in doubt; None when there is none.

    Rows above it are titles: narrower than the table. A table of values of one kind from its first
    row on, where no title stands above it, has no header.

    >>> header_at([["Statement"], ["IBAN", "DE00"], ["Date", "Payee", "Sum"], ["1.2.24", "A", "3"]])
    2
    >>> header_at([["Ann", "1984"], ["Bo", "1990"]]) is None
    True
    """
    widths = [_width(row) for row in rows]
    counts = Counter(width for width in widths if width > 1)
    if not counts:
        return 0
    usual = max(counts.items(), key=lambda item: (item[1], item[0]))[0]
    first = next(i for i, width in enumerate(widths) if width)
    place = next((i for i in range(first, len(rows)) if widths[i] >= usual), first)
    above = [width for width in widths[first:place] if width]
    titled = place > first and (
        min(above) == 1 or not all(widths[first:place]) or max(above) <= usual - 2
    )
    if (place > first and not titled) or place > _LEADING:
        return first
    # Titles as wide as the table end at a blank line, before a row of names.
    gap = next((i for i in range(place, min(len(rows), _LEADING)) if not widths[i]), None)
    if gap is not None and gap + 1 < len(rows) and gap - place < 8:
        after = next((i for i in range(gap, len(rows)) if widths[i]), place)
        if widths[after] == usual and _names(rows, after) and not _names(rows, place):
            return after
    return None if _values(rows, place) else place


def _width(row: Sequence[str]) -> int:
    return next((i + 1 for i in reversed(range(len(row))) if row[i]), 0)


def _names(rows: Sequence[Sequence[str]], place: int) -> bool:
    """Whether a row holds words alone, and a column below it values of one kind."""
    if any(kind_of(cell) for cell in rows[place]):
        return False
    return any(kind for kind in _column_kinds(rows, place))


def _values(rows: Sequence[Sequence[str]], place: int) -> bool:
    """Whether a row holds in every column of one kind what the column holds below."""
    kinds = _column_kinds(rows, place)
    first = [kind_of(cell) for cell in rows[place]]
    pairs = [(a, b) for a, b in zip(first, kinds, strict=False) if b]
    return bool(pairs) and all(_like(a, b) for a, b in pairs) and not _series(rows[place])


def _like(one: str, other: str) -> bool:
    return one == other or {one, other} <= {"number", "year", "none"}


def _series(row: Sequence[str]) -> bool:
    """Whether a row counts: years or numbers that rise by one are names of columns."""
    numbers = [int(cell) for cell in row if re.fullmatch(r"\d{1,4}", cell)]
    steps = {b - a for a, b in pairwise(numbers)}
    return len(numbers) > 1 and len(steps) == 1 and steps <= {1, -1}


def _column_kinds(rows: Sequence[Sequence[str]], place: int) -> list[str]:
    """Return the kind of nine tenths of each column's cells below a row, "" where there is none."""
    below = rows[place + 1 : place + 60]
    found = []
    for column in range(_width(rows[place])):
        cells = [row[column] for row in below if column < len(row) and row[column]]
        kinds = Counter(kind_of(cell) for cell in cells)
        kinds.pop("none", None)
        total = sum(kinds.values())
        kind, times = max(kinds.items(), key=lambda item: item[1], default=("", 0))
        if kind == "year" or (kind == "number" and kinds["year"]):
            kind, times = ("year", times) if times == total else ("number", times + kinds["year"])
        found.append(kind if total and times >= 0.9 * total else "")
    return found
