"""Stage: what retrieval is made of, and the three ways to combine stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from graft.core.errors import InputError
from graft.core.search import Search
from graft.retrieve.fuse import RRF_K, fuse_ranks, ordered


class Stage(Protocol):
    """Maps a list of Searches to a list of the same length.

    `a >> b` is b(a(x)). `a + b + c` is one reciprocal rank fusion of all three. `r % 10` keeps
    the first ten. As in arithmetic, % binds before + and + before >>:
    `follow_up >> (dense + bm25) % 10 >> fetch`.

    A stage leaves a Search with an `error` as it is, sets `error` where one search fails, and
    raises only for what fails them all. It returns hits best first and adds one line to `trace`.
    """

    name: str

    def __call__(self, searches: Sequence[Search]) -> list[Search]: ...

    def __rshift__(self, other: Stage) -> Chain:
        """Return the stage that runs this one and then the other."""
        return Chain((*_links(self), *_links(other)))

    def __add__(self, other: Stage) -> Fuse:
        """Return the fusion of both; sums of sums become one sum, for to fuse twice differs."""
        return Fuse((*_terms(self), *_terms(other)))

    def __mod__(self, count: int) -> First:
        """Return the stage that keeps the first `count` hits."""
        return First(self, count)


@dataclass(frozen=True)
class Chain(Stage):
    """Stages one after the other, each reading what the one before it returned."""

    stages: tuple[Stage, ...]
    name: str = "chain"

    def __call__(self, searches: Sequence[Search]) -> list[Search]:
        current = list(searches)
        for stage in self.stages:
            current = run(stage, current)
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
    def plain(self) -> bool:
        """Whether it is what + makes, and so may become part of a longer sum."""
        return self == Fuse(self.stages)

    def __call__(self, searches: Sequence[Search]) -> list[Search]:
        weights = self.weights or (1.0,) * len(self.stages)
        used = [(s, w) for s, w in zip(self.stages, weights, strict=True) if w > 0]
        found = [run(stage, searches) for stage, _ in used]
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

    def __call__(self, searches: Sequence[Search]) -> list[Search]:
        return [s if s.error else self._cut(s) for s in run(self.stage, searches)]

    def _cut(self, search: Search) -> Search:
        kept = ordered(search.hits)[: self.count]
        line = f"{self.name}: kept {len(kept)} of {len(search.hits)}"
        return replace(search, hits=kept, trace=(*search.trace, line))


def run(stage: Stage, searches: Sequence[Search]) -> list[Search]:
    """Return what a stage makes of the searches. Raises InputError if it lost or added one."""
    results = stage(searches)
    if len(results) != len(searches):
        raise InputError(
            f"stage '{stage.name}' returned {len(results)} searches for {len(searches)}: "
            "a stage returns one for each, in their order"
        )
    return results


def _links(stage: Stage) -> tuple[Stage, ...]:
    return stage.stages if isinstance(stage, Chain) else (stage,)


def _terms(stage: Stage) -> tuple[Stage, ...]:
    return stage.stages if isinstance(stage, Fuse) and stage.plain else (stage,)
