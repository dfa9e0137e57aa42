"""Contracts: what every implementation of a protocol must do, to be run by whoever writes one.

@pytest.mark.parametrize("check", INDEX_CONTRACT)
def test_my_index(check, tmp_path):
    check(MyIndex(IndexPlace("test", tmp_path, DIMENSIONS)))
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graft.core.protocols import Index, Vectors

DIMENSIONS = 8
"""Of the vectors that an index is checked with."""

IDS = [f"p{number:02}" for number in range(20)]
TEXTS = [f"word{number} of the whole" for number in range(20)]


def _vectors(seed: int = 0) -> Vectors:
    return np.random.default_rng(seed).standard_normal((20, DIMENSIONS)).astype(np.float32)


def an_empty_index_finds_nothing(index: Index) -> None:
    assert index.count() == index.count(IDS) == 0
    assert index.nearest(_vectors()[:2], 5) == [[], []]
    assert index.match(["word1"], 5) == [[]]
    assert index.health() == ""
    index.delete(["not there"])


def it_finds_what_is_nearest_best_first(index: Index) -> None:
    vectors, queries = _vectors(), _vectors(1)[:5]
    index.put(IDS[:12], vectors[:12], TEXTS[:12])
    index.put(IDS[12:], vectors[12:], TEXTS[12:])
    assert index.count() == 20 and index.count(["p03", "p19", "other"]) == 2
    for found, products in zip(index.nearest(queries, 7), queries @ vectors.T, strict=True):
        assert [id for id, _ in found] == [IDS[i] for i in np.argsort(-products)[:7]]
        if "exact" in index.capabilities:
            wanted = np.sort(products)[::-1][:7]
            assert np.allclose([score for _, score in found], wanted, atol=1e-4)
    assert [len(found) for found in index.nearest(queries, 99)] == [20] * 5
    assert index.nearest(queries[:0], 5) == []


def what_is_put_again_replaces(index: Index) -> None:
    index.put(IDS, _vectors(), TEXTS)
    changed = _vectors(2)
    index.put(IDS[:5], changed[:5], TEXTS[:5])
    assert index.count() == 20
    ((best, _),) = index.nearest(100 * changed[3:4], 1)[0]
    assert best == IDS[3]


def what_is_deleted_is_gone(index: Index) -> None:
    index.put(IDS, _vectors(), TEXTS)
    index.delete([*IDS[:10], "not there"])
    assert index.count() == 10 and index.count(IDS[:10]) == 0
    assert {id for id, _ in index.nearest(_vectors()[:1], 20)[0]} == set(IDS[10:])
    index.put(IDS[:1], _vectors()[:1], TEXTS[:1])
    assert index.count() == 11


def it_matches_words_if_it_says_so(index: Index) -> None:
    index.put(IDS, _vectors(), TEXTS)
    found = index.match(["word7", "whole"], 5)
    if "match" in index.capabilities:
        assert found[0][0][0] == IDS[7] and len(found[1]) == 5
    assert index.capabilities <= {"nearest", "match", "exact"}


INDEX_CONTRACT: tuple[Callable[[Index], None], ...] = (
    an_empty_index_finds_nothing,
    it_finds_what_is_nearest_best_first,
    what_is_put_again_replaces,
    what_is_deleted_is_gone,
    it_matches_words_if_it_says_so,
)
"""Each takes an empty index of `DIMENSIONS`, and raises AssertionError."""
