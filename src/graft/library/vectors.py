"""Vectors: exact search in memory while a space is small, an approximate index when it is large."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graft.core.protocols import Vectors
from graft.library.ann import candidates
from graft.library.lance import Table, scan, scan_table, take
from graft.library.manifest import AnnIndex
from graft.library.ranking import Best, best
from graft.library.visible import Directory, Mask, Rows

SCORES_AT_ONCE = 1 << 23
"""Scores of a block of queries held at once (32 MiB)."""

EXACT_ROWS = 20_000
"""Up to so many allowed passages, an approximate search reads their vectors and is exact."""

RECENT = 2
"""Filters whose vectors are kept once read (30 MB each at most, at 384 dimensions)."""

ROUNDING = 1e-5
"""More than float32 products differ by with the batch they are in, relative to the score."""


class Searcher(Protocol):
    """Finds the nearest allowed passages; rows are those of the directory."""

    def search(self, queries: Vectors, limit: int, allowed: Mask | None) -> list[Best]: ...


@dataclass(frozen=True)
class ExactVectors:
    """All vectors of a space, `(n, d) float32`, in the order of the directory."""

    matrix: Vectors

    def search(self, queries: Vectors, limit: int, allowed: Mask | None) -> list[Best]:
        """Return each query's nearest passages by inner product.

        A query's scores do not depend on the others in its batch: those near the cut are summed
        again in float64, so that equal vectors score the same and ties fall to the passage id.
        """
        size = len(self.matrix)
        count = size if allowed is None else int(allowed.sum())
        step = max(1, SCORES_AT_ONCE // max(size, 1))
        found: list[Best] = []
        for start in range(0, len(queries), step):
            block = queries[start : start + step]
            for query, scores in zip(block, block @ self.matrix.T, strict=True):
                if allowed is not None:
                    scores[~allowed] = -np.inf
                found.append(self._refine(query, scores, min(limit, count)))
        return found

    def _refine(self, query: NDArray[np.float32], scores: NDArray[np.float32], limit: int) -> Best:
        if limit <= 0:
            return best(scores[:0], 0)
        least = np.partition(scores, len(scores) - limit)[len(scores) - limit]
        rows = np.flatnonzero(scores >= least - ROUNDING * max(abs(float(least)), 1.0))
        return best(products(self.matrix, rows, query), limit, rows)


@dataclass(frozen=True)
class IndexedVectors:
    """A space whose vectors stay on disk behind an approximate index.

    `passages` is the directory's row of each row id in `row_ids` (rising): the table's own order.
    """

    table: Table
    index: AnnIndex
    row_ids: NDArray[np.uint64]
    passages: Rows
    recent: deque[tuple[Mask, Rows, ExactVectors]] = field(
        default_factory=lambda: deque(maxlen=RECENT)
    )

    def search(self, queries: Vectors, limit: int, allowed: Mask | None) -> list[Best]:
        """Return each query's nearest passages; a filter widens the search until it has enough.

        Where a filter leaves few passages their vectors are read and compared exactly.
        """
        count = len(self.passages) if allowed is None else int(allowed[self.passages].sum())
        if allowed is not None and count <= EXACT_ROWS:
            return self._among(queries, limit, allowed)
        return [self._widen(query, min(limit, count), allowed, count) for query in queries]

    def _widen(
        self, query: NDArray[np.float32], limit: int, allowed: Mask | None, count: int
    ) -> Best:
        wanted = limit if allowed is None else int(1.5 * limit * len(self.passages) / count)
        while 0 < wanted < EXACT_ROWS:
            found = self._approximate(query, limit, wanted, allowed)
            if len(found[0]) == limit:
                return found
            wanted *= 4
        return self._scan(query, limit, allowed)

    def _approximate(
        self, query: NDArray[np.float32], limit: int, wanted: int, allowed: Mask | None
    ) -> Best:
        row_ids, scores = candidates(self.table, self.index, query, wanted)
        rows = self.passages[np.searchsorted(self.row_ids, row_ids)]
        if allowed is not None:
            rows, scores = rows[allowed[rows]], scores[allowed[rows]]
        order = np.argsort(rows)
        return best(scores[order], limit, rows[order])

    def _among(self, queries: Vectors, limit: int, allowed: Mask) -> list[Best]:
        rows, vectors = self._read(allowed)
        found = vectors.search(queries, limit, None)
        return [(rows[places], scores) for places, scores in found]

    def _read(self, allowed: Mask) -> tuple[Rows, ExactVectors]:
        """Return the allowed rows and their vectors; those of the last few masks are kept."""
        for mask, rows, vectors in tuple(self.recent):
            if mask is allowed:
                return rows, vectors
        places = np.flatnonzero(allowed[self.passages])
        column = take(self.table, self.row_ids[places], ["vector"])["vector"]
        order = np.argsort(self.passages[places])
        rows = self.passages[places][order]
        dimensions = self.table.schema.field("vector").type.list_size
        vectors = ExactVectors(matrix_of(column, dimensions)[order])
        self.recent.append((allowed, rows, vectors))
        return rows, vectors

    def _scan(self, query: NDArray[np.float32], limit: int, allowed: Mask | None) -> Best:
        all_rows = [np.zeros(0, dtype=np.int64)]
        all_scores = [np.zeros(0, dtype=np.float32)]
        for batch in scan(self.table, ["vector"], row_ids=True):
            rows = self.passages[np.searchsorted(self.row_ids, batch.column("_rowid").to_numpy())]
            kept = np.arange(len(rows)) if allowed is None else np.flatnonzero(allowed[rows])
            matrix = matrix_of(batch.column("vector"), len(query))
            all_rows.append(rows[kept])
            all_scores.append(products(matrix, kept, query))
        merged = np.concatenate(all_rows)
        order = np.argsort(merged)
        return best(np.concatenate(all_scores)[order], limit, merged[order])


def products(matrix: Vectors, rows: Rows, query: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the inner products of some rows, summed in float64, a few thousand at a time."""
    wide = query.astype(np.float64)
    parts = [
        np.einsum("nd,d->n", matrix[rows[start : start + 4096]].astype(np.float64), wide)
        for start in range(0, len(rows), 4096)
    ]
    return np.concatenate(parts).astype(np.float32) if parts else np.zeros(0, dtype=np.float32)


def matrix_of(column: pa.Array, dimensions: int) -> Vectors:
    """Return a fixed-size list column as `(n, d) float32`."""
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks)
    values: Vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, dimensions)
    return values


def read_exact(table: Table, directory: Directory, dimensions: int) -> ExactVectors:
    """Read a whole space into memory: `4 * n * d` bytes."""
    row_ids, passages = _places(table, directory)
    matrix = np.zeros((len(directory), dimensions), dtype=np.float32)
    for batch in scan(table, ["vector"], row_ids=True):
        rows = passages[np.searchsorted(row_ids, batch.column("_rowid").to_numpy())]
        matrix[rows] = matrix_of(batch.column("vector"), dimensions)
    return ExactVectors(matrix)


def read_indexed(table: Table, directory: Directory, index: AnnIndex) -> IndexedVectors:
    """Read which row of an indexed space is which passage: 16 bytes a passage."""
    return IndexedVectors(table, index, *_places(table, directory))


def _places(table: Table, directory: Directory) -> tuple[NDArray[np.uint64], Rows]:
    found = scan_table(table, ["id"], row_ids=True).sort_by("_rowid")
    rows = pc.index_in(found["id"], value_set=directory.ids).to_numpy()
    return found["_rowid"].to_numpy(), rows.astype(np.int64)
