"""Fusion: how much each leg of a hybrid search should count, fitted on training questions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft.core.errors import InputError
from graft.core.example import Example
from graft.examples.searching import Retrieve, searched
from graft.measures.ranking import ranking_scores
from graft.retrieve.fuse import RRF_K
from graft.retrieve.stages.fuse import WEIGHTS
from graft.tune.pool import DECIDES

Leg = Mapping[str, Sequence[tuple[str, float]]]
"""For each question id its ranking, best first: (document or passage id, score)."""

StandsFor = Callable[[str, str], str]
"""For a question and a ranked id, the id that it is judged as."""

STEPS, COARSE = 20, 10
"""The grid's steps: shares of 0, 1/20, ... 1 for two legs, of 0, 1/10, ... 1 for more."""

DEPTH = 100
"""How many of the fused ranks are scored."""


def itself(question: str, id: str) -> str:
    """Return the id: where what is ranked is what is judged."""
    return id


@dataclass(frozen=True)
class Try:
    """One try: the share of each leg (summing to 1) and the mean of the measure."""

    shares: Mapping[str, float]
    mean: float


@dataclass(frozen=True)
class FittedFusion:
    """The fitted weights (the largest is 1) and what they were chosen from.

    `mean` and `equal` are the measure's means on the fitted questions at these weights and at
    equal ones; `legs` holds each leg's own mean; `curve` every point of the grid.
    """

    weights: Mapping[str, float]
    measure: str
    questions: int
    mean: float
    equal: float
    legs: Mapping[str, float]
    curve: tuple[Try, ...]

    def save(self, folder: Path) -> None:
        """Write the weights as a run keeps them."""
        text = json.dumps(dict(self.weights), indent=2, sort_keys=True) + "\n"
        (folder / WEIGHTS).write_text(text, encoding="utf-8")


def fit_fusion(
    legs: Mapping[str, Leg],
    qrels: Mapping[str, Mapping[str, int]],
    *,
    stands_for: StandsFor = itself,
    measure: str = DECIDES,
    k: int = RRF_K,
) -> FittedFusion:
    """Return the weights of a reciprocal rank fusion that serve these training questions best.

    Every split of the weight over a grid is tried, with `k` as it is. Of the points that are not
    worse than the best by more than one standard error of the paired difference, the one nearest
    to equal weights is taken (the one-standard-error rule, Breiman et al. 1984), so that the
    noise of a few questions does not move them; the larger the set, the finer the fit. Rankings
    are of passages, or of documents; `stands_for` says which id of the qrels one of them is judged
    as. A question absent from a leg has no hits there.
    Raises InputError without questions or with fewer than two legs.
    """
    if len(legs) < 2:
        raise InputError(f"a fusion needs two legs or more, and got {len(legs)}: nothing to weigh")
    questions = [id for id, gold in qrels.items() if any(grade > 0 for grade in gold.values())]
    if not questions:
        raise InputError("fusion weights need training questions with gold, and there are none")
    names = list(legs)
    tables = _tables(legs, questions, stands_for, k)
    gold = {id: qrels[id] for id in questions}
    equal = np.full(len(names), 1 / len(names))
    grid = [*_simplex(len(names)), equal]
    values = [_values(tables, shares, gold, measure) for shares in grid]
    means = [float(value.mean()) for value in values]
    chosen = _nearest_to_equal(grid, values)
    shares = grid[chosen]
    alone = [_index(grid, np.eye(len(names))[i]) for i in range(len(names))]
    return FittedFusion(
        weights={n: round(float(s / shares.max()), 4) for n, s in zip(names, shares, strict=True)},
        measure=measure,
        questions=len(questions),
        mean=means[chosen],
        equal=means[-1],
        legs={name: means[i] for name, i in zip(names, alone, strict=True)},
        curve=tuple(
            Try(dict(zip(names, map(float, point), strict=True)), mean)
            for point, mean in zip(grid, means, strict=True)
        ),
    )


def leg_of(retrieve: Retrieve, examples: Sequence[Example]) -> dict[str, list[tuple[str, float]]]:
    """Return a first stage's rankings of the examples' questions by passage ids.

    A search that failed has no hits.
    """
    return {
        example.id: [(hit.passage_id, hit.score) for hit in search.hits]
        for example, search in chain.from_iterable(searched(examples, retrieve))
    }


