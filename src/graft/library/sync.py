"""Sync: what an ingest has to do so that the library mirrors the paths it was given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from graft.core.document import Document
from graft.core.errors import DocumentError
from graft.core.left_out import left_out_of
from graft.core.mapper import Mapper
from graft.library.access import Access, Readers
from graft.library.parse import load_all
from graft.library.rows import DocumentRow
from graft.library.sources import SourceItem, fingerprint, path_of
from graft.library.walk import Root, glob_of, lies_under


def ids_under(rows: Iterable[DocumentRow], place: str) -> list[str]:
    """Return the ids of the documents that come from a file, from under a folder, or by a glob."""
    folder = Path(place).expanduser().resolve()
    found = ((row, path_of(row.uri)) for row in rows)
    return [
        row.id
        for row, path in found
        if row.source == place or (path is not None and path.is_relative_to(folder))
    ]


def absent(rows: Iterable[DocumentRow]) -> dict[str, int]:
    """Return the roots that are not there any more, and how many documents are left of each.

    A document that lies where it lay, under another root, is not left behind.
    """
    found: dict[str, list[DocumentRow]] = {}
    for row in rows:
        found.setdefault(row.source, []).append(row)
    lost = Counter[str]()
    for name, held in found.items():
        glob = glob_of(name) if name else None
        if name and not (glob.base if glob else Path(name)).exists():
            paths = (path_of(row.uri) for row in held)
            lost[name] = sum(path is None or not path.exists() for path in paths)
    return {name: count for name, count in lost.items() if count}


@dataclass(frozen=True)
class Failure:
    """A path that could not be read, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class LeftOut:
    """What a reader left out of a document, counted by kind."""

    document: str
    counts: Mapping[str, int]


@dataclass
class Sync:
    """A sync under way: what is stored of each source, and what became of it so far.

    Only what lies under a root that is named now may be removed, whatever root it was ingested by.
    A source that cannot be read any more keeps what is stored of it: nothing is lost by a file
    that is half written. `own_access` holds the documents that name their readers themselves.
    """

    stored: dict[str, list[DocumentRow]]
    roots: Sequence[Root]
    access: Access
    max_bytes: int
    seen: set[str] = field(default_factory=set)
    corpora: set[Path] = field(default_factory=set)
    added: set[str] = field(default_factory=set)
    updated: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    own_access: set[str] = field(default_factory=set)
    unchanged: int = 0
    failed: list[Failure] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    reopened: dict[str, Readers] = field(default_factory=dict)

    def changed(self, sources: Iterable[SourceItem]) -> Iterator[SourceItem]:
        """Yield the sources that have to be read; the same bytes cost a hash and no more."""
        for source in sources:
            self.seen.add(source.id)
            if source.kind == "beir":
                self.corpora.add(source.path)
            rows = self.stored.get(source.id, [])
            try:
                kind = rows[0].media_type if rows else "text/plain"
                mark = fingerprint(source, kind, max_bytes=self.max_bytes)
            except DocumentError as error:
                self._fail(source, str(error))
                continue
            if rows and all(row.fingerprint == mark for row in rows):
                self.unchanged += len(rows)
                self._reopen(rows)
            else:
                yield source

    def documents(self, sources: Iterable[SourceItem], mapper: Mapper) -> Iterator[Document]:
        """Yield the documents of the sources that changed, and take note of what became of each."""
        for loaded in load_all(self.changed(sources), mapper, max_bytes=self.max_bytes):
            if loaded.reason:
                self._fail(loaded.source, loaded.reason)
                continue
            before = {row.id: row for row in self.stored.get(loaded.source.id, [])}
            now = {document.id for document in loaded.documents}
            self.added |= now - before.keys()
            self.updated |= now & before.keys()
            self.gone |= before.keys() - now
            for document in loaded.documents:
                if counts := left_out_of(document.metadata):
                    self.left_out.append(LeftOut(document.id, counts))
                if document.access:
                    self.own_access.add(document.id)
                    yield document
                else:
                    access = self._access(loaded.source, before.get(document.id))
                    yield replace(document, access=access)

    def vanished(self) -> set[str]:
        """Return the documents whose source is no longer under the roots named now."""
        names = {root.name for root in self.roots}
        # Most of a library lies elsewhere, which the beginning of a URI tells at once.
        begins = tuple(root.base.as_uri() for root in self.roots)
        return {
            row.id
            for id, rows in self.stored.items()
            if id not in self.seen
            for row in rows
            if (row.uri.startswith(begins) or row.source in names) and self._is_under(row)
        }

    def _access(self, source: SourceItem, row: DocumentRow | None) -> Readers:
        """Return who may see a document that does not say so: those of now, where none is given."""
        if self.access.given is None and row is not None and not row.own_access:
            return row.access
        return self.access.at(source.path)

    def _fail(self, source: SourceItem, reason: str) -> None:
        self.failed.append(Failure(source.id, reason))
        self._reopen(self.stored.get(source.id, []))

    def _reopen(self, rows: Sequence[DocumentRow]) -> None:
        wanted = self.access.given
        for row in rows:
            if wanted is not None and not row.own_access and row.access != wanted:
                self.reopened[row.id] = wanted

    def _is_under(self, row: DocumentRow) -> bool:
        path = path_of(row.uri)
        # A link that leads nowhere may lead to a share that is not mounted just now.
        if path is not None and path.is_symlink() and not path.exists():
            return False
        if row.source in {root.name for root in self.roots}:
            return True
        if path is None or not any(lies_under(path, root) for root in self.roots):
            return False
        # One that is there was read under another root, as what a root of now does not name.
        return path in self.corpora or not path.exists()
