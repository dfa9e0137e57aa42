"""Reciprocal rank fusion: several rankings of passages become one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from graft.core.search import Contribution, Hit

RRF_K = 60
"""The constant of Cormack, Clarke and Büttcher, SIGIR 2009: it damps the lead of the first rank."""


def ordered(hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Return the hits best first; equal scores are ordered by passage id.

    >>> [hit.passage_id for hit in ordered([Hit("b", "d", 1.0), Hit("a", "d", 1.0)])]
    ['a', 'b']
    """
    return tuple(sorted(hits, key=lambda hit: (-hit.score, hit.passage_id)))


def fuse_ranks(
    rankings: Sequence[Sequence[Hit]], weights: Sequence[float], *, k: int = RRF_K, name: str = ""
) -> tuple[Hit, ...]:
    """Return one ranking by reciprocal rank fusion: each hit scores the sum of weight / (k + rank).

    Only the order of each ranking counts. A passage listed twice in one ranking counts at its
    better rank. Under `name`, if given, every hit's `stages` says its rank and score here.

    >>> both = fuse_ranks([[Hit("a", "d", 9.0)], [Hit("b", "d", 0.2), Hit("a", "d", 0.1)]], [1, 1])
    >>> [(hit.passage_id, round(hit.score, 4)) for hit in both]
    [('a', 0.0325), ('b', 0.0164)]
    """
    shares: dict[str, list[float]] = {}
    merged: dict[str, Hit] = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        best: dict[str, tuple[int, Hit]] = {}
        for rank, hit in enumerate(ranking, start=1):
            best.setdefault(hit.passage_id, (rank, hit))
        for id, (rank, hit) in best.items():
            shares.setdefault(id, []).append(weight / (k + rank))
            merged[id] = _merge(merged[id], hit) if id in merged else hit
    # fsum rounds once, so that the order of the rankings cannot change a score.
    hits = ordered([_as(hit, math.fsum(shares[id]), hit.stages) for id, hit in merged.items()])
    return contribute(hits, name) if name else hits


def contribute(hits: Sequence[Hit], name: str) -> tuple[Hit, ...]:
    """Return the hits with their present rank and score noted under a stage's name."""
    return tuple(
        _as(hit, hit.score, {**hit.stages, name: Contribution(rank, hit.score)})
        for rank, hit in enumerate(hits, start=1)
    )


def _as(hit: Hit, score: float, stages: Mapping[str, Contribution]) -> Hit:
    # A quarter of the time of `replace`, and a search makes six hundred.
    return Hit(hit.passage_id, hit.document_id, score, stages, hit.passage)


def _merge(one: Hit, other: Hit) -> Hit:
    stages = _better(one.stages, other.stages)
    return replace(one, stages=stages, passage=one.passage or other.passage)


def _better(
    one: Mapping[str, Contribution], other: Mapping[str, Contribution]
) -> Mapping[str, Contribution]:
    """Join what stages gave a hit; of two stages with one name, the better rank is shown."""
    joined = dict(one)
    for name, given in other.items():
        held = joined.get(name)
        if held is None or (given.rank, -given.score) < (held.rank, -held.score):
            joined[name] = given
    return joined
