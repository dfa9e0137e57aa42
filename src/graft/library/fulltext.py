"""Full text: BM25 over postings that live in the passages' own rows, of terms by `analyse`.

Why not LanceDB's full-text index stands in docs/decisions/0002-full-text.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graft.library.analyse import COUNT_BITS, MOST, term_hash
from graft.library.ranking import Best, best

K1 = 1.5
B = 0.75
"""The constants of BM25 (Robertson et al., TREC-3), as bm25s sets them."""

KEPT_FROM = 1000
"""Passages that hold a term from which what it weighs is kept: fewer are weighed at once."""

SAMPLE = 1 << 14
"""Scores among which a bound is looked for."""

ROUNDING = 1e-6
"""More than rounding a sum to float32 changes it, relative to it."""

Weighed = tuple[NDArray[np.int32], NDArray[np.float32]]
"""The passages that hold a term, and what it weighs in each."""


@dataclass(frozen=True, eq=False)
class Weighing:
    """What BM25 weighs by when only some passages count, as if there were no others.

    `norm` is what length adds to a count in each passage, `(n,) float32`. What the frequent ones
    of the terms asked for last weigh is kept, up to two postings a passage: 16 bytes.
    """

    seen: NDArray[np.bool_]
    size: int
    norm: NDArray[np.float32]
    kept: dict[int, Weighed] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def weighed(self, term: int, make: Callable[[], Weighed]) -> Weighed:
        """Return what a term weighs, made when it is not kept."""
        found = self.kept.get(term) or make()
        if len(found[0]) >= KEPT_FROM:
            with self.lock:
                self.kept.pop(term, None)
                self.kept[term] = found
                held = sum(len(passages) for passages, _ in self.kept.values())
                while held > 2 * len(self.norm):
                    held -= len(self.kept.pop(next(iter(self.kept)))[0])
        return found


@dataclass(frozen=True)
class FullText:
    """The inverted index of one segmentation: `(passage, weight)` lists by term.

    The weight of a term in a passage is its whole BM25 contribution, in Lucene's form: never
    negative. `terms` are sorted; the list of term i is `passages[starts[i]:starts[i + 1]]`.
    `counts` are the terms' counts behind the weights, and `lengths` those of the passages.
    """

    shift: int
    terms: NDArray[np.uint64]
    starts: NDArray[np.int64]
    passages: NDArray[np.int32]
    weights: NDArray[np.float32]
    counts: NDArray[np.uint8]
    lengths: NDArray[np.float32]

    def weighing(self, seen: NDArray[np.bool_]) -> Weighing:
        """Return what passages weigh for somebody who may see only these."""
        return Weighing(seen, int(seen.sum()), _norm(self.lengths, self.lengths[seen]))

    def search(
        self,
        query: Counter[str],
        limit: int,
        allowed: NDArray[np.bool_] | None,
        weighing: Weighing | None = None,
    ) -> Best:
        """Return the best allowed passages for a query's terms: rows and scores.

        A term that stands twice in the query counts twice. Passages without any term are left out.
        With a `weighing`, frequencies and mean length are those of the passages that it counts.
        """
        rows, weights = [], []
        for term, count in query.items():
            if (place := self._place(term)) is not None:
                holders, weighed = self._weighed(place, weighing)
                rows.append(holders)
                weights.append(weighed * np.float32(count))
        if not rows:
            return best(np.zeros(0, dtype=np.float32), limit)
        held = np.concatenate(rows)
        scores = np.asarray(
            np.bincount(held, np.concatenate(weights), len(self.lengths)), dtype=np.float64
        )
        if allowed is not None:
            scores[~allowed] = 0
        found = _promising(scores, limit)
        return best(scores[found].astype(np.float32), limit, found)

    def holders(self, terms: Collection[str]) -> NDArray[np.int32]:
        """Return the rows of the passages that hold every one of some terms."""
        lists = []
        for term in terms:
            if (place := self._place(term)) is None:
                return np.zeros(0, dtype=np.int32)
            lists.append(self.passages[self.starts[place] : self.starts[place + 1]])
        lists.sort(key=len)
        found = lists[0]
        for more in lists[1:]:
            found = found[np.isin(found, more)]
        return found

    def _place(self, term: str) -> int | None:
        key = np.uint64(term_hash(term) >> self.shift)
        place = int(np.searchsorted(self.terms, key))
        return place if place < len(self.terms) and self.terms[place] == key else None

    def _weighed(self, term: int, weighing: Weighing | None) -> Weighed:
        span = slice(self.starts[term], self.starts[term + 1])
        if weighing is None:
            return self.passages[span], self.weights[span]
        return weighing.weighed(term, lambda: self._weigh_anew(span, weighing))

    def _weigh_anew(self, span: slice, weighing: Weighing) -> Weighed:
        holders = self.passages[span]
        seen = np.flatnonzero(weighing.seen.take(holders))
        holders, counts = holders.take(seen), self.counts[span].take(seen).astype(np.float32)
        counts /= counts + weighing.norm.take(holders)
        counts *= _rarity(weighing.size, np.asarray(len(holders)))
        return holders, counts


def invert(size: int, lists: Iterator[tuple[NDArray[np.int64], pa.RecordBatch]]) -> FullText:
    """Build the index from batches with `postings` and `length`, each with its passages' rows.

    `size` is how many passages there are. One sort of 64-bit keys, each a term's hash, a row and
    a count, does it: 100,000 passages of 70 terms take about a second.
    """
    lengths = np.zeros(size, dtype=np.float32)
    return _weigh(_sorted_keys(lists, lengths), lengths, shift_of(size))


def regrow(
    old: FullText,
    places: NDArray[np.int64],
    size: int,
    lists: Iterator[tuple[NDArray[np.int64], pa.RecordBatch]],
) -> FullText:
    """Return the index that `invert` would build of what is left of another, and of new passages.

    `places` says which passage each of the old ones is now, -1 for none; those that are left
    stand in the same order. Both have the same `shift_of` their size. Nothing is sorted anew: the
    old lists stay in order, and the new ones are merged in.
    """
    lengths = np.zeros(size, dtype=np.float32)
    left = places >= 0
    lengths[places[left]] = old.lengths[left]
    rows = places.astype(np.int32)[old.passages]
    keys = np.repeat(old.terms << np.uint64(old.shift), np.diff(old.starts))
    keys |= old.counts
    if not left.all():
        held = rows >= 0
        rows, keys = rows[held], keys[held]
    keys |= rows.astype(np.uint64) << np.uint64(COUNT_BITS)
    keys = np.concatenate([keys, _sorted_keys(lists, lengths)])
    keys.sort(kind="stable")  # of two sorted runs it only merges them
    return _weigh(keys, lengths, old.shift)


def shift_of(size: int) -> int:
    """Return how many bits of a key say which of so many passages, and how often."""
    return max(size - 1, 1).bit_length() + COUNT_BITS


def _sorted_keys(
    lists: Iterator[tuple[NDArray[np.int64], pa.RecordBatch]], lengths: NDArray[np.float32]
) -> NDArray[np.uint64]:
    """Return a key for each posting, and put the passages' lengths where they belong."""
    shift = shift_of(len(lengths))
    keys = [np.zeros(0, dtype=np.uint64)]
    for rows, batch in lists:
        lengths[rows] = batch.column("length").to_numpy()
        column = batch.column("postings")
        packed = column.flatten().to_numpy().astype(np.uint64)
        owner = rows[pc.list_parent_indices(column).to_numpy()].astype(np.uint64)
        count = packed & np.uint64(MOST)
        packed >>= np.uint64(shift)
        packed <<= np.uint64(shift)
        keys.append(packed | (owner << np.uint64(COUNT_BITS)) | count)
    merged = np.concatenate(keys)
    merged.sort()
    return merged


