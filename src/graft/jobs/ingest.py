"""ingest: read, cut, embed and publish, so that the library mirrors the paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import PurePath
from typing import Any
from urllib.parse import unquote, urlsplit

from graft.core.config import Settings
from graft.core.context import Context
from graft.core.document import Document
from graft.core.release import Lineage
from graft.jobs.spaces import filled, put, spaces_in_use
from graft.library.duplicates import Group, duplicate_groups
from graft.library.rows import DocumentRow
from graft.library.sources import expand, roots_of, source_id
from graft.library.sync import Failure, Sync
from graft.wire import Wiring, library, make_release, require_same, settings_of


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


def ingest(
    workspace: Wiring, paths: Sequence[str], *, access: Sequence[str] | None = None,
    wait: float = 0.0, ctx: Context,
) -> Ingested:  # fmt: skip
    """Add, update and remove documents so that the library mirrors the paths.

    `access` says who may see what is under them (an empty list: everyone); None keeps what the
    path, or the nearest folder around it, was ingested with. Documents that name their own readers
    keep them. Raises InputError, before anything is touched, for a path that is not there, and
    ConfigError for a flag or variable that asks for another space than the release in use has;
    LockHeld while another one writes.
    """
    started = ctx.clock()
    table = workspace.config.ingest
    with workspace.layout.writer(wait):
        if workspace.releases.current_number() is not None:
            asked, _ = settings_of(workspace, None)
            require_same(asked, workspace.releases.current(), ("segment", "encoder"))
        held = library(workspace)
        workspace.ledger.forget_library_after(held.version)
        stored: dict[str, list[DocumentRow]] = {}
        known: dict[str, str] = {}
        for row in held.document_rows():
            id = source_id(row.id, row.uri)
            stored.setdefault(id, []).append(row)
            known[id] = row.uri.partition("#")[0]
        roots = roots_of(paths, exclude=table.exclude)
        readers = _Readers(workspace, [row for rows in stored.values() for row in rows])
        sync = Sync(
            stored,
            frozenset(roots),
            dict.fromkeys(roots, tuple(sorted(access or ()))),
            int(table.max_megabytes * 2**20),
        )
        sources = expand(paths, exclude=table.exclude, known=known)
        spaces = spaces_in_use(workspace)
        with held.writer(ctx) as writer:
            for place in spaces:
                writer.add_space(place.space)
            hashes: dict[str, str] = {}
            documents = sync.documents(sources)
            if access is None:
                documents = map(readers.keep, documents)
            put(workspace, writer, _hashed(documents, hashes), spaces, ctx=ctx)
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
        _remember(workspace, sync, hashes, gone, version=version, ctx=ctx)
        for root in roots:
            now = readers.of(root) if access is None else sync.access[root]
            workspace.ledger.record_source(root, ctx.clock(), now)
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


class _Readers:
    """Who may see what, by what the roots around it were ingested with; the nearest one counts."""

    def __init__(self, workspace: Wiring, rows: Sequence[DocumentRow]) -> None:
        self.recorded = cache(workspace.ledger.source_access)
        self.roots = {row.source for row in rows}
        self.root = {row.uri: row.source for row in rows}

    def of(self, path: str, *roots: str) -> tuple[str, ...]:
        """Return who may see what is at a path, which also lies under these roots (globs)."""
        around = [*roots, *(p.as_posix() for p in (PurePath(path), *PurePath(path).parents))]
        for root in sorted(around, key=len, reverse=True):
            # a root that holds nothing any more still says whom it was closed to
            if root in self.roots or self.recorded(root):
                return self.recorded(root)
        return ()

    def keep(self, document: Document) -> Document:
        """Return a document that names no readers with those of the place where it lies."""
        if document.access:
            return document
        path = unquote(urlsplit(document.uri).path)
        stored = self.root.get(document.uri, "")
        return replace(document, access=self.of(path, document.source, stored))


def _hashed(documents: Iterable[Document], hashes: dict[str, str]) -> Iterator[Document]:
    for document in documents:
        hashes[document.id] = document.text_hash
        yield document


def _remember(
    workspace: Wiring, sync: Sync, hashes: dict[str, str], gone: set[str], *, version: int,
    ctx: Context,
) -> None:  # fmt: skip
    now, ledger = ctx.clock(), workspace.ledger
    changes = [
        (id, mark, "added" if id in sync.added else "updated") for id, mark in hashes.items()
    ]
    changes += [(id, "", "removed") for id in sorted(gone)]
    ledger.record_library(version, now, library(workspace).counts, changes=changes)


def _first_release(workspace: Wiring, version: int, ctx: Context) -> None:
    release = make_release(
        workspace, workspace.config.settings, created=ctx.clock(),
        lineage=Lineage(library_version=version), note="from graft.toml, at the first ingest",
    )  # fmt: skip
    workspace.releases.switch(workspace.releases.add(release).number)
