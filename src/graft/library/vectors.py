"""Vectors: exact search in memory, by codes first, or among candidates of an index."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graft.core.context import Context
from graft.core.protocols import Candidates, Index, Vectors
from graft.library.codes import nearest
from graft.library.lance import StoredTable, scan, scan_table, take
from graft.library.manifest import Coding
from graft.library.matrix import Matrix, open_matrix
from graft.library.ranking import Best, best
from graft.library.rows import matrix_of
from graft.library.visible import Directory, Mask, Rows, find_rows

SCORES_AT_ONCE = 1 << 23
"""Scores of a block of queries held at once (32 MiB)."""

EXACT_ROWS = 20_000
"""Up to so many allowed passages, an approximate search reads their vectors and is exact."""

RECENT = 2
"""Filters whose vectors are kept once read (30 MB each at most, at 384 dimensions)."""

FAILED = "the index failed, and everything is compared instead ({}: {}): look at its server"

NOTHING: Best = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32))

ROUNDING = 1e-5
"""More than float32 products differ by with the batch they are in, relative to the score."""


class Searcher(Protocol):
    """Finds the nearest allowed passages; rows are those of the directory."""

    def search(
        self, queries: Vectors, limit: int, allowed: Mask | None, ctx: Context | None = None
    ) -> list[Best]: ...


@dataclass(frozen=True)
class ExactVectors:
    """All vectors of a space, `(n, d) float32`, in the order of the directory."""

    matrix: Vectors

    def search(
        self, queries: Vectors, limit: int, allowed: Mask | None, ctx: Context | None = None
    ) -> list[Best]:
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
                found.append(self.refine(query, scores, min(limit, count)))
        return found

    def refine(self, query: NDArray[np.float32], scores: NDArray[np.float32], limit: int) -> Best:
        """Return the best by scores that are right to rounding, summed again near the cut."""
        if limit <= 0:
            return best(scores[:0], 0)
        least = np.partition(scores, len(scores) - limit)[len(scores) - limit]
        rows = np.flatnonzero(scores >= least - ROUNDING * max(abs(float(least)), 1.0))
        return best(products(self.matrix, rows, query), limit, rows)


@dataclass(frozen=True)
class CodedVectors:
    """A space of which codes are compared first, and then the vectors of `candidates` rows."""

    matrix: Matrix
    candidates: int

    def search(
        self, queries: Vectors, limit: int, allowed: Mask | None, ctx: Context | None = None
    ) -> list[Best]:
        """Return each query's nearest passages among those whose codes are nearest.

        Scores are those of the vectors, and equal ones fall to the passage id, as ever. Where no
        more passages are allowed than would be compared anyway, it is exact.
        """
        count = len(self.matrix.codes) if allowed is None else int(allowed.sum())
        wanted = max(self.candidates, 4 * limit)
        if count <= wanted:
            rows = np.arange(count) if allowed is None else np.flatnonzero(allowed)
            return self._among(rows, queries, limit)
        found: list[Best] = []
        for query in queries:
            rows = nearest(self.matrix.codes, query, wanted, allowed)
            found += self._among(rows, query[None], limit)
        return found

    def _among(self, rows: Rows, queries: Vectors, limit: int) -> list[Best]:
        exact, found = ExactVectors(self.matrix.of(rows)), []
        for query in queries:
            # A product of this size is done before the threads of a matrix product have begun.
            scores = np.einsum("nd,d->n", exact.matrix, query)
            places, scores = exact.refine(query, scores, min(limit, len(rows)))
            found.append((rows[places], scores))
        return found


@dataclass(frozen=True)
class IndexedVectors:
    """A space whose vectors stay on disk, and whose candidates come from an index.

    `ids` are those of the directory, and `row_ids` what their vectors' rows in `table` are called.
    """

    table: StoredTable
    index: Index
    ids: pa.Array
    row_ids: NDArray[np.uint64]
    recent: deque[tuple[Mask, Rows, ExactVectors]] = field(
        default_factory=lambda: deque(maxlen=RECENT)
    )

    def search(
        self, queries: Vectors, limit: int, allowed: Mask | None, ctx: Context | None = None
    ) -> list[Best]:
        """Return each query's nearest passages, as many as there are.

        Where few passages are allowed their vectors are read and compared exactly. Elsewhere more
        and more candidates are asked for until enough of them pass; where the index fails
        (which `ctx` is told), or has no more, all vectors are compared.
        """
        count = len(self.ids) if allowed is None else int(allowed.sum())
        limit = min(limit, count)
        if allowed is not None and count <= EXACT_ROWS:
            return self._among(queries, limit, allowed)
        found: list[Best] = [NOTHING] * len(queries)
        short = list(range(len(queries))) if limit > 0 else []
        wanted = int(1.5 * limit * len(self.ids) / count) if allowed is not None else limit
        dry = False
        while short and not dry and wanted < EXACT_ROWS:
            try:
                answers = self.index.nearest(queries[short], wanted)
            except Exception as error:  # whatever the client of a store raises: all is here too
                (ctx or Context()).warn("index", FAILED.format(type(error).__name__, error))
                break
            dry = max(map(len, answers), default=0) < wanted
            for place, answer in zip(tuple(short), answers, strict=True):
                found[place] = self._checked(queries[place], answer, limit, allowed)
                if len(found[place][0]) == limit:
                    short.remove(place)
            wanted *= 4
        if short:
            for place, whole in zip(short, self._scan(queries[short], limit, allowed), strict=True):
                found[place] = whole
        return found

    def _checked(
        self, query: NDArray[np.float32], found: Candidates, limit: int, allowed: Mask | None
    ) -> Best:
        """Return the best candidates of those that are published and allowed, each once."""
        places = find_rows(self.ids, [id for id, _ in found])
        rows, first = np.unique(places, return_index=True)
        told = np.asarray([score for _, score in found], dtype=np.float32)[first]
        rows, told = rows[rows >= 0], told[rows >= 0]
        if allowed is not None:
            rows, told = rows[allowed[rows]], told[allowed[rows]]
        if "exact" in self.index.capabilities:
            return best(told, limit, rows)
        return best(products(self._vectors(rows), np.arange(len(rows)), query), limit, rows)

    def _vectors(self, rows: Rows) -> Vectors:
        dimensions = self.table.schema.field("vector").type.list_size
        if not len(rows):
            return np.zeros((0, dimensions), dtype=np.float32)
        return matrix_of(take(self.table, self.row_ids[rows], ["vector"])["vector"])

    def _among(self, queries: Vectors, limit: int, allowed: Mask) -> list[Best]:
        rows, vectors = self._read(allowed)
        found = vectors.search(queries, limit, None)
        return [(rows[places], scores) for places, scores in found]

    def _read(self, allowed: Mask) -> tuple[Rows, ExactVectors]:
        """Return the allowed rows and their vectors; those of the last few masks are kept."""
        for mask, rows, vectors in tuple(self.recent):
            if mask is allowed:
                return rows, vectors
        rows = np.flatnonzero(allowed)
        vectors = ExactVectors(self._vectors(rows))
        self.recent.append((allowed, rows, vectors))
        return rows, vectors

    def _scan(self, queries: Vectors, limit: int, allowed: Mask | None) -> list[Best]:
        """Return each query's nearest passages by one pass over the table."""
        held: list[Best] = [NOTHING] * len(queries)
        order = np.argsort(self.row_ids)
        for batch in scan(self.table, ["vector"], row_ids=True):
            places = np.searchsorted(self.row_ids, batch.column("_rowid").to_numpy(), sorter=order)
            rows = order[places]
            kept = np.arange(len(rows)) if allowed is None else np.flatnonzero(allowed[rows])
            matrix = matrix_of(batch.column("vector"))
            for i, query in enumerate(queries):
                merged = np.concatenate([held[i][0], rows[kept]])
                scores = np.concatenate([held[i][1], products(matrix, kept, query)])
                rising = np.argsort(merged)
                held[i] = best(scores[rising], limit, merged[rising])
        return held


