"""Spreadsheets (xlsx, xlsm, xlsb, xls, ods): a heading a sheet, a pipe table a block of rows."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from python_calamine import CalamineError, PasswordError, SheetVisibleEnum, load_workbook

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.readers.archives import Archive, local, open_archive
from graft.library.readers.charts import chart_title
from graft.library.readers.extracted import Blob, Extracted, joined
from graft.library.readers.reader import Reader
from graft.library.readers.tables import cell_text, pipe_table

MAX_AREA = 20_000_000
"""Cells that the smallest rectangle around a sheet's values may have: it is held in memory."""


def read_spreadsheet(blob: Blob) -> list[Extracted]:
    """Return every visible sheet under its name, with an empty row between two tables.

    Comments follow their sheet. Raises DocumentError for an encrypted or damaged workbook.
    """
    comments: list[str] = []
    if blob.data.startswith(b"PK"):
        with open_archive(blob) as archive:
            _check_area(archive)
            comments = _comments(archive)
    parts: list[str] = []
    try:
        book = load_workbook(io.BytesIO(blob.data))
        for meta in book.sheets_metadata:
            if meta.visible != SheetVisibleEnum.Visible or "WorkSheet" not in str(meta.typ):
                continue
            sheet = book.get_sheet_by_name(meta.name)
            rows: list[list[Any]] = sheet.to_python(skip_empty_area=True)
            origin = sheet.start or (0, 0)
            _fill_merged(rows, sheet.merged_cell_ranges or [], origin)
            blocks = _blocks(rows)
            if blocks:
                parts += [f"## {meta.name}", *blocks]
    except PasswordError as error:
        raise DocumentError("the file is encrypted: save a copy without the password") from error
    except (CalamineError, OSError, ValueError, KeyError) as error:
        raise DocumentError(
            f"the workbook is damaged ({str(error)[:80]}): open it in a spreadsheet and save it"
        ) from error
    except BaseException as error:
        # A Rust panic is no Exception, and its class cannot be imported.
        if type(error).__name__ != "PanicException":
            raise
        raise DocumentError(
            "the workbook is damaged: open it in a spreadsheet and save it anew"
        ) from error
    return [joined([*parts, *comments])]


def _blocks(rows: Sequence[Sequence[Any]]) -> list[str]:
    """Cut rows at empty ones; a line of one cell above a table is its caption."""
    blocks = []
    for empty, group in groupby(rows, key=lambda row: not any(_shown(v) for v in row)):
        if empty:
            continue
        for table in _side_by_side([list(row) for row in group]):
            blocks += _block(table)
    return blocks


def _block(rows: list[list[Any]]) -> list[str]:
    rows = [[_shown(value) for value in row] for row in rows]
    captions: list[str] = []
    while rows and len(rows) > 1 and len({v for v in rows[0] if v}) == 1:
        if max(sum(map(bool, row)) for row in rows[1:]) < 2:
            break
        captions.append(next(v for v in rows.pop(0) if v))
    if max(sum(map(bool, row)) for row in rows) < 2 and len(rows) < 3:
        return captions + [next(v for v in row if v) for row in rows]
    return [*captions, pipe_table(rows)]


def _side_by_side(rows: list[list[Any]]) -> list[list[list[Any]]]:
    """Two tables beside each other, each of two columns or more, are read one after the other."""
    width = max(len(row) for row in rows)
    full = [any(i < len(row) and _shown(row[i]) for row in rows) for i in range(width)]
    spans = [[i for i, _ in group] for on, group in groupby(enumerate(full), lambda p: p[1]) if on]
    if len(rows) < 2 or len(spans) < 2 or min(len(span) for span in spans) < 2:
        return [rows]
    tables = [[row[span[0] : span[-1] + 1] for row in rows] for span in spans]
    headed = all(all(_shown(v) for v in table[0]) for table in tables)
    return tables if headed else [rows]


def _fill_merged(rows: list[list[Any]], merged: Sequence[Any], origin: tuple[int, int]) -> None:
    for (first_row, first_column), (last_row, last_column) in merged:
        top, bottom = first_row - origin[0], last_row - origin[0]
        left, right = first_column - origin[1], last_column - origin[1]
        if not (0 <= top < len(rows) and 0 <= left < len(rows[top])):
            continue
        for row in rows[top : min(bottom, top + 10_000) + 1]:
            for column in range(left, min(right + 1, len(row))):
                row[column] = rows[top][left]


def _shown(value: Any) -> str:
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    if isinstance(value, bool):
        return str(value).upper()
    return cell_text(value)


def _check_area(archive: Archive) -> None:
    """Refuse a sheet whose few cells stand so far apart that their rectangle fills the memory."""
    for name in archive.names:
        if not re.fullmatch(r"xl/worksheets/[^/]+\.xml", name):
            continue
        data = archive.read(name)
        # Sets of matches: the list of a large sheet's cells would itself take a gigabyte.
        letters = {
            m.group(1) for m in re.finditer(rb'<(?:\w+:)?c [^>]{0,40}?r="([A-Z]{1,3})\d', data)
        }
        numbers = {
            m.group(1) for m in re.finditer(rb'<(?:\w+:)?row [^>]{0,80}?r="(\d{1,8})"', data)
        }
        if not letters or not numbers:
            continue
        columns = [_column(name) for name in letters]
        heights = [int(number) for number in numbers]
        area = (max(columns) - min(columns) + 1) * (max(heights) - min(heights) + 1)
        if area > MAX_AREA:
            raise DocumentError(
                f"a sheet spans {area:,} cells, and {MAX_AREA:,} is the limit: "
                "delete the stray cells far from the table"
            )


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _comments(archive: Archive) -> list[str]:
    """Return the titles of charts and the comments on cells."""
    lines = []
    for name in sorted(archive.names):
        if re.fullmatch(r"xl/comments\d*\.xml", name):
            for element in archive.xml(name).iter():
                if local(element) == "comment":
                    text = " ".join("".join(element.itertext()).split())
                    # What old programs show in place of a thread, before the thread itself.
                    text = re.sub(r"^\[Threaded comment\].*?Comment: ", "", text)
                    lines.append(f"Comment on {element.get('ref')}: {text}")
        elif re.fullmatch(r"xl/charts/chart\d*\.xml", name):
            lines += [f"Chart: {title}" for title in [chart_title(archive.xml(name))] if title]
    return lines


SPREADSHEET = Reader(
    "spreadsheet", (kinds.XLSX, kinds.XLSB, kinds.XLS, kinds.ODS), read_spreadsheet
)
