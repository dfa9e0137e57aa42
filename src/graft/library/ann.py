"""The approximate index of a large space: IVF over HNSW graphs of 8-bit vectors, refined.

Its recall is measured where it is built, on the vectors it holds, and its search is widened until
it reaches `RECALL`; an index that cannot is not used. LanceDB's other kinds and its defaults fall
short (docs/decisions/0004-the-store.md).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graft.core.context import Context
from graft.core.protocols import Candidates, Vectors
from graft.library.lance import NEVER, StoredTable, index_vectors, scan
from graft.library.manifest import AnnIndex
from graft.library.ranking import best

RECALL = 0.95
"""The least recall@10 that an index may have."""

SAMPLE = 100
"""Queries that recall is measured on."""

NOISE = 0.5
"""How far a sampled query lies from the passage it was made of, relative to its length: a
question is near its passage, not on it (cosine about .9)."""

PARTITION_ROWS = 6000
"""Rows a partition: graphs of this size are built in a third of the time that one graph takes."""

TAIL_ROWS = 1000
TAIL = 0.05
"""Rows, and the share of rows, not yet in the index (they are scanned) beyond which it is brought
up to date."""

TURNOVER = 0.3
"""Share of deleted rows from which the index is built anew."""


def candidates(
    table: StoredTable, index: AnnIndex | None, query: NDArray[np.float32], limit: int
) -> Candidates:
    """Return the passages nearest to a query with their inner products, best first.

    The measured `refine` holds for ten; a hundred need no more than twice their number compared by
    full vectors: recall@100 falls from .986 to .974, recall@10 does not, in 60 % of the time.
    Without an index all vectors are compared.
    """
    search = table.search(query, vector_column_name="vector").distance_type("dot").limit(limit)
    if index is not None:
        refine = min(index.refine, max(2, -(-10 * index.refine // limit)))
        search = search.nprobes(index.probes).ef(max(index.breadth, limit * refine))
        search = search.refine_factor(refine)
    found = search.select(["id", "_distance"]).to_arrow()
    scores = (1.0 - found["_distance"].to_numpy()).astype(np.float32)
    return sorted(
        zip(found["id"].to_pylist(), scores.tolist(), strict=True),
        key=lambda pair: (-pair[1], pair[0]),
    )


def upkeep(
    table: StoredTable, index: AnnIndex | None, *, rows: int, ctx: Context
) -> AnnIndex | None:
    """Return the index after building it or bringing it up to date, if it is worth it.

    None means that recall stayed below `RECALL` and search goes on exactly; a warning says so.
    """
    if index is None or index.deleted > TURNOVER * rows:
        with ctx.stage("index vectors"):
            partitions = max(1, round(rows / PARTITION_ROWS))
            index_vectors(table, partitions)
            return tuned(table, partitions, rows, ctx)
    if index.tail > max(TAIL * rows, TAIL_ROWS):
        with ctx.stage("index vectors"):
            table.optimize(cleanup_older_than=NEVER)
            return tuned(table, index.partitions, rows, ctx)
    return index


def tuned(table: StoredTable, partitions: int, rows: int, ctx: Context) -> AnnIndex | None:
    """Measure the index and widen its search until its recall suffices."""
    queries = _sample(table, rows, ctx)
    exact = _exact(table, queries, 10)
    index = AnnIndex(rows, partitions, 1, 64, 2, 0.0)
    for share, breadth, refine in ((8, 64, 2), (4, 64, 4), (2, 64, 4), (1, 100, 4), (1, 300, 10)):
        probes = max(1, partitions // share)
        index = replace(index, probes=probes, breadth=breadth, refine=refine)
        found = [{id for id, _ in candidates(table, index, query, 10)} for query in queries]
        hits = sum(len(a & b) for a, b in zip(found, exact, strict=True))
        index = replace(index, recall=hits / sum(map(len, exact)))
        if index.recall >= RECALL:
            return index
    ctx.warn(
        "index vectors",
        f"the approximate index finds {index.recall:.0%} of the ten nearest passages where "
        f"{RECALL:.0%} is wanted, so search stays exact",
    )
    return None


def _sample(table: StoredTable, rows: int, ctx: Context) -> Vectors:
    """Return noisy copies of randomly drawn vectors."""
    draw = ctx.random("ann-recall")
    wanted = sorted(draw.sample(range(rows), min(SAMPLE, rows)))
    picked, start = [], 0
    for batch, _ in _batches(table):
        inside = [row - start for row in wanted if start <= row < start + len(batch)]
        picked.append(batch[inside])
        start += len(batch)
    queries = np.concatenate(picked)
    noise = np.random.default_rng(draw.getrandbits(64)).standard_normal(queries.shape)
    lengths = np.linalg.norm(queries, axis=1, keepdims=True)
    return np.asarray(queries + noise * lengths * NOISE / np.sqrt(queries.shape[1]), np.float32)


def _exact(table: StoredTable, queries: Vectors, limit: int) -> list[set[str]]:
    """Return the ids of each query's nearest vectors, by one pass over the table."""
    held: list[list[tuple[float, str]]] = [[] for _ in queries]
    for batch, ids in _batches(table):
        for i, scores in enumerate(queries @ batch.T):
            rows, products = best(scores, limit)
            found = zip(products.tolist(), ids.take(rows).to_pylist(), strict=True)
            held[i] = heapq.nlargest(limit, [*held[i], *found])
    return [{id for _, id in pairs} for pairs in held]


def _batches(table: StoredTable) -> Iterator[tuple[Vectors, pa.Array]]:
    dimensions = table.schema.field("vector").type.list_size
    for batch in scan(table, ["vector", "id"]):
        values = batch.column("vector").flatten().to_numpy(zero_copy_only=False)
        yield values.reshape(-1, dimensions), batch.column("id")
