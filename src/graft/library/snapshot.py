"""Snapshot: one version of the library's tables, and what has been read of them into memory."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graft.core.errors import FormatError, NotFound
from graft.core.index import IndexChoice
from graft.core.protocols import Index
from graft.core.search import Filter
from graft.library import inverted
from graft.library.analyse import ANALYSER, Analyser
from graft.library.fulltext import FullText, Weighing, invert, regrow, shift_of
from graft.library.lance import SCAN_ROWS, Database, StoredTable, equals_any, locate, scan, take
from graft.library.leases import end_lease, take_lease
from graft.library.manifest import (
    SpaceState,
    TableState,
    manifest_versions,
    published,
    read_manifest,
)
from graft.library.rows import INDEXED, analysed
from graft.library.vectors import Searcher, read_coded, read_exact, read_indexed
from graft.library.visible import (
    Directory,
    Facets,
    Mask,
    Rows,
    Sight,
    read_directory,
    read_facets,
)

T = TypeVar("T")

Audience = tuple[int, str, frozenset[str] | None]
"""A version of who may see what, a segmentation, and who asks."""

POSTINGS = ("postings", "length")

RECENT = 32
"""Masks of audiences and filters (a byte a passage each), and what full text weighs by under one
(up to 20 bytes), that are kept."""


class Snapshot:
    """The published version at the time of opening; safe for concurrent readers.

    Each part is read when it is first needed, once. What was removed since, or may no longer be
    seen, is hidden as soon as a newer version is published: texts stay those of this version.
    """

    def __init__(self, folder: Path, index: IndexChoice | None = None) -> None:
        self.folder = folder
        self.choice = index
        version, lease = take_lease(folder)
        self._end = weakref.finalize(self, end_lease, lease)
        self.manifest = read_manifest(folder, version)
        self._database = Database(folder)
        self._parts: dict[Hashable, Any] = {}
        self._recent: OrderedDict[Hashable, Any] = OrderedDict()
        self._seen: tuple[int, Facets] | None = None
        self._lock = threading.RLock()

    def close(self) -> None:
        """Let the writer clean this version."""
        self._end()

    def facets(self) -> Facets:
        """Return the documents' facets, with what the newest version says of them."""
        return self._newest()[1]

    @property
    def document_ids(self) -> pa.Array:
        """The ids of this version's documents, sorted; directories count rows in it."""
        return self._own_facets().ids

    def directory(self, segmentation: str) -> Directory:
        """Return the directory of a segmentation's passages."""
        return self._once(
            ("directory", segmentation),
            lambda: read_directory(self.passages, segmentation, self._own_facets()),
        )

    def full_text(self, segmentation: str) -> FullText:
        """Return the full text of a segmentation's passages."""
        return self._once(("full text", segmentation), lambda: self._invert(segmentation))

    def searcher(self, state: SpaceState) -> Searcher:
        """Return what searches a space's vectors."""
        return self._once(("searcher", state.space.id), lambda: self._searcher(state))

    def index(self, state: SpaceState) -> tuple[Index | None, str]:
        """Return where a space's candidates come from, None for the library's own vectors.

        The reason says why that is not the index which the settings name.
        """
        return self._once(("index", state.space.id), lambda: self._index(state))

    def matching(self, segmentation: str) -> Index | None:
        """Return an index that finds passages of a segmentation by their texts, if there is one."""
        for state in self.manifest.spaces:
            found = self.index(state)[0] if state.space.segmentation == segmentation else None
            if found is not None and "match" in found.capabilities:
                return found
        return None

    def sight(
        self, segmentation: str, allowed: Filter, principals: frozenset[str] | None
    ) -> tuple[Sight, Audience]:
        """Return which passages a search may see and return, and the key of those who see as much.

        A derived passage is seen by those who now may see all that it was made from.
        """
        newest, facets = self._newest()
        # Groups that no document names tell nobody apart.
        who = None if principals is None else principals & facets.principals
        audience = (newest, segmentation, who)
        seen = self._kept(audience, lambda: self._seen_by(audience, facets))
        if allowed == Filter():
            return Sight(seen, seen), audience
        returned = self._kept(
            (*audience, allowed), lambda: self._returned(segmentation, facets, allowed, seen)
        )
        return Sight(seen, returned), audience

    def weighing(self, segmentation: str, sight: Sight, audience: Audience) -> Weighing | None:
        """Return what full text weighs by for an audience; None where it sees everything."""
        seen, index = sight.seen, self.full_text(segmentation)
        if seen is None:
            return None
        return self._kept(("weighing", *audience), lambda: index.weighing(seen))

    def _seen_by(self, audience: Audience, facets: Facets) -> Mask | None:
        _, segmentation, principals = audience
        seen = self.directory(segmentation).showing(facets.open_to(principals))
        return None if seen.all() else seen

    def _returned(
        self, segmentation: str, facets: Facets, allowed: Filter, seen: Mask | None
    ) -> Mask | None:
        fitting = self.directory(segmentation).showing(facets.fitting(allowed))
        returned = fitting if seen is None else fitting & seen
        return None if returned.all() else returned

    @property
    def documents(self) -> StoredTable:
        """The documents table at this version."""
        return self.table(self.manifest.documents)

    @property
    def passages(self) -> StoredTable:
        """The passages table at this version."""
        return self.table(self.manifest.passages)

    def rows(
        self, table: StoredTable, row_ids: NDArray[np.uint64], columns: Sequence[str]
    ) -> list[dict[str, Any]]:
        """Return rows of a table, in this order. Raises NotFound when the version was purged."""
        try:
            found: list[dict[str, Any]] = take(table, row_ids, columns).to_pylist()
            return found
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            self._raise_if_purged(error)
            raise

    def table(self, state: TableState | None) -> StoredTable:
        """Return the handle of a table at its version. Raises NotFound on the empty library."""
        if state is None:
            raise NotFound("the library is empty: run `graft ingest PATH`")
        found: TableState = state
        return self._once(("table", found.name), lambda: self._open(found))

    def _open(self, state: TableState) -> StoredTable:
        try:
            return self._database.open(state.name, state.version)
        except (OSError, RuntimeError, ValueError) as error:
            self._raise_if_purged(error)
            raise

    def _raise_if_purged(self, error: Exception) -> None:
        if self.manifest.version not in manifest_versions(self.folder):
            raise NotFound(
                f"version {self.manifest.version} of the library was purged: open it again"
            ) from error

    def _own_facets(self) -> Facets:
        return self._once("facets", lambda: read_facets(self.documents))

    def _newest(self) -> tuple[int, Facets]:
        """Return the published version's number, and this one's facets with what it says."""
        own, newest = self._own_facets(), published(self.folder)
        if newest == self.manifest.version:
            return newest, own
        with self._lock:
            while self._seen is None or self._seen[0] != newest:
                try:
                    self._seen = newest, own.as_of(self._facets_of(newest))
                except (FormatError, OSError, RuntimeError, ValueError):
                    # Another publish may have cleaned it while it was read.
                    if published(self.folder) == newest:
                        raise
                    newest = published(self.folder)
            return self._seen

    def _facets_of(self, version: int) -> Facets:
        state = read_manifest(self.folder, version).documents
        if state is None:
            raise FormatError(f"version {version} of the library names no documents: ingest anew")
        return read_facets(self._database.open(state.name, state.version))

    def _invert(self, segmentation: str) -> FullText:
        directory, state = self.directory(segmentation), self.manifest.passages
        name = inverted.name_of(state, segmentation) if state else ""
        if kept := inverted.load(self.folder, name, len(directory)) if name else None:
            return kept
        made = self._regrow(directory, segmentation) or self._sort(directory, segmentation)
        # Analysed anew, even a small one takes its time.
        if name and (len(directory) >= inverted.KEPT_FROM or self._outdated):
            inverted.save(self.folder, name, made, directory.row_ids)
        return made

    def _sort(self, directory: Directory, segmentation: str) -> FullText:
        (where,) = equals_any("segmentation", [segmentation])

        def lists() -> Iterator[tuple[Rows, pa.RecordBatch]]:
            for batch in scan(self.passages, self._columns, where=where, row_ids=True):
                rows = directory.rows(batch.column("_rowid").to_numpy())
                yield rows, self._posted(batch)

        return invert(len(directory), lists())

    @property
    def _outdated(self) -> bool:
        """Whether an older analyser made the postings, so that they are made of the texts."""
        return self.manifest.analyser != ANALYSER

    @property
    def _columns(self) -> Sequence[str]:
        return INDEXED if self._outdated else POSTINGS

    def _posted(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return analysed(batch, Analyser(self.manifest.stop_words)) if self._outdated else batch

    def _regrow(self, directory: Directory, segmentation: str) -> FullText | None:
        """Return the full text made of an older version's, None where too little is as it was."""
        state = self.manifest.passages
        kept = inverted.older(self.folder, state, segmentation) if state else None
        if kept is None or kept[0].shift != shift_of(len(directory)):
            return None
        old, addresses = kept
        places = locate(directory.row_ids, addresses)
        fresh = np.ones(len(directory), dtype=np.bool_)
        fresh[places[places >= 0]] = False
        new = np.flatnonzero(fresh)
        if len(new) > inverted.REGROWN * len(directory):
            return None

        def lists() -> Iterator[tuple[Rows, pa.RecordBatch]]:
            for start in range(0, len(new), SCAN_ROWS):
                some = new[start : start + SCAN_ROWS]
                table = take(self.passages, directory.row_ids[some], self._columns)
                yield some, self._posted(table.combine_chunks().to_batches()[0])

        return regrow(old, places, len(directory), lists())

    def _searcher(self, state: SpaceState) -> Searcher:
        index, _ = self.index(state)
        table, directory = self.table(state.table), self.directory(state.space.segmentation)
        if index is not None and "nearest" in index.capabilities:
            return read_indexed(table, directory, index)
        if state.coding is not None and state.coding.kind != "float32":
            return read_coded(self.folder, table, directory, state.coding)
        return read_exact(table, directory, state.space.dimensions)

    def _index(self, state: SpaceState) -> tuple[Index | None, str]:
        if self.choice is None:
            return None, ""
        name = self.choice.kind.name
        if state.filled != name:
            return None, f"the index {name!r} was not filled with this version: ingest again"
        try:
            index = self.choice.at(self.folder, state.space)
            reason = index.health()
            if not reason and index.count() < state.table.rows:
                reason = "it is behind what is published: ingest again"
        except Exception as error:  # whatever the client of a store raises
            reason = f"{type(error).__name__}: {error}"
        if reason:
            return None, f"the index {name!r} is not used ({reason})"
        return index, ""

    def _kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was made for a key, made again when it was not asked for long."""
        with self._lock:
            if key not in self._recent:
                self._recent[key] = make()
                if len(self._recent) > RECENT:
                    self._recent.popitem(last=False)
            self._recent.move_to_end(key)
            return cast(T, self._recent[key])

    def _once(self, key: Hashable, make: Callable[[], T]) -> T:
        with self._lock:
            if key not in self._parts:
                self._parts[key] = make()
            return cast(T, self._parts[key])
