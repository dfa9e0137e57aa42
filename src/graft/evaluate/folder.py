"""Folder: an evaluation on disk, from which it can be scored again, compared and audited.

evaluations/ID/
  about.json      what was asked of which systems, and what is compared
  rows.parquet    one row a question and system, with every answer, rank and score
  report.html     what a person reads
evaluations/.KEY.partial/
  NAME.parquet    the rows of one system on a batch of questions, of what has not ended
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from graft.core.case import Case
from graft.core.errors import FormatError
from graft.core.example import Example
from graft.core.files import drop_stale, write_atomic
from graft.core.hashing import value_hash
from graft.evaluate.about import About, from_json, to_json
from graft.evaluate.rows import from_table, to_table
from graft.evaluate.score import Scored
from graft.examples.store import parquet, the_one

ABOUT, ROWS, REPORT = "about.json", "rows.parquet", "report.html"
PARTIAL = ".partial"


def write_evaluation(
    root: Path, about: About, rows: Mapping[str, Sequence[Scored]], page: str
) -> Path:
    """Write an evaluation, or write it anew; return its folder.

    Each file is whole or not there, and about.json, without which there is no evaluation, is last.
    """
    folder = root / about.id
    write_atomic(folder / ROWS, parquet(to_table(rows)))
    write_atomic(folder / REPORT, page)
    write_atomic(folder / ABOUT, to_json(about))
    return folder


def evaluations(root: Path) -> list[str]:
    """Return the ids of all evaluations, sorted."""
    return sorted(path.parent.name for path in root.glob(f"*/{ABOUT}"))


def read_evaluation(root: Path, name: str) -> tuple[About, dict[str, list[Scored]]]:
    """Return the evaluation whose id is, or begins with, a name: what it was, and its rows.

    Raises NotFound when there is none, FormatError for one that is damaged or kept no rows.
    """
    folder = root / the_one(name, evaluations(root), what="evaluations", maker="graft evaluate")
    about = from_json((folder / ABOUT).read_text(encoding="utf-8"))
    try:
        return about, from_table(pq.read_table(folder / ROWS))
    except (pa.ArrowException, OSError, KeyError, TypeError) as error:
        raise FormatError(
            f"{folder / ROWS} is damaged ({error}): put it back, or evaluate again"
        ) from error


@dataclass(frozen=True)
class Partial:
    """What an evaluation has come to, a system and batch at a time, so that it can be resumed."""

    folder: Path

    @staticmethod
    def of(root: Path, asked: object, *, now: float) -> Partial:
        """Return where an evaluation that is all told by `asked` (JSON-like) keeps its parts.

        Those of others that are older than `STALE_DAYS` are thrown away.
        """
        own = root / f".{value_hash(asked)[:16]}{PARTIAL}"
        drop_stale((other for other in partials(root) if other != own), now=now)
        return Partial(own)

    def get(self, split: str, system: str, examples: Sequence[Example]) -> tuple[Case, ...] | None:
        """Return the cases of a batch that was finished before, or None."""
        try:
            found = from_table(pq.read_table(self._path(split, system, examples)))
        except (FileNotFoundError, pa.ArrowException):
            return None
        return found[split][0].cases

    def put(self, split: str, system: str, cases: Sequence[Case]) -> None:
        """Keep the cases of a batch, unless any failed: what failed is asked again."""
        if not any(case.answer is not None and case.answer.error for case in cases):
            table = to_table({split: [Scored(system, {}, tuple(cases))]})
            path = self._path(split, system, [case.example for case in cases])
            write_atomic(path, parquet(table))

    def clear(self) -> None:
        """Forget all parts, once the evaluation is written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, split: str, system: str, examples: Sequence[Example]) -> Path:
        key = value_hash([split, system, [example.id for example in examples]])
        return self.folder / f"{key[:16]}.parquet"


def partials(root: Path) -> list[Path]:
    """Return the folders of evaluations that have not ended."""
    return list(root.glob(f".*{PARTIAL}"))
