"""Filling: an index outside the library is kept at what is published.

It is written before the pointer moves and cleaned after, so that whenever the writer is killed it
holds all that any reader looks for. What may have to go again is noted before it is put.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from graft.core.context import Context
from graft.core.errors import Cancelled
from graft.core.files import write_atomic
from graft.core.index import IndexChoice
from graft.core.protocols import Index
from graft.core.space import Space
from graft.library.lance import Database, StoredTable, equals_any, scan_table
from graft.library.leases import leased
from graft.library.manifest import Manifest, SpaceState, TableState, read_manifest
from graft.library.rows import PASSAGE_COLUMNS, matrix_of, to_passage

AT_ONCE = 1000
"""Passages put, counted or deleted together."""


@dataclass(frozen=True)
class Filling:
    """Keeps the index that the settings name at what the tables hold."""

    database: Database
    choice: IndexChoice
    ctx: Context

    def lacks(self, manifest: Manifest) -> bool:
        """Return whether a published space is not in the index."""
        return any(state.filled != self.choice.kind.name for state in manifest.spaces)

    def fill(self, old: Manifest, new: Manifest) -> Manifest:
        """Put into the index what a version has that is not yet published and the one before not.

        Returns the manifest with the spaces marked that the index holds. Where it cannot be filled
        a warning says so, and search goes without it.
        """
        name, spaces = self.choice.kind.name, []
        before = {state.space.id: state for state in old.spaces if state.filled == name}
        for state in new.spaces:
            try:
                self._fill(new, state, before.pop(state.space.id, None))
                spaces.append(replace(state, filled=name))
            except Cancelled:
                raise
            except Exception as error:  # whatever the client of a store raises
                spaces.append(replace(state, filled=""))
                self.ctx.warn(
                    "index",
                    f"the index {name!r} could not be filled, and search goes without it "
                    f"({type(error).__name__}: {error})",
                )
        for dropped in before.values():
            self._note(dropped.space, self._ids(dropped))
        return replace(new, spaces=tuple(spaces))

    def clean(self, manifest: Manifest, *, all_older: bool = False) -> None:
        """Delete what is in no version that is read, once this one is published.

        `all_older` (a purge) asks for no readers.
        """
        folder = self.database.folder
        older = set() if all_older else leased(folder) - {manifest.version}
        versions = [manifest, *(read_manifest(folder, number) for number in older)]
        for path in self._notes.glob("*.json"):
            space, doubtful = self._noted(path)
            here, *others = (
                {id for s in version.spaces if s.space.id == space.id for id in self._ids(s)}
                for version in versions
            )
            doubtful -= here
            gone = sorted(doubtful.difference(*others))
            index = self.choice.at(folder, space)
            for ids in _some(gone):
                index.delete(ids)
            self._write(space, doubtful.difference(gone))

    def _fill(self, manifest: Manifest, state: SpaceState, before: SpaceState | None) -> None:
        index = self.choice.at(self.database.folder, state.space)
        if reason := index.health():
            raise OSError(reason)
        known, now = set(self._ids(before)) if before else set[str](), set(self._ids(state))
        self._note(state.space, known ^ now)
        for ids in _some(sorted(now - known)):
            self._put(index, manifest, state, ids)
        if index.count() < len(now):  # it lost some, or it is a new one under the old name
            for ids in _some(sorted(now)):
                if index.count(ids) < len(ids):
                    self._put(index, manifest, state, ids)
        if (held := index.count()) < len(now):
            raise OSError(f"it holds {held} of {len(now)} passages that were put")

    def _put(self, index: Index, manifest: Manifest, state: SpaceState, ids: list[str]) -> None:
        (where,) = equals_any("id", ids)
        found = scan_table(self._table(state.table), ["id", "vector"], where=where).sort_by("id")
        passages = self._table(manifest.passages)
        rows = scan_table(passages, PASSAGE_COLUMNS, where=where).sort_by("id").to_pylist()
        texts = [to_passage(row).indexed_text for row in rows]
        index.put(ids, matrix_of(found["vector"]), texts)
        self.ctx.check()

    def _table(self, state: TableState | None) -> StoredTable:
        assert state is not None  # a version that is published has both tables
        return self.database.open(state.name, state.version)

    def _ids(self, state: SpaceState) -> list[str]:
        ids: list[str] = scan_table(self._table(state.table), ["id"])["id"].to_pylist()
        return ids

    @property
    def _notes(self) -> Path:
        return self.database.folder / "indexes" / self.choice.kind.name / "doubtful"

    def _note(self, space: Space, ids: Sequence[str] | set[str]) -> None:
        path = self._notes / f"{space.id}.json"
        noted = self._noted(path)[1] if path.exists() else set[str]()
        self._write(space, noted | set(ids))

    def _noted(self, path: Path) -> tuple[Space, set[str]]:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Space(**data["space"]), set(data["ids"])

    def _write(self, space: Space, ids: set[str]) -> None:
        path = self._notes / f"{space.id}.json"
        if ids:
            write_atomic(path, json.dumps({"space": asdict(space), "ids": sorted(ids)}))
        else:
            path.unlink(missing_ok=True)


def _some(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]
