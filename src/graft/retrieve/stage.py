"""Stage: what retrieval is made of, the three ways to combine stages, and the tree they make."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from graft.core.context import Context
from graft.core.errors import InputError
from graft.core.search import Search
from graft.retrieve.fuse import RRF_K, fuse_ranks, ordered


class Stage(Protocol):
    """Maps a list of Searches to a list of the same length.

    `a >> b` is b(a(x)). `a + 0.7 * b + c` is one weighted reciprocal rank fusion of all three.
    `r % 10` keeps the first ten. As in arithmetic, * and % bind before + and + before >>:
    `follow_up >> (dense + 0.7 * bm25) % 10 >> fetch`.

    A stage leaves a Search with an `error` as it is, sets `error` where one search fails, and
    raises only for what fails them all. It returns hits best first and adds one line to `trace`.
    It hears a cancel between batches (`ctx.batches`), draws by `ctx.random`, and takes what it
    costs off `ctx.budget`; where too little is left, it passes the searches on as they are and
    says so in their trace. Leaves alone always run: without them there is nothing to pass on.
    """

    name: str

    def __call__(self, searches: Sequence[Search], ctx: Context) -> list[Search]: ...

    @property
    def inside(self) -> tuple[Stage, ...]:
        """The stages that this one is made of; most are made of none."""
        return ()

    def of(self, inside: Sequence[Stage]) -> Stage:
        """Return this stage made of others, one for each of `inside`."""
        return self

    def __rshift__(self, other: Stage) -> Chain:
        """Return the stage that runs this one and then the other."""
        return Chain((*_links(self), *_links(other)))

    def __add__(self, other: Stage | Weighted) -> Fuse:
        """Return the fusion of both; sums of sums become one sum, for to fuse twice differs."""
        return sum_of((self, other))

    def __rmul__(self, weight: float) -> Weighted:
        """Return this stage as a term that counts `weight` in a sum."""
        return Weighted(weight, self)

    def __mod__(self, count: int) -> First:
        """Return the stage that keeps the first `count` hits."""
        return First(self, count)


@dataclass(frozen=True)
class Weighted:
    """`0.7 * stage`: a term of a sum. It is no stage: nothing but a sum reads a weight.

    A sum with a factor stays one term: `2 * (a + b) + c` fuses twice. Raises InputError for a
    weight that is negative or no number.
    """

    weight: float
    stage: Stage

    def __post_init__(self) -> None:
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise InputError(f"the weight {self.weight} was given: it may not be negative")

    def __add__(self, other: Stage | Weighted) -> Fuse:
        return sum_of((self, other))

    def __rmul__(self, weight: float) -> Weighted:
        return Weighted(weight * self.weight, self.stage)

    def __mod__(self, count: int) -> Weighted:
        return Weighted(self.weight, self.stage % count)


@dataclass(frozen=True)
class Chain(Stage):
    """Stages one after the other, each reading what the one before it returned."""

    stages: tuple[Stage, ...]
    name: str = "chain"

    @property
    def inside(self) -> tuple[Stage, ...]:
        return self.stages

    def of(self, inside: Sequence[Stage]) -> Chain:
        return replace(self, stages=tuple(inside))

    def __call__(self, searches: Sequence[Search], ctx: Context) -> list[Search]:
        current = list(searches)
        for stage in self.stages:
            current = run(stage, current, ctx)
        return current


@dataclass(frozen=True)
class Fuse(Stage):
    """Weighted reciprocal rank fusion of stages that all read the same searches, by passage id.

    `weights` empty means 1 for each; a stage of weight 0 is not run. Raises InputError when
    there is not one weight a stage, or one is negative, or all are 0. A search that fails in one
    stage fails.
    """

    stages: tuple[Stage, ...]
    weights: tuple[float, ...] = ()
    k: int = RRF_K
    name: str = "fused"

    def __post_init__(self) -> None:
        if self.weights and len(self.weights) != len(self.stages):
            raise InputError(
                f"{len(self.weights)} fusion weights were given for {len(self.stages)} stages: "
                "give one each"
            )
        if self.weights and (min(self.weights) < 0 or max(self.weights) == 0):
            raise InputError(
                f"fusion weights {self.weights} were given: none may be negative, one must be above"
                " 0"
            )

    @property
    def inside(self) -> tuple[Stage, ...]:
        return self.stages

    def of(self, inside: Sequence[Stage]) -> Fuse:
        return replace(self, stages=tuple(inside))

    @property
    def terms(self) -> tuple[Weighted, ...]:
        """Its stages with the weight of each."""
        weights = self.weights or (1.0,) * len(self.stages)
        return tuple(map(Weighted, weights, self.stages))

    def __call__(self, searches: Sequence[Search], ctx: Context) -> list[Search]:
        used = [(term.stage, term.weight) for term in self.terms if term.weight > 0]
        found = [run(stage, searches, ctx) for stage, _ in used]
        return [
            self._fuse(search, [results[i] for results in found], [weight for _, weight in used])
            for i, search in enumerate(searches)
        ]

    def _fuse(self, search: Search, found: Sequence[Search], weights: Sequence[float]) -> Search:
        if search.error:
            return search
        news = [line for result in found for line in result.trace[len(search.trace) :]]
        failed = next((result for result in found if result.error), None)
        if failed is not None:
            return replace(search, error=failed.error, trace=(*search.trace, *news))
        hits = fuse_ranks([r.hits for r in found], weights, k=self.k, name=self.name)
        line = f"{self.name}: {len(hits)} hits from {len(found)} stages"
        return replace(search, hits=hits, trace=(*search.trace, *news, line))


@dataclass(frozen=True)
class First(Stage):
    """A stage's first `count` hits, after ties are broken by passage id.

    Raises InputError when `count` is below 1.
    """

    stage: Stage
    count: int
    name: str = "first"

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InputError(f"{self.count} hits were asked for: ask for at least 1")

    @property
    def inside(self) -> tuple[Stage, ...]:
        return (self.stage,)

    def of(self, inside: Sequence[Stage]) -> First:
        return replace(self, stage=inside[0])

    def __call__(self, searches: Sequence[Search], ctx: Context) -> list[Search]:
        return [s if s.error else self._cut(s) for s in run(self.stage, searches, ctx)]

    def _cut(self, search: Search) -> Search:
        kept = ordered(search.hits)[: self.count]
        line = f"{self.name}: kept {len(kept)} of {len(search.hits)}"
        return replace(search, hits=kept, trace=(*search.trace, line))


def run(stage: Stage, searches: Sequence[Search], ctx: Context) -> list[Search]:
    """Return what a stage makes of the searches. Raises InputError if it lost or added one."""
    results = stage(searches, ctx)
    if len(results) != len(searches):
        raise InputError(
            f"stage '{stage.name}' returned {len(results)} searches for {len(searches)}: "
            "a stage returns one for each, in their order"
        )
    return results


def walk(tree: Stage) -> Iterator[Stage]:
    """Yield every stage of a tree, each after those inside it.

    >>> from graft.retrieve.notation import parse
    >>> [stage.name for stage in walk(parse("dense % 9 >> rerank"))]
    ['dense', 'first', 'rerank', 'chain']
    """
    for part in tree.inside:
        yield from walk(part)
    yield tree


def mapped(tree: Stage, change: Callable[[Stage], Stage]) -> Stage:
    """Return the tree with every stage changed, each after those inside it."""
    return change(tree.of([mapped(part, change) for part in tree.inside]) if tree.inside else tree)


def sum_of(terms: Sequence[Stage | Weighted]) -> Fuse:
    """Return the fusion of stages, each with its weight; a sum among them gives its own terms."""
    found = [each for term in terms for each in _terms(term)]
    weights = tuple(float(term.weight) for term in found)
    return Fuse(tuple(term.stage for term in found), weights if set(weights) != {1.0} else ())


def _links(stage: Stage) -> tuple[Stage, ...]:
    return stage.stages if isinstance(stage, Chain) else (stage,)


def _terms(term: Stage | Weighted) -> tuple[Weighted, ...]:
    if isinstance(term, Weighted):
        return (term,)
    # A fusion with a constant or a name of its own is no part of another.
    if isinstance(term, Fuse) and (term.k, term.name) == (RRF_K, Fuse.name):
        return term.terms
    return (Weighted(1.0, term),)
