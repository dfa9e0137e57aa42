"""CSV and TSV as one pipe table."""

from __future__ import annotations

import csv
import io
from collections import Counter

from graft.library import detect as kinds
from graft.library.encodings import decode
from graft.library.readers.extracted import Blob, Extracted
from graft.library.readers.reader import Reader
from graft.library.readers.tables import pipe_table

_DELIMITERS = ",;\t|"
_LINES = 60


def read_delimited(blob: Blob) -> list[Extracted]:
    """Return a CSV or TSV file as a pipe table whose first row is the header.

    The delimiter is the one that cuts the first lines into the most even rows. What is no table
    for the CSV parser is returned as plain text.
    """
    text = decode(blob.data).replace("\r\n", "\n").replace("\r", "\n")
    delimiter = _delimiter(text, "\t" if blob.name.lower().endswith((".tsv", ".tab")) else "")
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True))
    except csv.Error:
        return [Extracted("", text)]
    return [Extracted("", pipe_table(rows))]


def _delimiter(text: str, expected: str) -> str:
    sample = "\n".join(text.split("\n", _LINES)[:_LINES])
    best, score = expected or ",", (0.0, 0.0)
    for delimiter in [expected, *_DELIMITERS] if expected else _DELIMITERS:
        try:
            rows = csv.reader(io.StringIO(sample), delimiter=delimiter, skipinitialspace=True)
            widths = Counter(len(row) for row in rows if row)
        except csv.Error:
            continue
        wide = sum(n for width, n in widths.items() if width > 1)
        if wide:
            width, times = max(widths.items(), key=lambda item: (item[0] > 1, item[1]))
            found = (times / sum(widths.values()), float(width))
            if found > score:
                best, score = delimiter, found
    return best


DELIMITED = Reader(
    "delimited",
    (
        kinds.CSV,
        kinds.TSV,
    ),
    read_delimited,
)
