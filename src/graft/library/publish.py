"""Publishing: how a write becomes a version, at one instant, and what is cleaned after it.

A version is the set of LanceDB table versions that its manifest names. A writer first restores
every table to the published version (a killed one may have left more), commits to the tables,
tags what it made `lib-N`, and replaces the pointer. Until that replace nothing has changed for
anyone; after it, everything has.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from graft.core.files import flush
from graft.library import inverted, matrix
from graft.library.lance import NEVER, Database, StoredTable, version_time
from graft.library.leases import leased
from graft.library.manifest import (
    Manifest,
    manifest_versions,
    publish_manifest,
    read_manifest,
    remove_manifest,
)

SMALL_FRAGMENTS = 32
"""Files of one table from which it is compacted: one publish adds one file or a few."""

GARBAGE = 0.25
GARBAGE_ROWS = 1000
"""A table is compacted when more than both this share and this number of its rows are deleted."""

MARGIN = timedelta(seconds=60)
"""How much older than the oldest kept version cleaned ones must be: LanceDB counts back from the
moment at which it gets to cleaning."""


def restore(database: Database, manifest: Manifest) -> None:
    """Undo what an unpublished write left: tables, versions, tags and manifests."""
    folder = database.folder
    for number in manifest_versions(folder):
        if number > manifest.version:
            remove_manifest(folder, number)
    _drop_unused(database, manifest)
    for state in manifest.tables:
        table = database.open(state.name)
        if table.version != state.version:
            table.restore(state.version)
        for tag in _tags(table):
            if tag > manifest.version:
                table.tags.delete(f"lib-{tag}")


def commit(
    database: Database, manifest: Manifest, tables: Iterable[StoredTable], *, old: set[Path]
) -> None:
    """Make a manifest the published version. `old` holds the files that were on disk before."""
    tag = f"lib-{manifest.version}"
    for table in tables:
        table.tags.create(tag, table.version)
    new = files(database.folder) - old
    flush([*new, *{path.parent for path in new}])
    publish_manifest(database.folder, manifest)


def files(folder: Path) -> set[Path]:
    """Return every file under a folder."""
    return {path for path in folder.rglob("*") if path.is_file()}


def compact(table: StoredTable) -> bool:
    """Merge a table's files when they are many or hold much that was deleted.

    Nothing is cleaned here: the versions that readers hold stay.
    """
    stats = table.stats()
    files = stats["fragment_stats"]
    stored = files["num_fragments"] * files["lengths"]["mean"]
    garbage = stored - stats["num_rows"]
    untidy = garbage > max(GARBAGE * stored, GARBAGE_ROWS)
    if files["num_small_fragments"] > SMALL_FRAGMENTS or untidy:
        table.optimize(cleanup_older_than=NEVER)
        return True
    return False


def clean(database: Database, manifest: Manifest, *, all_older: bool = False) -> None:
    """Forget versions that nobody reads: all but this one and those that are leased.

    `all_older` (a purge) forgets even leased ones: their readers must open the library anew.
    """
    folder = database.folder
    kept = {manifest.version} | (set() if all_older else leased(folder))
    for number in manifest_versions(folder):
        if number not in kept:
            remove_manifest(folder, number)
    _drop_unused(database, manifest)
    read = [read_manifest(folder, number) for number in manifest_versions(folder)]
    inverted.clean(folder, [each.passages for each in read if each.passages is not None])
    matrix.clean(folder, [state for each in read for state in each.tables])
    for state in manifest.tables:
        table = database.open(state.name)
        for tag in _tags(table):
            if tag not in kept:
                table.tags.delete(f"lib-{tag}")


def prune(table: StoredTable, now: float) -> None:
    """Delete the files of versions older than every tagged one.

    `now` is in seconds since the epoch. The bound is explicit: LanceDB refuses to clean a tagged
    version and deletes any other.
    """
    tagged = [table.tags.get_version(f"lib-{tag}") for tag in _tags(table)]
    oldest = version_time(table, min(tagged)) if tagged else None
    if oldest is None:
        return
    bound = timedelta(seconds=now - oldest) + MARGIN
    if bound > timedelta(0):
        # The caller holds the workspace's lock, so no unfinished write is anybody's.
        table.optimize(cleanup_older_than=bound, delete_unverified=True)


def _drop_unused(database: Database, manifest: Manifest) -> None:
    used = {state.name for state in manifest.tables}
    for number in manifest_versions(database.folder):
        if number < manifest.version:
            used |= {state.name for state in read_manifest(database.folder, number).tables}
    for name in database.names():
        if name not in used:
            database.drop(name)


def _tags(table: StoredTable) -> list[int]:
    numbers = [tag.removeprefix("lib-") for tag in table.tags.list() if tag.startswith("lib-")]
    return sorted(int(number) for number in numbers if number.isdigit())
