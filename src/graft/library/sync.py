"""Sync: what an ingest has to do so that the library mirrors the paths it was given."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from graft.core.document import Document
from graft.core.errors import DocumentError
from graft.library.parse import load_all
from graft.library.rows import DocumentRow
from graft.library.sources import Source, fingerprint


@dataclass(frozen=True)
class Failure:
    """A path that could not be read, and why."""

    path: str
    reason: str


@dataclass
class Sync:
    """A sync under way: what is stored of each source, and what became of it so far.

    Only what lies under a root that is named now may be removed. A source that cannot be read any
    more keeps what is stored of it: nothing is lost by a file that is half written.
    """

    stored: dict[str, list[DocumentRow]]
    roots: frozenset[str]
    access: dict[str, tuple[str, ...]]
    max_bytes: int
    seen: set[str] = field(default_factory=set)
    added: set[str] = field(default_factory=set)
    updated: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    unchanged: int = 0
    failed: list[Failure] = field(default_factory=list)
    reopened: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def changed(self, sources: Iterable[Source]) -> Iterator[Source]:
        """Yield the sources that have to be read; the same bytes cost a hash and no more."""
        for source in sources:
            self.seen.add(source.id)
            rows = self.stored.get(source.id, [])
            try:
                mark = fingerprint(source, max_bytes=self.max_bytes)
            except DocumentError as error:
                self.failed.append(Failure(source.id, str(error)))
                continue
            if rows and all(row.fingerprint == mark for row in rows):
                self.unchanged += len(rows)
                self._reopen(source, rows)
            else:
                yield source

    def documents(self, sources: Iterable[Source]) -> Iterator[Document]:
        """Yield the documents of the sources that changed, and take note of what became of each."""
        workers = min(2, os.cpu_count() or 1)
        for loaded in load_all(self.changed(sources), max_bytes=self.max_bytes, workers=workers):
            if loaded.reason:
                self.failed.append(Failure(loaded.source.id, loaded.reason))
                continue
            before = {row.id for row in self.stored.get(loaded.source.id, [])}
            now = {document.id for document in loaded.documents}
            self.added |= now - before
            self.updated |= now & before
            self.gone |= before - now
            access = self.access.get(loaded.source.root, ())
            for document in loaded.documents:
                yield document if document.access else replace(document, access=access)

    def vanished(self) -> set[str]:
        """Return the documents whose source is no longer under the roots named now."""
        return {
            row.id
            for id, rows in self.stored.items()
            for row in rows
            if row.source in self.roots and id not in self.seen
        }

    def _reopen(self, source: Source, rows: Sequence[DocumentRow]) -> None:
        wanted = self.access.get(source.root)
        for row in rows:
            if wanted is not None and row.access != wanted:
                self.reopened[row.id] = wanted
