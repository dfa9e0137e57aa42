"""Trainer: one training, whatever the part and the objective: cost told, fitted, judged, kept."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from graft.core.context import Context
from graft.core.errors import InputError
from graft.core.estimate import Estimate
from graft.core.recipe import Recipe
from graft.core.runs import Probe
from graft.models.adapter import Attached
from graft.tune.accumulate import Chunk, accumulate
from graft.tune.blend import blend, mixed, mixing
from graft.tune.checkpoint import Checkpoint
from graft.tune.cost import CostTrial, measure_cost, peak_memory
from graft.tune.fit import Fit, Look, Work, fit, looks_of
from graft.tune.memory import available_memory, kept_for_backward, peak_of
from graft.tune.objective import OBJECTIVES, Objective, Session, TrainStep
from graft.tune.trained import Trained

ByObjective = Mapping[str, Any]
"""What each objective learns from, or looks at, by the objective's name."""


@dataclass(frozen=True)
class Trainee:
    """A model under training: `attached` moves, `model` is what the objective is told.

    `shares` are those of the trained weights in a mixture with the first ones that are tried;
    `base` holds these where they are a whole module's, and what is attached is then merged.
    `spares` says that activations may be computed twice.
    `keep` is called once the weights to be kept are in place, and returns what saves them.
    """

    model: Any
    module: nn.Module
    attached: Attached
    device: torch.device
    keep: Callable[[], Callable[[Path], None]]
    probe: Callable[[], Probe | None]
    shares: Sequence[float] = ()
    base: Mapping[str, Tensor] | None = None
    spares: bool = False


def train(
    trainee: Trainee, sessions: Mapping[str, Session], recipe: Recipe, *, ctx: Context,
    checkpoint: Checkpoint | None = None,
) -> Trained:  # fmt: skip
    """Train what is attached and return it, `sessions` being those of `objectives_of(recipe)`.

    What it will cost is measured first and told as a note. Dev stops it early and picks the
    weights: the best look's, those it began with counted, or a mixture of both. The same sessions,
    recipe and machine give the same weights, also where a training that was killed is gone on
    with from its `checkpoint`. Raises ModelError when the loss is no number, Cancelled between
    chunks of a step.
    """
    name, main = f"tune {recipe.part}", sessions[recipe.objective]
    objective, attached = objectives_of(recipe)[0], trainee.attached
    measure = objective.measure
    parameters = list(attached.parameters.values())
    estimate = _estimate(trainee, sessions, recipe, ctx)
    ctx.note(name, estimate.sentence(), seconds=estimate.seconds, bytes=estimate.bytes)
    began = [parameter.detach().clone() for parameter in parameters]
    look = partial(_look, sessions, recipe, ctx)
    work = Work(
        parameters=attached.parameters,
        epoch=partial(_epoch, sessions, recipe),
        step=partial(_step, sessions, recipe, ctx),
        look=look,
        measure=measure,
    )
    with peak_memory(interval=0.1) as memory:
        fitted = fit(work, recipe.schedule, ctx, name=name, seed=recipe.seed, checkpoint=checkpoint)
        share, after, tried = _judge(trainee, fitted, began, look, measure)
    start = main.start or fitted.before
    gained = after[measure] > start[measure] or (share > 0 and main.start is None)
    told = f"{measure} on dev {start[measure]:.3f} before, {after[measure]:.3f} after"
    if gained:
        ctx.note(name, told, share=share)
    else:
        ctx.warn(name, f"dev never improved, so nothing is gained: {told}", share=share)
    save, probe = trainee.keep(), trainee.probe()
    if share and probe and not probe.tells:
        ctx.note(
            name,
            f"what was trained moves the probe by {probe.moved:.3f} and rounding by up to "
            f"{probe.tolerance:.3f}, so that at a load only a change of the files would be found",
        )
    return Trained(
        save=save,
        before={key: start[key] for key in objective.told or start},
        after={key: after[key] for key in objective.told or after},
        share=share,
        looks=tried,
        steps=fitted.steps,
        best_step=fitted.best_step if share else 0,
        gained=gained,
        curves=tuple(fitted.curves),
        counts={k: v for session in sessions.values() for k, v in session.counts.items()},
        estimate=estimate,
        seconds=fitted.seconds,
        peak_memory={"host": memory.bytes, "device": peak_of(trainee.device)},
        machine={
            "device": str(trainee.device),
            "dtype": str(next(trainee.module.parameters()).dtype).removeprefix("torch."),
            "threads": str(torch.get_num_threads()),
        },
        probe=probe,
    )


def sessions_of(
    model: Any, items: ByObjective, dev: ByObjective, recipe: Recipe
) -> dict[str, Session]:
    """Put the recipe's objectives to work on a model. Raises InputError for one of another part."""
    found = {}
    for objective in objectives_of(recipe):
        if objective.part != recipe.part:
            raise InputError(
                f"the objective {objective.name!r} trains a {objective.part}, and the recipe is "
                f"for a {recipe.part}: name one of its own"
            )
        name = objective.name
        found[name] = objective.session(model, items[name], dev[name], recipe)
    return found


