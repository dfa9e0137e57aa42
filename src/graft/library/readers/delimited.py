"""CSV and TSV: the lines above the table, then one pipe table under its header."""

from __future__ import annotations

from graft.library import detect as kinds
from graft.library.encodings import decode
from graft.library.readers.cellkinds import header_at
from graft.library.readers.dialect import cut, guess_dialect, named_delimiter
from graft.library.readers.extracted import Blob, Extracted, joined
from graft.library.readers.reader import Reader
from graft.library.readers.tables import pipe_table


def read_delimited(blob: Blob) -> list[Extracted]:
    """Return a CSV or TSV file as a pipe table under its header, its titles as lines before it.

    Dialect and header are found by form. A table without a header gets "Column 1" and so on: its
    first row is shown with every piece of a long table, and would be taken for their header.
    """
    text = decode(blob.data).replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    expected, text = named_delimiter(text)
    if not expected and blob.name.lower().endswith((".tsv", ".tab")):
        expected = "\t"
    rows = [[cell.strip() for cell in row] for row in cut(text, guess_dialect(text, expected))]
    place = header_at(rows)
    titles = [": ".join(cell for cell in row if cell) for row in rows[: place or 0]]
    if place is None:
        width = max(len(row) for row in rows)
        named = [[f"Column {n}" for n in range(1, width + 1)]]
        return [joined([pipe_table(named + rows)])]
    return [joined(["\n".join(filter(None, titles)), pipe_table(rows[place:])])]


DELIMITED = Reader("delimited", (kinds.CSV, kinds.TSV), read_delimited, version="2")
