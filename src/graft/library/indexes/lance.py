"""The default: vectors in a LanceDB table, at the version of its handle.

It is the one index that is published with everything else. The library keeps every space in it,
and searches by what it maps of it (see `vectors`, `matrix`); asked as an index it compares all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graft.core.index import IndexKind, IndexPlace
from graft.core.protocols import Candidates, Vectors
from graft.library.lance import Database, StoredTable, equals_any
from graft.library.rows import vector_batch, vector_schema


class LanceIndex:
    """A table of one space: passage ids and vectors."""

    capabilities = frozenset({"nearest", "exact"})

    def __init__(self, table: StoredTable) -> None:
        self.table = table

    @classmethod
    def open(cls, place: IndexPlace) -> LanceIndex:
        """Open a table of its own, made if it is not there."""
        database = Database(place.folder)
        if place.name in database.names():
            return cls(database.open(place.name))
        return cls(database.create(place.name, vector_schema(place.dimensions)))

    def put(self, ids: Sequence[str], vectors: Vectors, texts: Sequence[str]) -> None:
        self.delete(ids)
        self.table.add(pa.Table.from_batches([vector_batch(ids, vectors)]))

    def delete(self, ids: Sequence[str]) -> None:
        for condition in equals_any("id", ids):
            self.table.delete(condition)

    def nearest(self, vectors: Vectors, limit: int) -> list[Candidates]:
        return [_candidates(self.table, query, limit) for query in vectors]

    def match(self, queries: Sequence[str], limit: int) -> list[Candidates]:
        """Full text is the library's own: its postings stand in the passages' rows."""
        return [[] for _ in queries]

    def count(self, ids: Sequence[str] | None = None) -> int:
        if ids is None:
            return self.table.count_rows()
        return sum(self.table.count_rows(condition) for condition in equals_any("id", ids))

    def health(self) -> str:
        return ""


def _candidates(table: StoredTable, query: NDArray[np.float32], limit: int) -> Candidates:
    search = table.search(query, vector_column_name="vector").distance_type("dot").limit(limit)
    found = search.select(["id", "_distance"]).to_arrow()
    scores = (1.0 - found["_distance"].to_numpy()).astype(np.float32)
    pairs = zip(found["id"].to_pylist(), scores.tolist(), strict=True)
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))


LANCE = IndexKind("lance", "the library's own tables; nothing else to keep up", LanceIndex.open)
