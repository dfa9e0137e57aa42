"""Parts of an Excel workbook that its values lack: number formats, formulas, what is hidden."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from html import unescape

from graft.core.errors import DocumentError
from graft.library.readers.archives import Archive, attribute, local
from graft.library.readers.numberformat import BUILTIN, shown_number

MAX_AREA = 20_000_000
"""Cells that the smallest rectangle around a sheet's values may have: it is held in memory."""

_TOKEN = re.compile(
    rb"<(?:\w+:)?(?:row\b([^>]*)|c(?=[ />\s])([^>]*?)(/)?>\s*"
    rb"(?:<(?:\w+:)?f\b([^>]*?)(?:/>|>([^<]*)</(?:\w+:)?f>)\s*)?"
    rb"(?:<(?:\w+:)?v\b[^>]*?>([^<]*))?)"
)
_PLACE = re.compile(rb"\br=[\"']([A-Z]{1,3})(\d{1,8})[\"']")
_ROW = re.compile(rb"\br=[\"'](\d{1,8})[\"']")
_STYLE = re.compile(rb"\bs=[\"'](\d{1,6})[\"']")
_TYPE = re.compile(rb"\bt=[\"'](\w+)[\"']")
_HIDDEN = re.compile(rb"\bhidden=[\"'](?:1|true)[\"']")
_FOLDED = re.compile(rb"\boutlineLevel=[\"'][1-9]")
_COLUMNS = re.compile(rb"<(?:\w+:)?col\b([^>]*)>")
_FILTER = re.compile(
    rb"<(?:\w+:)?autoFilter\b[^>]*?\bref=[\"']\$?[A-Z]+\$?(\d+):\$?[A-Z]+\$?(\d+)[\"'][^>]*>\s*"
    rb"<(?:\w+:)?filterColumn"
)
_SHARED = re.compile(rb"\bsi=[\"'](\d+)[\"']")
_REFERENCE = re.compile(
    r"\"[^\"]*\"|'[^']*'!?|(?<![\w.$])(\$?)([A-Z]{1,3})(\$?)([1-9]\d{0,6})(?![\w(.!])"
)
Place = tuple[int, int]


@dataclass
class SheetParts:
    """What a sheet shows in place of bare values, by (row, column) from 0, and what it hides.

    `formulas` are those without a calculated value; `noughts` those that hold 0, which some
    programs write where nothing was calculated.
    """

    shown: dict[Place, str] = field(default_factory=dict)
    formulas: dict[Place, str] = field(default_factory=dict)
    noughts: dict[Place, str] = field(default_factory=dict)
    calculated: int = 0
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    hidden_cells: int = 0


def read_parts(archive: Archive) -> dict[str, SheetParts]:
    """Return the parts of every worksheet by the sheet's name.

    Raises DocumentError for a sheet whose few cells stand so far apart that their rectangle would
    fill the memory.
    """
    if "xl/workbook.xml" not in archive.names:
        return {}
    book = archive.xml("xl/workbook.xml")
    relations = archive.relations("xl/workbook.xml")
    since_1904 = any(
        local(e) == "workbookPr" and attribute(e, "date1904") in ("1", "true") for e in book
    )
    codes = _codes(archive)
    found: dict[str, SheetParts] = {}
    for sheet in book.iter():
        if local(sheet) != "sheet":
            continue
        ids = [str(v) for k, v in sheet.attrib.items() if k.endswith("}id")]
        kind, path = relations.get(ids[0] if ids else "", ("", ""))
        if kind == "worksheet" and path in archive.names:
            filters = [
                archive.read(table)
                for kind, table in archive.relations(path).values()
                if kind == "table" and table in archive.names
            ]
            found[attribute(sheet, "name")] = sheet_parts(
                archive.read(path), codes, since_1904=since_1904, tables=filters
            )
    recalculated = any(
        local(e) == "calcPr" and attribute(e, "fullCalcOnLoad") in ("1", "true") for e in book
    )
    if recalculated and not any(parts.calculated for parts in found.values()):
        # A program that cannot calculate wrote 0 for every formula, for Excel to fill in.
        for parts in found.values():
            parts.formulas |= parts.noughts
    return found


