"""Similarity of texts by the word shingles they share: Jaccard, and MinHash for many texts."""

from __future__ import annotations

import math
import re
import unicodedata
import zlib
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.core.hashing import text_hash

SHINGLE = 3
"""Words in a shingle: texts are compared by the runs of words that they hold."""
PERMUTATIONS = 128
"""Values in a MinHash signature: what bands are cut from."""
SKETCH = 256
"""Smallest shingle hashes kept of a text: what similarity is told by."""

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(f"[{_IDEOGRAPHS}]|[^\\W{_IDEOGRAPHS}]+")
_RANDOM = np.random.Generator(np.random.PCG64(20))
_MULTIPLIERS = _RANDOM.integers(1, 2**63, PERMUTATIONS, dtype=np.uint64) * np.uint64(2) + np.uint64(
    1
)
_OFFSETS = _RANDOM.integers(0, 2**63, PERMUTATIONS, dtype=np.uint64)
_BLOCK = 512

Hashes = NDArray[np.uint64]
Places = NDArray[np.intp]


def normalize_text(text: str) -> str:
    """Return a text in one Unicode form (NFKC), without case, its spaces collapsed.

    >>> normalize_text(" Ａ  Leave\\nday ")
    'a leave day'
    """
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return " ".join(plain.casefold().split())


def plain_words(text: str) -> list[str]:
    """Return the words of a text without case and punctuation; an ideograph or kana is a word.

    >>> plain_words("Don't panic: 日本")
    ['don', 't', 'panic', '日', '本']
    """
    return _WORD.findall(normalize_text(text))


def shingles(text: str) -> set[tuple[str, ...]]:
    """Return every run of three words of a text; a shorter text is one shingle.

    >>> sorted(shingles("a rose is a rose"))
    [('a', 'rose', 'is'), ('is', 'a', 'rose'), ('rose', 'is', 'a')]
    """
    found = plain_words(text)
    width = min(SHINGLE, len(found))
    return {tuple(found[i : i + width]) for i in range(len(found) - width + 1)} if found else set()


def jaccard(left: Set[Any], right: Set[Any]) -> float:
    """Return the share of what two sets hold together that both hold; 1 for two empty ones.

    >>> jaccard({1, 2, 3}, {2, 3, 4})
    0.5
    """
    shared = len(left & right)
    union = len(left) + len(right) - shared
    return shared / union if union else 1.0


@dataclass(frozen=True)
class Signature:
    """What is kept of one text, 2.5 KiB at most.

    `plain` is the hash of the text without case and spacing, "" for one of nothing else; `minima`,
    `(128,) uint32`, is its MinHash, and `sketch`, `(256 at most,) uint64`, its smallest shingle
    hashes, ascending.
    """

    plain: str
    minima: NDArray[np.uint32]
    sketch: Hashes


def signature(text: str) -> Signature:
    """Return a text's signature; one without words is similar to none."""
    plain = normalize_text(text)
    hashes = shingle_hashes(plain_words(plain))
    return Signature(text_hash(plain) if plain else "", _minima(hashes), hashes[:SKETCH].copy())


