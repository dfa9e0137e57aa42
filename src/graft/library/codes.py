"""Codes: short forms of vectors that are compared first, so that few vectors have to be.

"binary" keeps the sign of each dimension, compared by how many differ; "int8" keeps a byte a
dimension and a vector's scale. What was tried stands in docs/decisions/0014-search-at-size.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from graft.core.context import Context
from graft.core.protocols import Vectors
from graft.core.space import Coded
from graft.library.lance import StoredTable, scan
from graft.library.manifest import Coding
from graft.library.ranking import best
from graft.library.rows import matrix_of
from graft.library.visible import Mask, Rows

Packed = NDArray[np.uint8]
"""Codes as they lie on disk, a row each."""

RECALL = 0.95
"""The least recall@10 that codes may have."""

CANDIDATES = 1000
SHARE = 0.003
WIDER = (1, 2, 4)
"""How many vectors are compared after their codes: so many and this share of the rows, or a
multiple if it takes that to have the recall. Of a million passages 4,000 find .995 of the ten
nearest to real questions by the starter encoder and .965 of the hundred, 1,000 only .968 and .88;
of 200,000 passages 1,600 find .995 and .944."""

SAMPLE = 100
"""Queries that recall is measured on."""

NOISE = 1.33
"""How far a sampled query lies from the passage it was made of, relative to its length: a
question's best passage has a cosine of about .6 by the starter encoder."""

TAIL = 0.05
"""Share of rows put or deleted since recall was measured from which it is measured again."""

ROWS_AT_ONCE = 1 << 15
"""Rows compared at once: what is in work stays in the processor's cache."""


class Codes(Protocol):
    """The codes of a space's vectors, in the order of the directory."""

    def __len__(self) -> int: ...
    def distances(self, query: NDArray[np.float32], rows: Rows | None) -> NDArray[Any]:
        """Return how far each of some rows is from a query, of all rows by default."""
        ...


@dataclass(frozen=True)
class Binary:
    """Signs: `words` are `(ceil(d / 64), n) uint64`."""

    words: NDArray[np.uint64]

    def __len__(self) -> int:
        return int(self.words.shape[1])

    def distances(self, query: NDArray[np.float32], rows: Rows | None) -> NDArray[np.uint16]:
        asked = encode("binary", query[None]).view(np.uint64)[0]
        words = self.words if rows is None else self.words[:, rows]
        found = np.zeros(words.shape[1], dtype=np.uint16)
        for start in range(0, len(found), ROWS_AT_ONCE):
            here = found[start : start + ROWS_AT_ONCE]
            for word, wanted in zip(words, asked, strict=True):
                here += np.bitwise_count(word[start : start + ROWS_AT_ONCE] ^ wanted)
        return found