def sheet_parts(
    data: bytes,
    codes: Mapping[int, str],
    *,
    since_1904: bool = False,
    tables: Sequence[bytes] = (),
) -> SheetParts:
    """Return the parts of a worksheet's XML; `codes` are number formats by style."""
    parts = SheetParts()
    shared: dict[bytes, tuple[Place, str]] = {}
    folded = [_FILTER.search(part) for part in (data, *tables)]
    filtered = [range(int(f[1]) - 1, int(f[2])) for f in folded if f]
    row, column = -1, -1
    top, bottom, left, right = 1 << 30, -1, 1 << 30, -1
    for found in _TOKEN.finditer(data):
        head, cell, closed, formula_head, formula, value = found.groups()
        if cell is None:
            number = _ROW.search(head)
            row, column = int(number[1]) - 1 if number else row + 1, -1
            hidden = _HIDDEN.search(head) and not _FOLDED.search(head)
            if hidden and not any(row in rows for rows in filtered):
                parts.hidden_rows.add(row)
            continue
        place = _PLACE.search(cell)
        column = _column(place[1]) if place else column + 1
        row = int(place[2]) - 1 if place else row
        top, bottom = min(top, row), max(bottom, row)
        left, right = min(left, column), max(right, column)
        if closed:
            continue
        kind = _TYPE.search(cell)
        if formula_head is not None:
            text = _formula(formula_head, formula, (row, column), shared)
            unset = not value and not (kind and kind[1] == b"str" and value is not None)
            if text and unset:
                parts.formulas[row, column] = text
            elif text and value == b"0":
                parts.noughts[row, column] = text
            else:
                parts.calculated += 1
        if value and (kind is None or kind[1] == b"n"):
            style = _STYLE.search(cell)
            code = codes.get(int(style[1]), "") if style else ""
            if code:
                parts.shown[row, column] = _shown(value, code, since_1904)
                parts.hidden_cells += not code.strip(";")
            elif len(value) > 15 and value.isdigit():
                parts.shown[row, column] = value.decode()
    if bottom >= 0 and (right - left + 1) * (bottom - top + 1) > MAX_AREA:
        raise DocumentError(
            f"a sheet spans {(right - left + 1) * (bottom - top + 1):,} cells, and {MAX_AREA:,} "
            "is the limit: delete the stray cells far from the table"
        )
    for found in _COLUMNS.finditer(data, 0, max(0, data.find(b"sheetData"))):
        if _HIDDEN.search(found[1]) and not _FOLDED.search(found[1]):
            ends = [re.search(rb"\b%b=[\"'](\d{1,5})[\"']" % n, found[1]) for n in (b"min", b"max")]
            if ends[0] and ends[1]:
                parts.hidden_columns |= set(range(int(ends[0][1]) - 1, int(ends[1][1])))
    return parts


def moved(formula: str, rows: int, columns: int) -> str:
    """Return a formula as it reads some rows and columns further on; `$` holds a part fast.

    >>> moved('SUM(B2,$C$3)&"A1"', 1, 2)
    'SUM(D3,$C$3)&"A1"'
    """

    def shift(found: re.Match[str]) -> str:
        if found[2] is None:
            return found.group()
        column = _column(found[2].encode()) + (0 if found[1] else columns)
        row = int(found[4]) + (0 if found[3] else rows)
        return f"{found[1]}{_letters(column)}{found[3]}{row}"

    return _REFERENCE.sub(shift, formula)


def _formula(
    head: bytes, formula: bytes | None, place: Place, shared: dict[bytes, tuple[Place, str]]
) -> str:
    text = unescape((formula or b"").decode("utf-8", "replace")).strip()
    number = _SHARED.search(head)
    if number and text:
        shared[number[1]] = (place, text)
    elif number and number[1] in shared:
        first, text = shared[number[1]]
        text = moved(text, place[0] - first[0], place[1] - first[1])
    # Functions newer than the format carry a mark that no program shows.
    text = re.sub(r"_xl(?:fn|ws|pm|udf)\.", "", text)
    return " ".join(text.split())


def _shown(value: bytes, code: str, since_1904: bool) -> str:
    text = value.decode("ascii", "replace").strip()
    digits = len(text) > 15 and text.isdigit() and set(code) <= set("0#@")
    try:
        number: float | Decimal = Decimal(text) if digits else float(text)
    except (ValueError, ArithmeticError):
        return text
    return shown_number(number, code, since_1904=since_1904)


def _codes(archive: Archive) -> dict[int, str]:
    """Return the number formats of cell styles by the style's number; plain ones are left out."""
    if "xl/styles.xml" not in archive.names:
        return {}
    own: dict[int, str] = {}
    styles: list[int] = []
    for part in archive.xml("xl/styles.xml"):
        if local(part) == "numFmts":
            for e in part:
                if attribute(e, "numFmtId").isdigit():
                    own[int(attribute(e, "numFmtId"))] = attribute(e, "formatCode")
        elif local(part) == "cellXfs":
            ids = [attribute(e, "numFmtId") for e in part if local(e) == "xf"]
            styles = [int(number) if number.isdigit() else 0 for number in ids]
    codes = {i: own.get(number, BUILTIN.get(number, "")) for i, number in enumerate(styles)}
    return {i: code for i, code in codes.items() if code.lower() not in ("", "general")}


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _letters(column: int) -> str:
    text = ""
    column += 1
    while column > 0:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text
