"""ingest: read, cut, embed and publish, so that the library mirrors the paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from graft.core.context import Context
from graft.core.document import Document
from graft.core.errors import InputError
from graft.core.release import Lineage, Release
from graft.library.access import Access
from graft.library.duplicates import Group
from graft.library.rows import DocumentRow
from graft.library.sources import expand, source_id
from graft.library.store import Library
from graft.library.sync import Failure, LeftOut, Sync, absent, ids_under
from graft.library.walk import Root, find_roots
from graft.library.writer import Writer
from graft.loop.releases import make_release, require_same, settings_of
from graft.loop.spaces import put, spaces_in_use, writing
from graft.wire import Wiring, library, mapper


@dataclass(frozen=True)
class Ingested:
    """What an ingest did; `documents` and `passages` count what the library holds now.

    `left_out` says what readers left out of the documents that were read in it. `absent` names the
    paths that were ingested before and are not there any more, with the documents they left.
    """

    documents: int
    passages: int
    added: int
    updated: int
    removed: int
    unchanged: int
    failed: tuple[Failure, ...]
    left_out: tuple[LeftOut, ...]
    duplicates: tuple[Group, ...]
    seconds: float
    library_version: int
    absent: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON that scripts rely on."""
        plain = {name: value for name, value in vars(self).items() if name != "duplicates"}
        plain["failed"] = [asdict(failure) for failure in self.failed]
        plain["left_out"] = [asdict(each) for each in self.left_out]
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
        roots = _roots(workspace, paths)
        release = None
        if workspace.releases.current_number() is None:
            # What cannot be made of the settings is told before anything is read.
            release = _first_release(workspace, ctx)
        else:
            asked, _ = settings_of(workspace, None)
            require_same(asked, workspace.releases.current(), ("segment", "encoder"))
        workspace.ledger.forget_library_after(library(workspace).version)
        spaces = spaces_in_use(workspace, ctx=ctx)
        held = library(workspace)
        stored, known = _stored(held)
        readers = Access.of(access, workspace.ledger.sources())
        sync = Sync(stored, roots, readers, int(table.max_megabytes * 2**20))
        hashes: dict[str, str] = {}
        with writing(workspace, ctx=ctx) as writer:
            for place in spaces:
                writer.add_space(place.space)
            sources = expand(paths, exclude=table.exclude, known=known)
            documents = sync.documents(sources, mapper(workspace, "read"))
            put(workspace, writer, _written(writer, documents, sync, hashes), spaces, ctx=ctx)
            gone = sync.gone | sync.vanished()
            writer.remove(gone)
            writer.set_access(sync.reopened)
            used = {place.space.id for place in spaces}
            for old in held.spaces:
                if old.id not in used:
                    writer.drop_space(old)
            # Before the publish: whatever comes after it, what was closed now is on record.
            _record_roots(workspace, roots, readers, ctx)
            version = writer.publish()
        held = library(workspace)
        _remember(workspace, sync, hashes, gone, version=version, ctx=ctx)
        if release is not None:
            _use(workspace, release, version)
        groups = held.duplicates(table.near_duplicate, among=hashes) if hashes else []
    return Ingested(
        documents=held.counts["documents"],
        passages=held.counts["passages"],
        added=len(sync.added),
        updated=len(sync.updated),
        removed=len(gone),
        unchanged=sync.unchanged,
        failed=tuple(sync.failed),
        left_out=tuple(sync.left_out),
        duplicates=tuple(groups),
        seconds=ctx.clock() - started,
        library_version=version,
        absent=absent(row for rows in stored.values() for row in rows if row.id not in gone),
    )


def _roots(workspace: Wiring, paths: Sequence[str]) -> list[Root]:
    """Return the roots of paths; of one that is not there it is told what is left of it."""
    try:
        return find_roots(paths, workspace.config.ingest.exclude)
    except InputError as error:
        rows = list(library(workspace).document_rows(counted=False))
        for path in paths:
            if not Path(path).exists() and (left := len(ids_under(rows, path))):
                raise InputError(
                    f"{error}; {left:,} documents from there stay in the library until `graft "
                    f"library remove --under {path}`"
                ) from error
        raise


def _stored(held: Library) -> tuple[dict[str, list[DocumentRow]], dict[str, str]]:
    """Return the stored documents of each source, and where each source lies."""
    stored: dict[str, list[DocumentRow]] = {}
    known: dict[str, str] = {}
    for row in held.document_rows(counted=False):
        id = source_id(row.id, row.uri)
        stored.setdefault(id, []).append(row)
        known[id] = row.uri.partition("#")[0]
    return stored, known


def _written(
    writer: Writer, documents: Iterable[Document], sync: Sync, hashes: dict[str, str]
) -> Iterator[Document]:
    """Yield documents once they are put; take note of their texts' hashes."""
    for document in documents:
        hashes[document.id] = document.text_hash
        writer.put_documents([document], own_access=sync.own_access)
        yield document


def _record_roots(workspace: Wiring, roots: Sequence[Root], access: Access, ctx: Context) -> None:
    exclude = workspace.config.ingest.exclude
    told = {root.name: access.at(Path(root.name)) for root in roots}
    instead_of = [] if access.given is None else access.covered(roots, exclude)
    workspace.ledger.record_sources(told, ctx.clock(), instead_of=instead_of)


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


def _first_release(workspace: Wiring, ctx: Context) -> Release:
    return make_release(
        workspace, workspace.config.settings, created=ctx.clock(), lineage=Lineage(),
        note="from graft.toml, at the first ingest",
    )  # fmt: skip


def _use(workspace: Wiring, release: Release, version: int) -> None:
    """Put the first release into use, with the version of the library that it was made at."""
    made = release.model_copy(update={"lineage": Lineage(library_version=version)})
    workspace.releases.switch(workspace.releases.add(made).number)