@dataclass(frozen=True)
class Int8:
    """Bytes: `values` are `(n, d) int8`, each row as often as its scale, `(n,) float32`."""

    values: NDArray[np.int8]
    scales: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.values)

    def distances(self, query: NDArray[np.float32], rows: Rows | None) -> NDArray[np.float32]:
        values, scales = self.values, self.scales
        if rows is not None:
            values, scales = values[rows], scales[rows]
        found = np.empty(len(values), dtype=np.float32)
        for start in range(0, len(found), ROWS_AT_ONCE // 8):
            some = slice(start, start + ROWS_AT_ONCE // 8)
            found[some] = values[some].astype(np.float32) @ query
        found *= -scales
        return found


def width(kind: Coded, dimensions: int) -> int:
    """Return the bytes of one vector's code."""
    return -(-dimensions // 64) * 8 if kind == "binary" else dimensions + 4


def encode(kind: Coded, vectors: Vectors) -> Packed:
    """Return the codes of vectors, `(n, d) float32`, as `(n, width) uint8`."""
    packed = np.zeros((len(vectors), width(kind, vectors.shape[1])), dtype=np.uint8)
    if kind == "binary":
        signs = np.packbits(vectors > 0, axis=1)
        packed[:, : signs.shape[1]] = signs
    else:
        scales = np.maximum(np.abs(vectors).max(axis=1), np.float32(1e-30)) / np.float32(127)
        packed[:, :-4] = np.rint(vectors / scales[:, None]).astype(np.int8).view(np.uint8)
        packed[:, -4:] = scales[:, None].view(np.uint8)
    return packed


def decoded(kind: Coded, packed: Packed, places: Rows | None = None) -> Codes:
    """Return codes ready to be compared, those at some places of `packed` or all."""
    some = packed if places is None else packed[places]
    if kind == "binary":
        return Binary(np.ascontiguousarray(some.view(np.uint64).T))
    scales = np.ascontiguousarray(some[:, -4:]).view(np.float32)[:, 0]
    return Int8(np.ascontiguousarray(some[:, :-4]).view(np.int8), scales)


def nearest(codes: Codes, query: NDArray[np.float32], wanted: int, allowed: Mask | None) -> Rows:
    """Return the `wanted` allowed rows whose codes are nearest, rising; there must be as many."""
    if allowed is None:
        return smallest(codes.distances(query, None), wanted)
    rows = np.flatnonzero(allowed)
    if 4 * len(rows) > len(codes):  # taking out the codes of many costs more than comparing all
        return rows[smallest(codes.distances(query, None)[rows], wanted)]
    return rows[smallest(codes.distances(query, rows), wanted)]


def smallest(values: NDArray[Any], wanted: int) -> Rows:
    """Return where the `wanted` smallest values stand, rising; of equal ones the first.

    >>> smallest(np.array([3, 1, 2, 2, 2]), 3).tolist()
    [1, 2, 3]
    """
    step = len(values) // 8192
    rows = np.arange(0)
    if step > 1:  # a bound that a sample tells leaves few to sort
        some = values[::step]
        place = min(int(1.5 * wanted * len(some) / len(values)) + 16, len(some) - 1)
        rows = np.flatnonzero(values <= np.partition(some, place)[place])
    if len(rows) < wanted:
        rows = np.arange(len(values))
    values = values[rows]
    least = np.partition(values, wanted - 1)[wanted - 1]
    below = np.flatnonzero(values < least)
    tied = np.flatnonzero(values == least)[: wanted - len(below)]
    found: Rows = rows[np.sort(np.concatenate([below, tied]))]
    return found


def upkeep(
    table: StoredTable, held: Coding | None, *, asked: Coded, rows: int, ctx: Context
) -> Coding:
    """Return how a space is searched, measured anew when much of it, or what is asked, changed."""
    if held and held.asked == asked and held.changed <= TAIL * rows:
        return held
    with ctx.stage("measure codes"):
        return measured(table, asked, rows, ctx)


def measured(table: StoredTable, asked: Coded, rows: int, ctx: Context) -> Coding:
    """Return the codes that find what they must, and among how many candidates.

    Where none do, or float32 is asked for, every vector is compared; a warning says the former.
    """
    for index in table.list_indices():  # the graphs that versions before searched
        table.drop_index(index.name)
    if asked == "float32":
        return Coding(asked, "float32", 0, 1.0, rows)
    kinds: tuple[Coded, ...] = ("binary", "int8") if asked == "auto" else (asked,)
    queries = _sample(table, rows, ctx)
    exact = _exact(table, queries, 10)
    recall = 0.0
    for kind in kinds:
        parts = [encode(kind, batch) for batch in _batches(table)]
        codes = decoded(kind, np.concatenate(parts))
        del parts
        places = np.array([_places(codes, *pair) for pair in zip(queries, exact, strict=True)])
        for times in WIDER:
            candidates = times * int(CANDIDATES + SHARE * rows)
            recall = float((places < candidates).mean())
            if recall >= RECALL:
                return Coding(asked, kind, candidates, recall, rows)
    ctx.warn(
        "measure codes",
        f"{' and '.join(kinds)} codes find {recall:.0%} of the ten nearest passages where "
        f"{RECALL:.0%} is wanted, so search stays exact",
    )
    return Coding(asked, "float32", 0, 1.0, rows)


def _places(codes: Codes, query: NDArray[np.float32], rows: Rows) -> Rows:
    """Return the places of some rows among all, by their codes, equal ones in their order."""
    order = np.argsort(codes.distances(query, None), kind="stable")
    places = np.empty(len(order), dtype=np.int64)
    places[order] = np.arange(len(order))
    found: Rows = places[rows]
    return found


def _sample(table: StoredTable, rows: int, ctx: Context) -> Vectors:
    """Return noisy copies of randomly drawn vectors."""
    draw = ctx.random("ann-recall")
    wanted = sorted(draw.sample(range(rows), min(SAMPLE, rows)))
    picked, start = [], 0
    for batch in _batches(table):
        inside = [row - start for row in wanted if start <= row < start + len(batch)]
        picked.append(batch[inside])
        start += len(batch)
    queries = np.concatenate(picked)
    noise = np.random.default_rng(draw.getrandbits(64)).standard_normal(queries.shape)
    lengths = np.linalg.norm(queries, axis=1, keepdims=True)
    return np.asarray(queries + noise * lengths * NOISE / np.sqrt(queries.shape[1]), np.float32)


def _exact(table: StoredTable, queries: Vectors, limit: int) -> list[Rows]:
    """Return each query's nearest vectors by their rows, by one pass over the table."""
    rows = [np.zeros(0, dtype=np.int64) for _ in queries]
    scores = [np.zeros(0, dtype=np.float32) for _ in queries]
    start = 0
    for batch in _batches(table):
        for i, here in enumerate(queries @ batch.T):
            found, told = best(here, limit)
            merged = np.concatenate([rows[i], found + start])
            places, scores[i] = best(np.concatenate([scores[i], told]), limit)
            rows[i] = merged[places]
        start += len(batch)
    return rows


def _batches(table: StoredTable) -> Iterator[Vectors]:
    for batch in scan(table, ["vector"]):
        yield matrix_of(batch.column("vector"))
