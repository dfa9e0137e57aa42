"""Trained: what comes out of a training, before it is written as a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from graft.core.context import Context
from graft.core.curves import CurvePoint
from graft.core.estimate import Estimate
from graft.core.recipe import Recipe
from graft.core.runs import Artefact, Probe, Run
from graft.tune.writing import run_id, versions


@dataclass(frozen=True)
class Trained:
    """Trained weights in memory, with what their training was like.

    `before` and `after` are measures on dev; `share` is how much of the training is in the
    weights (0: none, since nothing was gained), and `looks` the deciding measure at each share
    tried. `steps` were taken, and `best_step` is the one whose weights these are. `save` writes
    the weights into an empty folder; `gained` says whether dev is better than without them.
    """

    save: Callable[[Path], None]
    before: Mapping[str, float]
    after: Mapping[str, float]
    share: float
    looks: Mapping[float, float]
    steps: int
    best_step: int
    gained: bool
    curves: tuple[CurvePoint, ...]
    counts: Mapping[str, int]
    estimate: Estimate
    seconds: float
    peak_memory: Mapping[str, int]
    machine: Mapping[str, str]
    probe: Probe | None = None

    def to_run(self, recipe: Recipe, ctx: Context) -> Run:
        """Return the run of this training, for `write_run(runs, run, trained.save)`."""
        created = ctx.clock()
        own = {
            "steps": self.steps,
            "best step": self.best_step,
            "share of tuned weights, %": round(100 * self.share),
        }
        return Run(
            id=run_id(recipe, created),
            recipe=recipe,
            created=created,
            seconds=self.seconds,
            trainable_parameters=self.estimate.trainable_parameters,
            peak_memory=self.peak_memory,
            before=self.before,
            after=self.after,
            role=recipe.objective,
            artefacts=(Artefact(recipe.part, probe=self.probe),),
            curves=self.curves,
            counts={**self.counts, **own},
            estimate=self.estimate,
            versions={**versions(), **self.machine},
        )
