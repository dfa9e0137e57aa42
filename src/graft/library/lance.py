"""LanceDB: the few calls the store makes of it. Nothing else imports lancedb."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graft.core.later import import_later

# The client of a catalogue server: half of what importing lancedb takes, and nothing here asks it.
import_later("lance_namespace_urllib3_client")

import lancedb  # noqa: E402

SCAN_ROWS = 8192
"""Rows in a batch of a scan; at 384 dimensions its vectors take 12 MiB."""

NAMES_AT_ONCE = 1000
"""Values in one SQL list: longer ones are slower to parse than to run."""

NEVER = timedelta(days=36_500)
"""A clean-up bound that nothing is older than: without one, LanceDB takes seven days."""


class StoredTable(Protocol):
    """What the store uses of a LanceDB table."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def tags(self) -> Any: ...
    @property
    def schema(self) -> pa.Schema: ...

    def add(self, data: Any) -> Any: ...
    def add_columns(self, transforms: Any) -> Any: ...
    def count_rows(self, filter: str | None = None) -> int: ...
    def delete(self, where: str) -> Any: ...
    def drop_index(self, name: str) -> None: ...
    def list_indices(self) -> Any: ...
    def list_versions(self) -> list[dict[str, Any]]: ...
    def merge_insert(self, on: str) -> Any: ...
    def optimize(
        self, *, cleanup_older_than: timedelta, delete_unverified: bool = False
    ) -> Any: ...
    def restore(self, version: int) -> None: ...
    def search(self, query: Any = None, **options: Any) -> Any: ...
    def stats(self) -> Any: ...
    def take_row_ids(self, row_ids: list[int]) -> Any: ...


class Database:
    """A folder of tables. A handle with a version is pinned to it and can only read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def _connection(self) -> lancedb.DBConnection:
        # Made when it is first used: it makes the folder.
        return lancedb.connect(str(self.folder))

    def open(self, name: str, version: int | None = None) -> StoredTable:
        """Open a table; without a version, its newest state, for writing."""
        return cast(StoredTable, self._connection.open_table(name, version=version))

    def create(
        self, name: str, schema: pa.Schema, batches: Iterator[pa.RecordBatch] | None = None
    ) -> StoredTable:
        """Create a table, filled from `batches` if there are any."""
        data = None if batches is None else pa.RecordBatchReader.from_batches(schema, batches)
        return cast(StoredTable, self._connection.create_table(name, data=data, schema=schema))

    def names(self) -> list[str]:
        """Return the names of all tables on disk, half-made ones included."""
        return sorted(path.stem for path in self.folder.glob("*.lance"))

    def drop(self, name: str) -> None:
        """Delete a table's files, whatever state they are in."""
        shutil.rmtree(self.folder / f"{name}.lance", ignore_errors=True)


def scan(
    table: StoredTable, columns: Sequence[str], *, where: str = "", row_ids: bool = False
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table in batches, in the order of the disk; `_rowid` comes last."""
    query = table.search().select(list(columns)).with_row_id(row_ids)
    if where:
        query = query.where(where)
    yield from query.to_batches(SCAN_ROWS)


def scan_table(
    table: StoredTable, columns: Sequence[str], *, where: str = "", row_ids: bool = False
) -> pa.Table:
    """Return the rows of a table's columns at once: for columns that are small."""
    batches = list(scan(table, columns, where=where, row_ids=row_ids))
    if batches:
        return pa.Table.from_batches(batches).combine_chunks()
    fields = [table.schema.field(name) for name in columns]
    return pa.schema([*fields, ("_rowid", pa.uint64())] if row_ids else fields).empty_table()


def take(table: StoredTable, row_ids: NDArray[np.uint64], columns: Sequence[str]) -> pa.Table:
    """Return the rows with these ids of this version, in this order."""
    wanted = [int(id) for id in row_ids]
    query = table.take_row_ids(list(dict.fromkeys(wanted))).with_row_id().select(list(columns))
    found = query.to_arrow()
    place = {id: row for row, id in enumerate(found["_rowid"].to_pylist())}
    return found.drop_columns(["_rowid"]).take(pa.array([place[id] for id in wanted], pa.int64()))


def locate(held: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return where each wanted row id stands among those that are held, -1 where it does not.

    Both are gone through in order, which is ten times as fast as looking a million up at random.

    >>> locate(np.array([9, 3], dtype=np.uint64), np.array([3, 4, 9], dtype=np.uint64)).tolist()
    [1, -1, 0]
    """
    found = np.full(len(wanted), -1, dtype=np.int64)
    if len(held):
        order, asked = np.argsort(held, kind="stable"), np.argsort(wanted, kind="stable")
        rising, looked = held[order], wanted[asked]
        at = np.minimum(np.searchsorted(rising, looked), len(held) - 1)
        found[asked] = np.where(rising[at] == looked, order[at], -1)
    return found


def equals_any(column: str, values: Sequence[str]) -> Iterator[str]:
    """Yield SQL conditions that together say `column` is one of `values`.

    >>> list(equals_any("id", ["a", "o'clock"]))
    ["id IN ('a', 'o''clock')"]
    """
    for start in range(0, len(values), NAMES_AT_ONCE):
        some = values[start : start + NAMES_AT_ONCE]
        yield f"{column} IN ({', '.join(quoted(value) for value in some)})"


def quoted(value: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def version_time(table: StoredTable, version: int) -> float | None:
    """Return when a version was committed, in seconds since the epoch; None if it is gone."""
    for entry in table.list_versions():
        if entry["version"] == version:
            moment: datetime = entry["timestamp"]
            return moment.timestamp()
    return None