def products(matrix: Vectors, rows: Rows, query: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the inner products of some rows, summed in float64, a few thousand at a time."""
    wide = query.astype(np.float64)
    parts = [
        np.einsum("nd,d->n", matrix[rows[start : start + 4096]].astype(np.float64), wide)
        for start in range(0, len(rows), 4096)
    ]
    return np.concatenate(parts).astype(np.float32) if parts else np.zeros(0, dtype=np.float32)


def read_exact(table: StoredTable, directory: Directory, dimensions: int) -> ExactVectors:
    """Read a whole space into memory: `4 * n * d` bytes."""
    row_ids = _row_ids(table, directory)
    order = np.argsort(row_ids)
    matrix = np.zeros((len(directory), dimensions), dtype=np.float32)
    for batch in scan(table, ["vector"], row_ids=True):
        places = np.searchsorted(row_ids, batch.column("_rowid").to_numpy(), sorter=order)
        matrix[order[places]] = matrix_of(batch.column("vector"))
    return ExactVectors(matrix)


def read_coded(
    library: Path, table: StoredTable, directory: Directory, coding: Coding
) -> CodedVectors:
    """Map a large space's vectors from their files, which grow by what is not in them yet."""
    matrix = open_matrix(library, table, _row_ids(table, directory), coding.kind)
    return CodedVectors(matrix, coding.candidates)


def read_indexed(table: StoredTable, directory: Directory, index: Index) -> IndexedVectors:
    """Read which row of a space's table is which passage: 8 bytes a passage."""
    return IndexedVectors(table, index, directory.ids, _row_ids(table, directory))


def _row_ids(table: StoredTable, directory: Directory) -> NDArray[np.uint64]:
    """Return what the row of each passage's vector is called."""
    found = scan_table(table, ["id"], row_ids=True)
    row_ids = np.zeros(len(directory), dtype=np.uint64)
    row_ids[pc.index_in(found["id"], value_set=directory.ids).to_numpy()] = found["_rowid"]
    return row_ids
