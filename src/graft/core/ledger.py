"""Ledger: the lineage from document to answer, in SQLite. Passage rows stay in the library."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from graft.core.errors import FormatError, SetupError
from graft.core.runs import Run

SCHEMA = """
CREATE TABLE IF NOT EXISTS library (
  version INTEGER PRIMARY KEY, created REAL NOT NULL, counts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS document (
  id TEXT NOT NULL, text_hash TEXT NOT NULL, version INTEGER NOT NULL,
  change TEXT NOT NULL, PRIMARY KEY (id, version));
CREATE TABLE IF NOT EXISTS source (
  root TEXT PRIMARY KEY, ingested REAL NOT NULL, access TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS example_set (
  id TEXT PRIMARY KEY, created REAL NOT NULL, library_version INTEGER NOT NULL,
  detail TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS run (
  id TEXT PRIMARY KEY, created REAL NOT NULL, part TEXT NOT NULL, example_set TEXT NOT NULL,
  library_version INTEGER NOT NULL, access TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS run_document (
  run TEXT NOT NULL, document TEXT NOT NULL, text_hash TEXT NOT NULL,
  PRIMARY KEY (run, document));
CREATE TABLE IF NOT EXISTS evaluation (
  id TEXT PRIMARY KEY, created REAL NOT NULL, library_version INTEGER NOT NULL,
  detail TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS answer (
  id INTEGER PRIMARY KEY, created REAL NOT NULL, release TEXT NOT NULL,
  library_version INTEGER NOT NULL, question_hash TEXT NOT NULL, detail TEXT NOT NULL);
"""


class Ledger:
    """Append-only records of a workspace; each method is one transaction.

    Times are seconds since the epoch. Texts of documents, questions and answers are never stored:
    only their ids and hashes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._connection() as db:
            db.executescript(SCHEMA)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=30)) as db:
                db.row_factory = sqlite3.Row
                with db:
                    yield db
        except sqlite3.OperationalError as error:
            raise SetupError(
                f"{self.path} cannot be used ({error}): see that it may be written, that the disk "
                "is not full and that no other process holds it"
            ) from error
        except sqlite3.DatabaseError as error:
            raise FormatError(
                f"{self.path} is damaged ({error}): restore it from a backup; it also says who may "
                "see what was ingested"
            ) from error

    def record_library(
        self,
        version: int,
        created: float,
        counts: Mapping[str, int],
        *,
        changes: Iterable[tuple[str, str, str]] = (),
    ) -> None:
        """Record a published version; `changes` holds (document id, text hash, change)."""
        with self._connection() as db:
            _put(db, "library", (version, created, json.dumps(dict(counts))))
            rows = ((id, text_hash, version, change) for id, text_hash, change in changes)
            _put(db, "document", *rows)

    def record_sources(
        self, roots: Mapping[str, Iterable[str]], ingested: float, *, instead_of: Iterable[str] = ()
    ) -> None:
        """Remember roots that are ingested with who may see what is under each.

        Those of `instead_of` are forgotten: the new ones have the say over what is under them.
        """
        with self._connection() as db:
            db.executemany("DELETE FROM source WHERE root = ?", ((name,) for name in instead_of))
            rows = ((root, ingested, json.dumps(sorted(who))) for root, who in roots.items())
            _put(db, "source", *rows)

    def sources(self) -> dict[str, tuple[str, ...]]:
        """Return who may see what is under each root, as last ingested; empty is everyone."""
        rows = self._rows("SELECT root, access FROM source ORDER BY root")
        return {row["root"]: tuple(row["access"]) for row in rows}

    def forget_library_after(self, version: int) -> None:
        """Drop records of versions that were never published (a crash came in between)."""
        with self._connection() as db:
            db.execute("DELETE FROM library WHERE version > ?", (version,))
            db.execute("DELETE FROM document WHERE version > ?", (version,))

    def record_examples(
        self, id: str, created: float, library_version: int, *, detail: Mapping[str, Any]
    ) -> None:
        """Record an example set by its digest."""
        with self._connection() as db:
            _put(db, "example_set", (id, created, library_version, json.dumps(dict(detail))))

    def record_run(self, run: Run, example_set: str, documents: Mapping[str, str]) -> None:
        """Record a tuning run with the documents (id to text hash) that it learned from."""
        access, detail = json.dumps(sorted(run.access)), json.dumps(run.to_dict())
        told = (run.part, example_set, run.library_version, access, detail)
        with self._connection() as db:
            _put(db, "run", (run.id, run.created, *told))
            _put(db, "run_document", *((run.id, id, mark) for id, mark in documents.items()))

    def record_evaluation(
        self, id: str, created: float, library_version: int, *, detail: Mapping[str, Any]
    ) -> None:
        """Record an evaluation."""
        with self._connection() as db:
            _put(db, "evaluation", (id, created, library_version, json.dumps(dict(detail))))

    def record_answer(
        self,
        created: float,
        release: str,
        library_version: int,
        *,
        question_hash: str,
        detail: Mapping[str, Any],
    ) -> None:
        """Record an answer: its release, library version, prompt ids' hash, citations' ids."""
        told = (release, library_version, question_hash, json.dumps(dict(detail)))
        with self._connection() as db:
            _put(db, "answer", (None, created, *told))  # SQLite numbers them

    def runs(self) -> list[dict[str, Any]]:
        """Return every run, oldest first, with its `detail` and `access` decoded."""
        return self._rows("SELECT * FROM run ORDER BY created, id")

    def runs_of_document(self, document_id: str) -> list[str]:
        """Return the ids of the runs that learned from a document."""
        rows = self._rows("SELECT run FROM run_document WHERE document = ?", (document_id,))
        return [row["run"] for row in rows]

    def knows_document(self, document_id: str) -> bool:
        """Return whether a document is, or ever was, in the library."""
        return bool(self._rows("SELECT id FROM document WHERE id = ? LIMIT 1", (document_id,)))

    def changed_since(self, version: int) -> set[str]:
        """Return the ids of documents that were removed or given another text after a version."""
        rows = self._rows(
            "SELECT id FROM document WHERE version > ? AND change != 'added'",
            (version,),
        )
        return {row["id"] for row in rows}

    def documents_of_run(self, run: str) -> dict[str, str]:
        """Return document id to text hash for what a run learned from."""
        rows = self._rows("SELECT document, text_hash FROM run_document WHERE run = ?", (run,))
        return {row["document"]: row["text_hash"] for row in rows}

    def example_sets(self) -> list[dict[str, Any]]:
        """Return every example set, oldest first."""
        return self._rows("SELECT * FROM example_set ORDER BY created, id")

    def evaluations(self) -> list[dict[str, Any]]:
        """Return every evaluation, oldest first."""
        return self._rows("SELECT * FROM evaluation ORDER BY created, id")

    def evaluation(self, id: str) -> dict[str, Any] | None:
        """Return the evaluation of an id, or None."""
        return next(iter(self._rows("SELECT * FROM evaluation WHERE id = ?", (id,))), None)

    def answers(self) -> list[dict[str, Any]]:
        """Return every recorded answer, oldest first."""
        return self._rows("SELECT * FROM answer ORDER BY id")

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        with self._connection() as db:
            rows = [dict(row) for row in db.execute(query, values)]
        for row in rows:
            for name in ("detail", "access", "counts"):
                if name in row:
                    row[name] = json.loads(row[name])
        return rows


def _put(db: sqlite3.Connection, table: str, *rows: tuple[Any, ...]) -> None:
    """Insert whole rows, in the place of those with the same key."""
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        db.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", rows)