def _weigh(keys: NDArray[np.uint64], lengths: NDArray[np.float32], shift: int) -> FullText:
    counts = (keys & np.uint64(MOST)).astype(np.uint8)
    mask = np.uint64((1 << (shift - COUNT_BITS)) - 1)
    passages = ((keys >> np.uint64(COUNT_BITS)) & mask).astype(np.int32)
    keys >>= np.uint64(shift)
    new = np.ones(len(keys), dtype=bool)
    new[1:] = keys[1:] != keys[:-1]
    first = np.flatnonzero(new)
    starts = np.append(np.asarray(first, dtype=np.int64), len(keys))
    frequency = np.diff(starts)
    weights = counts.astype(np.float32)
    weights /= weights + _norm(lengths, lengths)[passages]
    weights *= np.repeat(_rarity(len(lengths), frequency), frequency)
    return FullText(shift, keys[starts[:-1]], starts, passages, weights, counts, lengths)


def _promising(scores: NDArray[np.float64], limit: int) -> NDArray[np.int64]:
    """Return the rows that hold the `limit` best scores above 0 and those that round to them.

    Where many rows have a score, a sample of them tells a bound that leaves few to sort.
    """
    step = len(scores) // SAMPLE
    if step > 1 and limit > 0:
        some = scores[::step]
        place = min(2 * (limit // step) + 16, len(some))
        bound = float(np.partition(some, len(some) - place)[len(some) - place])
        if bound > 0:
            found = np.flatnonzero(scores >= bound * (1 - ROUNDING))
            if np.count_nonzero(scores[found] >= bound) >= limit:
                return found
    return np.flatnonzero(scores)


def _rarity(size: int, frequency: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return what terms weigh that stand in so many of `size` passages."""
    return np.log1p((size - frequency + 0.5) / (frequency + 0.5)).astype(np.float32)


def _norm(lengths: NDArray[np.float32], counted: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what each length adds to a count, relative to the mean of those that count."""
    mean = max(float(counted.mean()) if len(counted) else 0.0, 1e-9)
    return (K1 * (1 - B + B * lengths / mean)).astype(np.float32)
