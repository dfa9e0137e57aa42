"""Fit: the loop of optimizer steps and looks at dev that every tuning shares."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch
from torch import nn

from graft.core.context import Context
from graft.core.errors import ModelError
from graft.core.recipe import Schedule
from graft.tune.curves import Point

Batch = TypeVar("Batch")

Look = Mapping[str, float]
"""Measures on dev (higher is better) and "loss", the objective's own on dev."""


@dataclass(frozen=True)
class Work(Generic[Batch]):
    """What a loop needs of a tuning.

    `parameters` are those that may move. `epoch` gives the batches of the next pass. `step` adds
    a batch's gradients to them and returns its loss and tokens read. `look` measures dev;
    `measure` names the one that decides, a tie going to the lower loss.
    """

    parameters: Sequence[nn.Parameter]
    epoch: Callable[[], Sequence[Batch]]
    step: Callable[[Batch], tuple[float, int]]
    look: Callable[[], Look]
    measure: str


@dataclass
class Fit:
    """How a loop went: its curves, the look before the first step, and the best look after it.

    `weights` are copies of the parameters at the best look, in their order, taken after
    `best_step` steps of `steps`. Whether that look was better than the one before is for the
    caller to see: a mixture with the first weights may be better than both.
    """

    curves: list[Point] = field(default_factory=list)
    before: Look = field(default_factory=dict)
    best: Look = field(default_factory=dict)
    best_step: int = 0
    steps: int = 0
    weights: list[torch.Tensor] = field(default_factory=list)


def fit(work: Work[Batch], schedule: Schedule, ctx: Context, *, name: str) -> Fit:
    """Train until the schedule ends or dev stops gaining; leave the weights of the last step.

    AdamW (arXiv:1711.05101); the rate warms up and falls linearly to zero; gradients are clipped
    by their global norm. Dev is looked at before the first step, `evaluations` times an epoch,
    and at the end. Progress carries `loss` and `seconds_left`. Raises ModelError when the loss is
    no number, Cancelled at a step's boundary.
    """
    parameters = list(work.parameters)
    optimizer = torch.optim.AdamW(
        parameters, lr=schedule.learning_rate, weight_decay=schedule.weight_decay
    )
    first = work.epoch()
    total = max(round(schedule.epochs * len(first)), 1)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, ramp(total, schedule.warmup))
    every = max(math.ceil(len(first) / schedule.evaluations), 1)
    started = ctx.clock()
    done = Fit(before=work.look())
    done.curves.append(_point(done, None, done.before, 0.0, 0.0, ctx.clock() - started))
    idle = 0
    with ctx.stage(name, total) as stage:
        training = ctx.clock()
        for batch in _batches(first, work.epoch, total):
            lr = optimizer.param_groups[0]["lr"]
            loss, tokens, seconds = _step(work, batch, optimizer, schedule, ctx)
            rate.step()
            done.steps += 1
            look = None
            if done.steps % every == 0 or done.steps == total:
                look = work.look()
                gained = _better(look, done.before, work.measure)
                if done.best_step == 0 or _better(look, done.best, work.measure):
                    done.best, done.best_step = look, done.steps
                    done.weights = [p.detach().clone() for p in parameters]
                    idle = 0 if gained else idle + 1
                else:
                    idle += 1
            speed = tokens / seconds if seconds > 0 else 0.0
            done.curves.append(_point(done, loss, look, lr, speed, ctx.clock() - started))
            left = (ctx.clock() - training) / done.steps * (total - done.steps)
            stage.advance(1, loss=loss, seconds_left=left)
            if idle >= schedule.patience and done.steps < total:
                ctx.note(name, f"dev has not gained since step {done.best_step}: stopped early")
                break
    return done


def ramp(total: int, warmup: float) -> Callable[[int], float]:
    """Return the factor of the learning rate at each step: a linear rise, then a linear fall.

    >>> factor = ramp(10, 0.2)
    >>> [round(factor(step), 3) for step in (0, 1, 2, 9)]
    [0.5, 1.0, 1.0, 0.125]
    """
    rise = max(round(total * warmup), 1)

    def factor(step: int) -> float:
        if step < rise:
            return (step + 1) / rise
        return max((total - step) / max(total - rise, 1), 0.0)

    return factor


def _step(
    work: Work[Batch],
    batch: Batch,
    optimizer: torch.optim.Optimizer,
    schedule: Schedule,
    ctx: Context,
) -> tuple[float, int, float]:
    started = ctx.clock()
    optimizer.zero_grad(set_to_none=True)
    loss, tokens = work.step(batch)
    if not math.isfinite(loss):
        raise ModelError(
            f"the training loss became {loss}, where a number was expected: lower the learning "
            f"rate ({schedule.learning_rate:g})"
        )
    if schedule.clip > 0:
        nn.utils.clip_grad_norm_(work.parameters, schedule.clip)
    optimizer.step()
    return loss, tokens, ctx.clock() - started


def _batches(
    first: Sequence[Batch], epoch: Callable[[], Sequence[Batch]], total: int
) -> Iterator[Batch]:
    batches, taken = first, 0
    while taken < total:
        for batch in batches[: total - taken]:
            taken += 1
            yield batch
        batches = epoch() if taken < total else ()


def _better(look: Look, best: Look, measure: str) -> bool:
    return (look[measure], -look["loss"]) > (best[measure], -best["loss"])


def _point(
    done: Fit, loss: float | None, look: Look | None, rate: float, speed: float, seconds: float
) -> Point:
    dev = None if look is None else look["loss"]
    return Point(done.steps, loss, dev, rate, speed, seconds)
