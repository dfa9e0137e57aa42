"""Unusable rows: what an import leaves out, counted by reason, with the places of the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from graft.core.context import Context
from graft.core.errors import InputError
from graft.core.example import Example

NAMED = 3
"""How many rows are named, of those that are left out."""


class BadRow(InputError):
    """A row that cannot be used; `reason` says why in a few words that other rows share."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


def bad(path: Path, line: int, what: str, reason: str, *, unit: str = "line") -> BadRow:
    """Return the error for a row that cannot be used: `what` is wrong with it, and of which kind.

    `line` counts from 1, in lines or in another `unit` of the file.

    >>> str(bad(Path("a.jsonl"), 3, "not valid JSON (line ends)", "not valid JSON"))
    'a.jsonl, line 3: not valid JSON (line ends)'
    """
    return BadRow(f"{path}, {unit} {line}: {what}", reason)


@dataclass
class Unusable:
    """The rows that an import came to and could not use; a `strict` one raises at the first.

    `renamed` counts rows whose id was taken by another one, and which got one of their own.
    """

    strict: bool = False
    rows: list[BadRow] = field(default_factory=list)
    renamed: int = 0

    @contextmanager
    def row(self) -> Iterator[None]:
        """Read one row: what is raised for it is kept, and the next one is read."""
        try:
            yield
        except BadRow as error:
            self.add(error)

    def add(self, error: BadRow) -> None:
        """Leave a row out. Raises it where nothing may be left out."""
        if self.strict:
            raise error
        self.rows.append(error)

    @property
    def counts(self) -> dict[str, int]:
        """How many rows were left out for each reason, the most frequent one first."""
        return dict(Counter(row.reason for row in self.rows).most_common())

    def tell(self, stage: str, ctx: Context) -> None:
        """Warn of what was left out, and note how many rows got an id of their own."""
        if self.rows:
            ctx.warn(stage, self.told())
        if self.renamed:
            told = f"{self.renamed} rows had the id of another row, and got one of their own"
            ctx.note(stage, told)

    def told(self) -> str:
        """Return in one sentence what was left out and where it begins, "" for nothing."""
        if not self.rows:
            return ""
        many = "1 row is" if len(self.rows) == 1 else f"{len(self.rows):,} rows are"
        why = ", ".join(f"{reason}: {count:,}" for reason, count in self.counts.items())
        first = "; ".join(map(str, self.rows[:NAMED]))
        more = " first" if len(self.rows) > NAMED else ""
        return f"{many} left out ({why});{more} {first}"


def distinct(
    path: Path, found: Iterable[tuple[int, Example]], left: Unusable, *, unit: str = "line"
) -> list[Example]:
    """Return examples with ids of their own; `found` has the line of each, or another `unit`.

    A row that stands there a second time is left out. One that only has the id of another one gets
    an id of its own, since nothing but the id is wrong with it.
    """
    held: dict[str, tuple[int, Example]] = {}
    for line, example in found:
        first, before = held.get(example.id, (0, example))
        if not first:
            held[example.id] = line, example
            continue
        told = f"the id {example.id} is used twice, first in {unit} {first}: give each row its own"
        if left.strict or before == example:
            left.add(bad(path, line, told, "the same row twice", unit=unit))
            continue
        left.renamed += 1
        id = next(id for id in _others(example.id, line) if id not in held)
        held[id] = line, replace(example, id=id)
    return [example for _, example in held.values()]


def _others(id: str, line: int) -> Iterator[str]:
    name = f"{id}~{line}"
    while True:
        yield name
        name += "~"