class Signatures:
    """Small fingerprints of texts, between which Jaccard similarity can be told.

    Each text leaves at most 2.5 KiB whatever its length: a MinHash signature of 128 values
    (Broder 1997), cut into bands that find candidates, and its 256 smallest shingle hashes (a
    bottom-k sketch, Cohen and Kaplan 2007). `similarity` is exact between texts of fewer than 256
    different shingles; beyond, its standard error is at most .031 (.019 at .9).
    """

    def __init__(self) -> None:
        self._minima = np.empty((64, PERMUTATIONS), dtype=np.uint32)
        self._sketches: list[Hashes] = []

    def __len__(self) -> int:
        return len(self._sketches)

    def add(self, one: Signature) -> None:
        """Take in the next text's signature."""
        if len(self) == len(self._minima):
            self._minima = np.concatenate([self._minima, np.empty_like(self._minima)])
        self._minima[len(self)] = one.minima
        self._sketches.append(one.sketch)

    def similarity(self, left: int, right: int) -> float:
        """Return the Jaccard similarity of two texts, by their places in the order of `add`."""
        one, two = self._sketches[left], self._sketches[right]
        if not len(one) or not len(two):
            return 0.0
        both = np.sort(np.concatenate([one, two]))
        first = np.ones(len(both), dtype=bool)
        np.not_equal(both[1:], both[:-1], out=first[1:])
        distinct = np.flatnonzero(first)
        whole = max(len(one), len(two)) < SKETCH
        known = len(distinct) if whole else min(len(distinct), SKETCH)
        end = int(distinct[known - 1])
        twice = ~first[1 : end + 2]
        return float(np.count_nonzero(twice)) / known

    def may_reach(
        self, threshold: float, lefts: Sequence[int] | Places, rights: int | Places
    ) -> NDArray[np.bool_]:
        """Return for each pair of places whether its similarity may be `threshold` or more.

        A fast first look at the signatures: three standard errors below still count, so that it
        misses at most one pair in 700 at the threshold, and ever fewer above it.
        """
        return may_reach(self._minima[lefts], self._minima[rights], threshold)

    def buckets(self, threshold: float) -> Iterator[Places]:
        """Yield groups of places whose signatures agree in one band, smallest places first.

        Two texts of similarity `threshold` or more share a group with a chance of at least .999.
        """
        filled = np.flatnonzero([len(sketch) > 0 for sketch in self._sketches])
        if len(filled) < 2:
            return
        rows = band_rows(threshold)
        for start in range(0, PERMUTATIONS - rows + 1, rows):
            keys = np.zeros(len(filled), dtype=np.uint64)
            for column in range(start, start + rows):
                keys = _mix(keys ^ self._minima[filled, column])
            _, group = np.unique(keys, return_inverse=True)
            order = np.argsort(group, kind="stable")
            ends = np.cumsum(np.bincount(group))
            starts = np.concatenate([[0], ends[:-1]])
            for i in np.flatnonzero(ends - starts > 1):
                yield filled[order[starts[i] : ends[i]]]


def may_reach(
    lefts: NDArray[np.uint32], rights: NDArray[np.uint32], threshold: float
) -> NDArray[np.bool_]:
    """Return for each pair of MinHash signatures whether its similarity may be `threshold`."""
    share = (lefts == rights).mean(axis=1)
    slack = 3 * math.sqrt(threshold * (1 - threshold) / PERMUTATIONS)
    return np.asarray(share >= threshold - slack)


def band_rows(threshold: float) -> int:
    """Return how many values a band may have to miss one pair in a thousand at `threshold`.

    >>> band_rows(0.9), band_rows(0.5)
    (8, 2)
    """
    fits = 1
    for rows in range(1, PERMUTATIONS + 1):
        bands = PERMUTATIONS // rows
        if (1 - min(threshold, 1.0) ** rows) ** bands <= 1e-3:
            fits = rows
        else:
            break
    return fits


def shingle_hashes(found: list[str]) -> Hashes:
    """Return the distinct 64-bit hashes of a text's shingles, ascending."""
    if not found:
        return np.empty(0, dtype=np.uint64)
    # crc32 is the same in every process, unlike hash(); a pair of words collides once in 4e9
    coded = "\0".join(found).encode("utf-8", "surrogatepass").split(b"\0")
    codes = np.fromiter(map(zlib.crc32, coded), np.uint64, len(coded))
    width = min(SHINGLE, len(codes))
    total = np.full(len(codes) - width + 1, width, dtype=np.uint64)
    for i in range(width):
        total = _mix(total ^ codes[i : len(codes) - width + 1 + i])
    return np.unique(total)


def _mix(values: Hashes) -> Hashes:
    """Spread the bits of each value (splitmix64's finaliser, Steele et al. 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _minima(hashes: Hashes) -> NDArray[np.uint32]:
    """Return the smallest value of each multiply-shift hash function over a set."""
    best = np.full(PERMUTATIONS, np.iinfo(np.uint32).max, dtype=np.uint32)
    for start in range(0, len(hashes), _BLOCK):
        block = hashes[start : start + _BLOCK, None]
        values = ((block * _MULTIPLIERS + _OFFSETS) >> np.uint64(32)).astype(np.uint32)
        np.minimum(best, values.min(axis=0), out=best)
    return best
