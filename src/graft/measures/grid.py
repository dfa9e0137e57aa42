"""Grid: the tables of a text, whose cells are read with what their headers say.

Under "Unit price EUR" a cell "25.00" is read as "Unit price EUR 25.00 EUR".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from graft.measures.quantity import Word, measured, read_words
from graft.measures.units import KINDS
from graft.measures.words import is_negation, is_number

_BAR = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"[|\s:+-]*-[|\s:+-]*")
_NUMBER_CELL = re.compile(r"[\W_]*\d[\d\W_]*")
_AT_END = re.compile(r"[(\[,/]?\s*([^\s()\[\],/]+)\s*[)\]]?\s*\Z")
_MISTAKEN = frozenset("min m g h l s d t w v pa point day".split())  # noqa: SIM905
"""What ends a header as a word of its own more often than as a unit, unless brackets hold it."""


@dataclass(frozen=True)
class Header:
    """The cells of a table's first row: the words of each, and the unit that it names."""

    cells: tuple[tuple[Word, ...], ...]
    units: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """A row of a table: which one of the text's (from 1), where it begins, and its header."""

    table: int
    start: int
    header: Header | None = None


def read_rows(text: str, header: str = "") -> dict[int, Row]:
    """Return the rows of the tables of a text by the place where their lines begin.

    `header` is that of a table whose own is not in the text, as of a later piece of a long one.
    """
    if "|" not in text:
        return {}
    found: dict[int, Row] = {}
    for number, lines in enumerate(_tables(text), 1):
        first = text[slice(*lines[0])]
        ruled = len(lines) > 1 and _RULE.fullmatch(text[slice(*lines[1])])
        if not ruled and header and len(_cells(first)) == len(_cells(header)):
            head, rows = read_header(header), lines
        else:
            head, rows = read_header(first), lines[1:]
            found[lines[0][0]] = Row(number, lines[0][0])
        found |= {start: Row(number, start, head) for start, _ in rows}
    return found


def read_header(line: str) -> Header:
    """Return a header row's cells.

    >>> read_header("| Part | Unit price (EUR) |").units
    ('', 'euro')
    """
    cells = _cells(line)
    return Header(
        tuple(
            tuple(word for word in read_words(cell) if not is_negation(word.written))
            for cell in cells
        ),
        tuple(map(_unit, cells)),
    )


def read_row(text: str, row: Row, words: Sequence[Word]) -> list[Word]:
    """Return a row's words, those of its header before each cell and its unit behind a number."""
    if row.header is None:
        return list(words)
    header, found = row.header, list[Word]()
    column = -1
    line = text[row.start : text.find("\n", row.start) % (len(text) + 1)]
    edges = [row.start + mark.start() for mark in _BAR.finditer(line)]
    lead = bool(line.lstrip().startswith("|"))
    for word in words:
        place = sum(edge < word.start for edge in edges) - lead
        if place != column:
            column = place
            cells = _at(header.cells, place)
            found += [replace(it, start=word.start, end=word.start) for it in cells]
        found.append(word)
        unit, cell = _at(header.units, place), _cell_of(line, edges, row, word)
        if unit and is_number(word.key) and _NUMBER_CELL.fullmatch(cell):
            found.append(Word(unit, "", word.end, word.end))
    return measured(found)


def _tables(text: str) -> list[list[tuple[int, int]]]:
    tables: list[list[tuple[int, int]]] = []
    start, inside = 0, False
    for line in text.split("\n"):
        end = start + len(line)
        bare = line.lstrip()
        if bare.startswith("|"):
            if not inside:
                tables.append([])
            tables[-1].append((end - len(bare), end))
        inside, start = bare.startswith("|"), end + 1
    return tables


def _cells(line: str) -> list[str]:
    bare = line.strip()
    return _BAR.split(bare.removeprefix("|").removesuffix("|"))


def _cell_of(line: str, edges: Sequence[int], row: Row, word: Word) -> str:
    left = max((edge + 1 for edge in edges if edge < word.start), default=row.start)
    right = min((edge for edge in edges if edge >= word.end), default=row.start + len(line))
    return line[left - row.start : right - row.start]


def _at(cells: Sequence[Any], place: int) -> Any:
    """What stands at a place of the header; nothing in a row that has more cells."""
    return cells[place] if 0 <= place < len(cells) else ()


def _unit(cell: str) -> str:
    """The unit that a header ends with: "Unit price EUR", "Length (mm)", "Share in %"."""
    found = _AT_END.search(cell)
    if not found:
        return ""
    words = read_words("1 " + found[1])
    unit = words[-1].key if len(words) == 2 else ""
    bracketed = cell.rstrip().endswith((")", "]"))
    if unit not in KINDS or (found[1].lower() in _MISTAKEN and not bracketed):
        return ""
    return unit
