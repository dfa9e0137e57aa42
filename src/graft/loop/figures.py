"""Figures: what a report tells of runs, their losses and what they cost."""

from __future__ import annotations

from collections.abc import Sequence

from graft.core.files import RUNS
from graft.core.runs import Run
from graft.evaluate.about import Cost, LossCurve


def curves_of(runs: Sequence[Run]) -> tuple[LossCurve, ...]:
    """Return the loss curves of runs."""
    return tuple(
        LossCurve(
            f"{run.part}, {run.recipe.objective}",
            tuple((p.step, p.train_loss) for p in run.curves if p.train_loss is not None),
            tuple((p.step, p.dev_loss) for p in run.curves if p.dev_loss is not None),
        )
        for run in runs
        if run.curves
    )


def costs_of(runs: Sequence[Run]) -> tuple[Cost, ...]:
    """Return what runs cost."""
    return tuple(
        Cost(
            f"tune {run.part} ({run.recipe.objective})",
            run.seconds,
            max(run.peak_memory.values(), default=0),
            RUNS + run.id,
        )
        for run in runs
    )
