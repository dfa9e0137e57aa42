"""The approximate index of a large space: IVF over HNSW graphs of 8-bit vectors, refined.

Its recall is measured where it is built, on the vectors it holds, and its search is widened until
it reaches `RECALL`; an index that cannot is not used. LanceDB's other kinds and its defaults fall
short (docs/decisions/0004-the-store.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from graft.core.context import Context
from graft.core.protocols import Vectors
from graft.library.lance import NEVER, Table, index_vectors, scan
from graft.library.manifest import AnnIndex
from graft.library.ranking import Best, best

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
    table: Table, index: AnnIndex, query: NDArray[np.float32], limit: int
) -> tuple[NDArray[np.uint64], NDArray[np.float32]]:
    """Return the row ids nearest to a query, in no order, with their inner products.

    The measured `refine` holds for ten; a hundred need no more than twice their number compared by
    full vectors: recall@100 falls from .986 to .974, recall@10 does not, in 60 % of the time.
    """
    refine = min(index.refine, max(2, -(-10 * index.refine // limit)))
    found = (
        table.search(query, vector_column_name="vector")
        .distance_type("dot")
        .nprobes(index.probes)
        .ef(max(index.breadth, limit * refine))
        .refine_factor(refine)
        .limit(limit)
        .select(["_distance"])
        .with_row_id(True)
        .to_arrow()
    )
    scores = 1.0 - found["_distance"].to_numpy()
    return found["_rowid"].to_numpy(), scores.astype(np.float32)


def upkeep(table: Table, index: AnnIndex | None, *, rows: int, ctx: Context) -> AnnIndex | None:
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


def tuned(table: Table, partitions: int, rows: int, ctx: Context) -> AnnIndex | None:
    """Measure the index and widen its search until its recall suffices."""
    queries = _sample(table, rows, ctx)
    exact = _exact(table, queries, 10)
    index = AnnIndex(rows, partitions, 1, 64, 2, 0.0)
    for share, breadth, refine in ((8, 64, 2), (4, 64, 4), (2, 64, 4), (1, 100, 4), (1, 300, 10)):
        probes = max(1, partitions // share)
        index = replace(index, probes=probes, breadth=breadth, refine=refine)
        found = [set(candidates(table, index, query, 10)[0].tolist()) for query in queries]
        hits = sum(len(a & set(b.tolist())) for a, b in zip(found, exact, strict=True))
        index = replace(index, recall=hits / sum(map(len, exact)))
        if index.recall >= RECALL:
            return index
    ctx.warn(
        "index vectors",
        f"the approximate index finds {index.recall:.0%} of the ten nearest passages where "
        f"{RECALL:.0%} is wanted, so search stays exact",
    )
    return None


def _sample(table: Table, rows: int, ctx: Context) -> Vectors:
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


def _exact(table: Table, queries: Vectors, limit: int) -> list[NDArray[np.uint64]]:
    """Return the row ids of each query's nearest vectors, by one pass over the table."""
    held: list[Best] = [(np.zeros(0, np.int64), np.zeros(0, np.float32)) for _ in queries]
    for batch, row_ids in _batches(table):
        for i, scores in enumerate(queries @ batch.T):
            rows = np.concatenate([held[i][0], row_ids.astype(np.int64)])
            held[i] = best(np.concatenate([held[i][1], scores]), limit, rows)
    return [rows.astype(np.uint64) for rows, _ in held]


def _batches(table: Table) -> Iterator[tuple[Vectors, NDArray[np.uint64]]]:
    dimensions = table.schema.field("vector").type.list_size
    for batch in scan(table, ["vector"], row_ids=True):
        values = batch.column("vector").flatten().to_numpy(zero_copy_only=False)
        yield values.reshape(-1, dimensions), batch.column("_rowid").to_numpy()
