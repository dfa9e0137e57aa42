"""Dialects of CSV: which delimiter, quote and escape a table of text was written with."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from graft.library.readers.cellkinds import kind_of

_USUAL = ",;\t|"
_RARE = "^~\x1f\x01:"
_NONE = "\x1e"
"""A delimiter for texts of one column, in which commas are speech."""
_ROWS = 100
"""Rows that a dialect is tried on."""

_CELLS = 1000
"""Cells whose form is looked at."""

_SEP = re.compile(r'\s*"?sep=(?:"([^"\n])"|([^\n]))"?[ \t]*(?:\n|\Z)', re.IGNORECASE)
_PLAIN = re.compile(r"[\w .'’/&()+-]*(?:, [\w .'’/&()+-]+)*\??")


@dataclass(frozen=True)
class Dialect:
    """How rows are cut into cells; `quote` and `escape` are "" where there are none."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""

    def rows(self, text: str, *, strict: bool = False) -> Iterator[list[str]]:
        r"""Yield the rows of a text whose lines end in "\n".

        Raises csv.Error when `strict` and a quote stands where none can.
        """
        # A cell has no limit here: the file has one already. This one is the whole process's.
        csv.field_size_limit(max(csv.field_size_limit(), len(text)))
        return csv.reader(
            io.StringIO(text, newline="\n"),
            delimiter=self.delimiter,
            quotechar=self.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            escapechar=self.escape or None,
            skipinitialspace=self.delimiter != " ",
            strict=strict,
        )


def named_delimiter(text: str) -> tuple[str, str]:
    r"""Return the delimiter that a first line `sep=;` names ("" if none), and the text after it.

    >>> named_delimiter("sep=;\nName;Age\n")
    (';', 'Name;Age\n')
    """
    found = _SEP.match(text)
    return (found[1] or found[2], text[found.end() :]) if found else ("", text)


def guess_dialect(text: str, expected: str = "") -> Dialect:
    r"""Return the dialect that cuts the first rows most evenly into cells of a known form.

    `expected` is the delimiter that the file's name or its first line names. After the idea of
    van den Burg, Nazabal and Sutton, "Wrangling messy CSV files by detecting row and type
    patterns" (2019): even rows alone would take the decimal comma for a delimiter.

    >>> guess_dialect("1,5;2,5\n3,5;4,5\n").delimiter
    ';'
    """
    quotes = '"' if '"' in text or not _single_quoted(text) else "'"
    signs = [sign for sign in dict.fromkeys([*expected, *_USUAL]) if sign in text]
    found = [trial for sign in signs for trial in _trials(text, sign, quotes)]
    if not any(trial.clean for trial in found):
        rare = [sign for sign in _RARE if sign in text and not _speech(text, sign)]
        found += [t for sign in rare for t in _trials(text, sign, quotes) if t.clean]
    best = [trial for trial in found if trial.clean] or [trial for trial in found if trial.width]
    if len(best) > 1:  # forms are looked at only where evenness does not decide
        best.sort(key=lambda trial: (trial.even * trial.plain, trial.width), reverse=True)
    return best[0].dialect if best else Dialect(expected or _NONE)


def cut(text: str, dialect: Dialect) -> list[list[str]]:
    r"""Return the rows of a text; a quote that is never closed does not swallow those after it.

    >>> cut('bolt,"5 inch\nnut,3\n', Dialect())
    [['bolt', '"5 inch'], ['nut', '3']]
    """
    try:
        return list(dialect.rows(text, strict=True))
    except csv.Error:
        rows = list(dialect.rows(text))
    if not any("\n" in cell for row in rows for cell in row):
        return rows
    plain = list(replace(dialect, quote="").rows(text))
    cuts = [[row for row in found if any(row)] for found in (plain, rows)]
    return plain if _evenness(cuts[0])[1] >= _evenness(cuts[1])[1] else rows


@dataclass(frozen=True)
class _Trial:
    """The first rows as a dialect cuts them: their usual width, and how many have it."""

    dialect: Dialect
    rows: Sequence[Sequence[str]]
    clean: bool
    width: int
    even: float

    @cached_property
    def plain(self) -> float:
        """The share of cells that hold a value of some kind, or words without odd signs."""
        cells = [cell.strip() for row in self.rows if len(row) > 1 for cell in row][:_CELLS]
        plain = sum(_PLAIN.fullmatch(c[:200]) is not None or bool(kind_of(c)) for c in cells)
        return (plain + 1) / (len(cells) + 1)


def _trials(text: str, delimiter: str, quote: str) -> Iterator[_Trial]:
    first = _trial(text, Dialect(delimiter, quote))
    yield first
    # Where all rows are cut alike without it, a backslash is a sign like others.
    if not first.clean and (f"\\{quote}" in text or f"\\{delimiter}" in text):
        yield _trial(text, Dialect(delimiter, quote, "\\"))


def _trial(text: str, dialect: Dialect) -> _Trial:
    strict = True
    try:
        rows = [row for row in islice(dialect.rows(text, strict=True), _ROWS) if any(row)]
    except csv.Error:
        strict = False
        rows = [row for row in islice(dialect.rows(text), _ROWS) if any(row)]
    width, even = _evenness(rows)
    return _Trial(dialect, rows, strict and even == 1, width, even)


def _evenness(rows: Sequence[Sequence[str]]) -> tuple[int, float]:
    """Return the usual width of rows, and the share of them that have it; 0 for one column."""
    widths = Counter(len(row) for row in rows if len(row) > 1)
    if sum(widths.values()) * 2 <= len(rows):
        return 0, 0.0
    width, times = max(widths.items(), key=lambda item: (item[1], item[0]))
    return width, times / len(rows)


def _single_quoted(text: str) -> bool:
    """Return whether cells stand between single quotes: more than one, and none only opens."""
    sample = text[:20_000]
    cells = re.findall(r"(?:^|[,;\t|])'(?:[^'\n]|'')*'(?=[,;\t|\n]|\Z)", sample, re.MULTILINE)
    opened = re.findall(r"(?:^|[,;\t|])'", sample, re.MULTILINE)
    # Two of them side by side, and nothing else, are a sign for inches or "the same".
    said = any(cell.strip(",;\t|'") for cell in cells)
    return said and len(cells) > 1 and len(cells) == len(opened)


def _speech(text: str, delimiter: str) -> bool:
    """A colon before a space, or within times and addresses, parts no cells."""
    return delimiter == ":" and re.search(r": |\d:\d\d|://", text[:20_000]) is not None
