"""ingest: read, cut, embed and publish, so that the library mirrors the paths."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from graft.core.config import Settings
from graft.core.context import Context
from graft.core.document import Document
from graft.core.errors import DocumentError
from graft.core.release import Lineage
from graft.jobs.spaces import filled, put, spaces_in_use
from graft.library.duplicates import Group, duplicate_groups
from graft.library.parse import load_all
from graft.library.rows import DocumentRow
from graft.library.sources import Source, expand, fingerprint, roots_of, source_id
from graft.wire import Wiring, library, make_release


@dataclass(frozen=True)
class Failure:
    """A path that could not be read, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Ingested:
    """What an ingest did; `documents` and `passages` count what the library holds now."""

    documents: int
    passages: int
    added: int
    updated: int
    removed: int
    unchanged: int
    failed: tuple[Failure, ...]
    duplicates: tuple[Group, ...]
    seconds: float
    library_version: int

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON that scripts rely on."""
        plain = {name: value for name, value in vars(self).items() if name != "duplicates"}
        plain["failed"] = [asdict(failure) for failure in self.failed]
        return {**plain, "duplicates": [asdict(group) for group in self.duplicates]}


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


def ingest(
    workspace: Wiring, paths: Sequence[str], *, access: Sequence[str] | None = None,
    wait: float = 0.0, ctx: Context,
) -> Ingested:  # fmt: skip
    """Add, update and remove documents so that the library mirrors the paths.

    `access` says who may see what is under them (an empty list: everyone); None keeps what each
    root was ingested with. Documents that name their own readers keep them. Raises InputError,
    before anything is touched, for a path that is not there; LockHeld while another one writes.
    """
    started = ctx.clock()
    table = workspace.config.ingest
    with workspace.layout.writer(wait):
        held = library(workspace)
        workspace.ledger.forget_library_after(held.version)
        stored: dict[str, list[DocumentRow]] = {}
        known: dict[str, str] = {}
        for row in held.document_rows():
            id = source_id(row.id, row.uri)
            stored.setdefault(id, []).append(row)
            known[id] = row.uri.partition("#")[0]
        roots = roots_of(paths, exclude=table.exclude)
        sync = Sync(
            stored,
            frozenset(roots),
            {root: _access(workspace, root, access) for root in roots},
            int(table.max_megabytes * 2**20),
        )
        sources = expand(paths, exclude=table.exclude, known=known)
        spaces = spaces_in_use(workspace)
        with held.writer(ctx) as writer:
            for place in spaces:
                writer.add_space(place.space)
            hashes: dict[str, str] = {}
            put(workspace, writer, _hashed(sync.documents(sources), hashes), spaces, ctx=ctx)
            gone = sync.gone | sync.vanished()
            writer.remove(gone)
            if access is not None and sync.reopened:
                writer.set_access(sync.reopened)
            used = {place.space.id for place in spaces}
            for old in held.spaces:
                if old.id not in used:
                    writer.drop_space(old)
            version = writer.publish()
        held = library(workspace)
        _remember(workspace, sync, roots, hashes, gone, version=version, ctx=ctx)
        if workspace.releases.current_number() is None:
            _first_release(workspace, version, ctx)
        touched = bool(hashes or gone)
        groups = duplicate_groups(held.texts(), table.near_duplicate) if touched else []
    return Ingested(
        documents=held.counts["documents"],
        passages=held.counts["passages"],
        added=len(sync.added),
        updated=len(sync.updated),
        removed=len(gone),
        unchanged=sync.unchanged,
        failed=tuple(sync.failed),
        duplicates=tuple(groups),
        seconds=ctx.clock() - started,
        library_version=version,
    )


def put_documents(
    workspace: Wiring, documents: Sequence[Document], settings: Sequence[Settings], *, ctx: Context
) -> int:
    """Put documents into the spaces of these settings and publish; return the version.

    The caller holds the workspace's lock.
    """
    with library(workspace).writer(ctx) as writer:
        spaces = [filled(workspace, each) for each in settings]
        for place in spaces:
            writer.add_space(place.space)
        put(workspace, writer, documents, spaces, ctx=ctx)
        version: int = writer.publish()
        return version


def _access(workspace: Wiring, root: str, access: Sequence[str] | None) -> tuple[str, ...]:
    return workspace.ledger.source_access(root) if access is None else tuple(sorted(access))


def _hashed(documents: Iterable[Document], hashes: dict[str, str]) -> Iterator[Document]:
    for document in documents:
        hashes[document.id] = document.text_hash
        yield document


def _remember(
    workspace: Wiring, sync: Sync, roots: Sequence[str], hashes: dict[str, str], gone: set[str],
    *, version: int, ctx: Context,
) -> None:  # fmt: skip
    now, ledger = ctx.clock(), workspace.ledger
    changes = [
        (id, mark, "added" if id in sync.added else "updated") for id, mark in hashes.items()
    ]
    changes += [(id, "", "removed") for id in sorted(gone)]
    ledger.record_library(version, now, library(workspace).counts, changes=changes)
    for root in roots:
        ledger.record_source(root, now, sync.access[root])


def _first_release(workspace: Wiring, version: int, ctx: Context) -> None:
    release = make_release(
        workspace, workspace.config.settings, created=ctx.clock(),
        lineage=Lineage(library_version=version), note="from graft.toml, at the first ingest",
    )  # fmt: skip
    workspace.releases.switch(workspace.releases.add(release).number)
