"""Tuned: what comes out of tuning a retriever or reranker, before it is written as a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from graft.core.context import Context
from graft.core.recipe import Recipe
from graft.tune.cost import Estimate
from graft.tune.curves import Point
from graft.tune.run import Run, run_id, versions


@dataclass(frozen=True)
class Tuned:
    """Trained weights in memory, with what their training was like.

    `before` and `after` are measures on dev; `share` is how much of the tuning is in the weights
    (0: none, since nothing was gained), and `looks` the deciding measure at each share tried.
    `save` writes the weights into an empty folder, in sentence-transformers format.
    """

    save: Callable[[Path], None]
    before: Mapping[str, float]
    after: Mapping[str, float]
    share: float
    looks: Mapping[float, float]
    curves: tuple[Point, ...]
    counts: Mapping[str, int]
    estimate: Estimate
    seconds: float
    peak_memory: Mapping[str, int]
    machine: Mapping[str, str] = field(default_factory=dict)

    @property
    def gained(self) -> bool:
        """Whether dev gained anything."""
        return self.share > 0

    def to_run(self, recipe: Recipe, ctx: Context) -> Run:
        """Return the run of this training, for `write_run(runs, run, tuned.save)`."""
        created = ctx.clock()
        return Run(
            id=run_id(recipe, created),
            recipe=recipe,
            created=created,
            seconds=self.seconds,
            trainable_parameters=self.estimate.trainable_parameters,
            peak_memory=self.peak_memory,
            before=self.before,
            after=self.after,
            curves=self.curves,
            counts={**self.counts, "share of tuned weights, %": round(100 * self.share)},
            estimate=self.estimate,
            versions={**versions(), **self.machine},
        )