def objectives_of(recipe: Recipe) -> list[Objective]:
    """Return the recipe's objectives, the main one first. Raises ConfigError for unknown ones."""
    return [OBJECTIVES.named(name) for name in (recipe.objective, *recipe.mixed)]


def _epoch(sessions: Mapping[str, Session], recipe: Recipe, rng: random.Random) -> list[Any]:
    """Draw a pass over the main objective's items, each of its steps with one of every other's."""
    main = sessions[recipe.objective].epoch(rng)
    drawn: list[dict[str, TrainStep]] = [{recipe.objective: step} for step in main]
    for name in recipe.mixed:
        others: list[TrainStep] = []
        for steps in drawn:
            others = others or sessions[name].epoch(rng)
            steps[name] = others.pop(0)
    return drawn


def _step(
    sessions: Mapping[str, Session], recipe: Recipe, ctx: Context, steps: Mapping[str, TrainStep]
) -> tuple[float, int]:
    loss, tokens = 0.0, 0
    for name, step in steps.items():
        share = recipe.mixed.get(name, 1.0)
        more, read = accumulate(step, sessions[name].loss, ctx, share=share)
        loss, tokens = loss + more, tokens + read
    return loss, tokens


def _look(sessions: Mapping[str, Session], recipe: Recipe, ctx: Context) -> Look:
    found = dict(sessions[recipe.objective].look(ctx))
    for name in recipe.mixed:
        found[f"{name} loss"] = sessions[name].look(ctx)["loss"]
    return found


def _judge(
    trainee: Trainee, fitted: Fit, began: Sequence[Tensor], look: Callable[[], Look], measure: str
) -> tuple[float, Look, Mapping[float, float]]:
    """Put the weights in place that dev likes best; return their share, look, and all looks."""
    parameters, whole = list(trainee.attached.parameters.values()), trainee.base is not None

    def put_own(share: float) -> None:
        pairs = zip(began, fitted.weights, strict=True)
        _put(parameters, [mixed(start, end, share) for start, end in pairs])

    def worth(look: Look) -> tuple[float, float]:
        return look[measure], 0.0 if whole else -look["loss"]

    put: Callable[[float], None] = put_own
    if trainee.base is not None:
        put_own(1.0)
        trainee.attached.merge()
        put = mixing(trainee.module, trainee.base)
    known = {0.0: fitted.before, 1.0: fitted.best}
    found = blend(put, look, known, worth=worth, shares=trainee.shares)
    return found.share, found.look, {s: seen[measure] for s, seen in found.tried.items()}


def _estimate(
    trainee: Trainee, sessions: Mapping[str, Session], recipe: Recipe, ctx: Context
) -> Estimate:
    """Do a few chunks of the real work, and scale by tokens; looks at dev are added."""
    parameters = list(trainee.attached.parameters.values())
    schedule = recipe.schedule
    epoch = _epoch(sessions, recipe, random.Random(f"{recipe.seed}:probe"))
    chunks = [chunk for steps in epoch for step in steps.values() for chunk in step]
    if trainee.spares:
        _spare_memory(trainee, sessions[recipe.objective], chunks, ctx)

    def run(session: Session, chunk: Chunk[Any]) -> None:
        accumulate([chunk], session.loss, ctx)
        for parameter in parameters:
            parameter.grad = None

    trials: list[CostTrial] = [
        (chunk.tokens, partial(run, session, chunk))
        for session in sessions.values()
        for chunk in session.trials()
    ]
    steps = max(round(schedule.epochs * len(epoch)), 1)
    tokens = round(sum(chunk.tokens for chunk in chunks) * steps / max(len(epoch), 1))
    size = sum(parameter.numel() for parameter in parameters)
    if trainee.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(trainee.device)
    told = measure_cost(ctx, trials, tokens=tokens, steps=steps, trainable_parameters=size)
    mixtures = sum(share < 1 for share in trainee.shares)
    looks = 1 + len(looks_of(steps, len(epoch), schedule)) + mixtures
    read = looks * sum(session.look_tokens for session in sessions.values())
    return replace(
        told,
        seconds=told.seconds * (1 + read / max(tokens, 1)),
        # Two moments of AdamW, the best weights and the first: float32 each, not tried.
        bytes=(peak_of(trainee.device) or told.bytes) + 16 * size,
    )


def _spare_memory(
    trainee: Trainee, session: Session, chunks: Sequence[Chunk[Any]], ctx: Context
) -> None:
    """Compute activations twice, instead of keeping them, where the largest chunk needs it."""
    order = sorted(chunks, key=lambda chunk: chunk.tokens)
    kept = kept_for_backward(trainee.module, lambda: session.loss(order[0].batch))
    if kept / order[0].tokens * order[-1].tokens > 0.7 * available_memory(trainee.device):
        module: Any = trainee.module
        module.gradient_checkpointing_enable({"use_reentrant": False})
        told = "memory is short, so activations are computed twice: a third slower"
        ctx.note("memory", told)


@torch.no_grad()
def _put(parameters: Sequence[nn.Parameter], values: Sequence[Tensor]) -> None:
    for parameter, value in zip(parameters, values, strict=True):
        parameter.copy_(value)
