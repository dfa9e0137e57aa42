"""Spreadsheets (xlsx, xlsm, xlsb, xls, ods): a heading a sheet, a pipe table a block of rows."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from python_calamine import CalamineError, PasswordError, SheetVisibleEnum, load_workbook

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.readers.archives import Archive, local, open_archive
from graft.library.readers.charts import chart_blocks
from graft.library.readers.coreproperties import core_properties, images
from graft.library.readers.extracted import Blob, Extracted, joined
from graft.library.readers.odssheets import read_sheets
from graft.library.readers.reader import Reader
from graft.library.readers.tables import cell_text, pipe_table
from graft.library.readers.workbook import SheetParts, read_parts


def read_spreadsheet(blob: Blob) -> list[Extracted]:
    """Return every visible sheet under its name, with an empty row between two tables.

    A cell reads as a person sees it. A formula without a value stands for itself. Sheets, rows and
    columns that were hidden by hand are left out and counted; what a filter or an outline folds
    away is kept. Comments follow the sheets. Raises DocumentError for an encrypted or damaged
    workbook.
    """
    extras: list[str] = []
    sheets: dict[str, SheetParts] = {}
    left_out: Counter[str] = Counter()
    properties: dict[str, str] = {}
    if blob.data.startswith(b"PK"):
        with open_archive(blob) as archive:
            sheets = read_parts(archive) or read_sheets(archive)
            extras = _comments(archive)
            properties = core_properties(archive)
            left_out["images"] = images(archive, "xl/media/")
    parts: list[str] = []
    try:
        book = load_workbook(io.BytesIO(blob.data))
        for meta in book.sheets_metadata:
            if "WorkSheet" not in str(meta.typ):
                continue
            if meta.visible != SheetVisibleEnum.Visible:
                left_out["hidden sheets"] += 1
                continue
            sheet = book.get_sheet_by_name(meta.name)
            rows: list[list[Any]] = sheet.to_python(skip_empty_area=True)
            grid = Grid(rows, sheet.start or (0, 0))
            blocks = _blocks(_seen(grid, sheet.merged_cell_ranges, sheets.get(meta.name), left_out))
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
    return [replace(joined([*parts, *extras], **properties), left_out=dict(left_out))]


@dataclass
class Grid:
    """The rows of a sheet, and the row and column that its first cell stands in."""

    rows: list[list[Any]]
    origin: tuple[int, int]

    def put(self, cells: Mapping[tuple[int, int], str]) -> None:
        """Put texts into cells, also such as stand outside of the rows."""
        if not cells:
            return
        top = min(self.origin[0], *(row for row, _ in cells)) if self.rows else min(cells)[0]
        left = min(column for _, column in cells)
        left = min(self.origin[1], left) if self.rows else left
        above, before = self.origin[0] - top, self.origin[1] - left
        if self.rows and (above or before):
            self.rows = [[] for _ in range(above)] + [[""] * before + row for row in self.rows]
        self.origin = (top, left)
        for (row, column), text in cells.items():
            y, x = row - top, column - left
            self.rows += [[] for _ in range(y + 1 - len(self.rows))]
            self.rows[y] += [""] * (x + 1 - len(self.rows[y]))
            self.rows[y][x] = text


def _seen(
    grid: Grid, merged: Sequence[Any] | None, parts: SheetParts | None, left_out: Counter[str]
) -> list[list[Any]]:
    """Return the rows as a person sees them, without what is hidden."""
    if parts is None:
        _fill_merged(grid.rows, merged or [], grid.origin)
        return grid.rows
    formulas = {p: f"={text} (not calculated)" for p, text in parts.formulas.items()}
    grid.put(parts.shown | formulas)
    _fill_merged(grid.rows, merged or [], grid.origin)
    left_out["formulas without values"] += len(formulas)
    left_out["hidden cells"] += parts.hidden_cells
    top, left = grid.origin
    kept = []
    for y, row in enumerate(grid.rows):
        if y + top in parts.hidden_rows and any(_shown(value) for value in row):
            left_out["hidden rows"] += 1
        elif y + top not in parts.hidden_rows:
            kept.append(row)
    width = max((len(row) for row in kept), default=0)
    hidden = {x for x in range(width) if x + left in parts.hidden_columns}
    for x in hidden:
        left_out["hidden columns"] += any(len(row) > x and _shown(row[x]) for row in kept)
    if hidden:
        kept = [[value for x, value in enumerate(row) if x not in hidden] for row in kept]
    return kept


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


def _comments(archive: Archive) -> list[str]:
    """Return the titles of charts, the comments on cells and the texts of shapes."""
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
            lines += chart_blocks(archive.xml(name))
        elif re.fullmatch(r"xl/drawings/drawing\d*\.xml", name):
            lines += _boxes(archive.xml(name))
    return lines


def _boxes(drawing: Any) -> list[str]:
    """Return the texts of shapes that lie over a sheet."""
    bodies = [e for e in drawing.iter() if local(e) == "txBody"]
    lines = [
        "\n".join("".join(t.text or "" for t in p.iter() if local(t) == "t") for p in body)
        for body in bodies
    ]
    return [line.strip() for line in lines if line.strip()]


SPREADSHEET = Reader(
    "spreadsheet",
    (kinds.XLSX, kinds.XLSB, kinds.XLS, kinds.ODS),
    read_spreadsheet,
    version="2",
)