def fused_mean(
    legs: Mapping[str, Leg], qrels: Mapping[str, Mapping[str, int]], weights: Mapping[str, float],
    *, stands_for: StandsFor = itself, measure: str = DECIDES, k: int = RRF_K,
) -> float:  # fmt: skip
    """Return the mean of a measure over the questions of `qrels`, fused at these weights.

    `stands_for` is as for `fit_fusion`.

    >>> leg = {"q": [("a", 2.0), ("b", 1.0)]}
    >>> fused_mean({"one": leg, "other": leg}, {"q": {"a": 1}}, {"one": 1.0, "other": 1.0})
    1.0
    """
    shares = np.asarray([weights[name] for name in legs], dtype=np.float64)
    tables = _tables(legs, list(qrels), stands_for, k)
    return float(_values(tables, shares, qrels, measure).mean())


def fuse(rankings: Sequence[Sequence[tuple[str, float]]], weights: Sequence[float], *,
         k: int = RRF_K) -> list[tuple[str, float]]:  # fmt: skip
    """Return one ranking: each id scores the sum of weight / (k + rank); ties go by id.

    >>> fuse([[("a", 9.0), ("b", 8.0)], [("b", 0.5)]], [1, 1])[0][0]
    'b'
    """
    ids, shares = _table(rankings, k)
    return _ranking(ids, shares @ np.asarray(weights, dtype=np.float64))


def _table(
    rankings: Sequence[Sequence[tuple[str, float]]], k: int
) -> tuple[list[str], NDArray[np.float64]]:
    """Return the ids in alphabetical order and each leg's 1 / (k + rank), `(ids, legs)`."""
    ids = sorted({id for ranking in rankings for id, _ in ranking})
    row = {id: i for i, id in enumerate(ids)}
    shares = np.zeros((len(ids), len(rankings)))
    for leg, ranking in enumerate(rankings):
        for rank, (id, _) in reversed(list(enumerate(ranking, start=1))):
            shares[row[id], leg] = 1 / (k + rank)
    return ids, shares


def _ranking(ids: Sequence[str], scores: NDArray[np.float64]) -> list[tuple[str, float]]:
    order = np.argsort(-scores, kind="stable")[:DEPTH]
    return [(ids[i], float(scores[i])) for i in order]


@dataclass(frozen=True)
class _Table:
    """A question's ranked ids, what each is judged as, and its legs' shares, `(ids, legs)`."""

    ids: list[str]
    judged: Mapping[str, str]
    shares: NDArray[np.float64]

    def run(self, weights: NDArray[np.float64]) -> list[tuple[str, float]]:
        """Return what is judged, best first; an id may come twice."""
        fused = _ranking(self.ids, self.shares @ weights)
        return [(self.judged[id], -float(rank)) for rank, (id, _) in enumerate(fused)]


def _tables(
    legs: Mapping[str, Leg], questions: Sequence[str], stands_for: StandsFor, k: int
) -> dict[str, _Table]:
    found = {}
    for question in questions:
        ids, shares = _table([leg.get(question, ()) for leg in legs.values()], k)
        found[question] = _Table(ids, {id: stands_for(question, id) for id in ids}, shares)
    return found


def _values(
    tables: Mapping[str, _Table],
    shares: NDArray[np.float64],
    qrels: Mapping[str, Mapping[str, int]],
    measure: str,
) -> NDArray[np.float64]:
    run = {id: table.run(shares) for id, table in tables.items()}
    scores = ranking_scores(qrels, run, [measure])[measure]
    return np.asarray([scores[id] for id in qrels])


def _simplex(legs: int) -> Iterator[NDArray[np.float64]]:
    steps = STEPS if legs == 2 else COARSE
    for counts in product(range(steps + 1), repeat=legs - 1):
        if sum(counts) <= steps:
            yield np.asarray([*counts, steps - sum(counts)]) / steps


def _index(grid: Sequence[NDArray[np.float64]], point: NDArray[np.float64]) -> int:
    return next(i for i, other in enumerate(grid) if np.allclose(point, other))


def _nearest_to_equal(
    grid: Sequence[NDArray[np.float64]], values: Sequence[NDArray[np.float64]]
) -> int:
    equal = 1 / len(grid[0])
    far = [float(np.abs(shares - equal).sum()) for shares in grid]
    best = max(range(len(grid)), key=lambda i: (round(float(values[i].mean()), 12), -far[i]))

    def good(i: int) -> bool:
        worse = values[best] - values[i]
        error = worse.std(ddof=1) / np.sqrt(len(worse)) if len(worse) > 1 else np.inf
        return bool(worse.mean() <= error)

    return min((i for i in range(len(grid)) if good(i)), key=lambda i: (far[i], i))
