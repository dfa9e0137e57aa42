"""Fit: the loop of optimizer steps and looks at dev that every tuning shares."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from graft.core.context import Context
from graft.core.curves import CurvePoint
from graft.core.errors import FormatError, InputError, ModelError
from graft.core.recipe import Schedule
from graft.tune.checkpoint import Checkpoint

Item = TypeVar("Item")

Look = Mapping[str, float]
"""Measures on dev (higher is better) and "loss", the objective's own on dev."""

FEWEST = 2
"""Looks an epoch, where the schedule does not say how many."""


@dataclass(frozen=True)
class Work(Generic[Item]):
    """What a loop needs of a tuning.

    `parameters` are those that may move, by name. `epoch` draws the batches of the next pass.
    `step` adds a batch's gradients to them and returns its loss and tokens read. `look` measures
    dev; `measure` names the one that decides, a tie going to the lower loss.
    """

    parameters: Mapping[str, nn.Parameter]
    epoch: Callable[[random.Random], Sequence[Item]]
    step: Callable[[Item], tuple[float, int]]
    look: Callable[[], Look]
    measure: str


@dataclass
class Fit:
    """How a loop went: its curves, the look before the first step, and the best look after it.

    `weights` are copies of the parameters at the best look, in their order, taken after
    `best_step` steps of `steps`. Whether that look was better than the one before is for the
    caller to see: a mixture with the first weights may be better than both. `idle` counts the
    looks since dev gained; `seconds` is how long it took, before a kill too.
    """

    curves: list[CurvePoint] = field(default_factory=list)
    before: Look = field(default_factory=dict)
    best: Look = field(default_factory=dict)
    best_step: int = 0
    steps: int = 0
    idle: int = 0
    seconds: float = 0.0
    weights: list[torch.Tensor] = field(default_factory=list)


def fit(
    work: Work[Item], schedule: Schedule, ctx: Context, *, name: str, seed: int = 0,
    checkpoint: Checkpoint | None = None,
) -> Fit:  # fmt: skip
    """Train until the schedule ends or dev stops gaining; leave the weights of the last step.

    AdamW (arXiv:1711.05101); the rate warms up and falls linearly to zero; gradients are clipped
    by their global norm. Dev is looked at before the first step, as often as `looks_of` says, and
    at the end. With a `checkpoint`, a training that was killed goes on where it stood, with the
    same batches and to the same weights; batches are drawn by `seed`. Progress carries `loss` and
    `seconds_left`. Raises ModelError when the loss is no number, Cancelled at a step's boundary.
    """
    if schedule.patience < 1:
        raise InputError(f"patience is {schedule.patience}, and one look at least has to be waited")
    loop = _Loop(work, schedule, ctx, name, seed)
    state = None
    try:
        state = checkpoint.load() if checkpoint is not None else None
    except FormatError as error:
        ctx.warn(name, f"{error}: the training begins anew")
    if state is not None:
        loop.restore(state)
        ctx.note(name, f"an earlier training is gone on with, at step {loop.done.steps} of "
                 f"{loop.total}", steps=loop.done.steps)  # fmt: skip
    else:
        loop.begin()
    saved = ctx.clock()
    with ctx.stage(name, loop.total) as stage:
        if loop.done.steps:
            stage.advance(loop.done.steps)
        while not loop.ended:
            loss, left = loop.step()
            if checkpoint is not None and ctx.clock() - saved >= checkpoint.every:
                checkpoint.save(loop.state())
                saved = ctx.clock()
            stage.advance(1, loss=loss, seconds_left=left)
    return loop.done


def looks_of(total: int, epoch: int, schedule: Schedule) -> list[int]:
    """Return the steps after which dev is looked at, the last one always among them.

    `epoch` is the steps of one pass, `total` those of all. A look costs a forward pass over dev:
    at 15 % of the training examples and .4 of a step's cost a token, 6 % of an epoch. Where the
    schedule does not say, there are `FEWEST` an epoch, and `patience` + 1 at least, so that a
    training of which dev wants nothing ends before its last look.

    >>> looks_of(100, 100, Schedule(patience=1)), looks_of(90, 90, Schedule(patience=2))
    ([50, 100], [30, 60, 90])
    >>> looks_of(8, 4, Schedule(evaluations=1)), looks_of(5, 5, Schedule(evaluations=3))
    ([4, 8], [2, 3, 5])
    """
    if schedule.evaluations:
        every = max(epoch / schedule.evaluations, 1)
        looks = (round(every * look) for look in range(1, math.ceil(total / every)))
        return [*(step for step in looks if step < total), total]
    count = min(max(round(FEWEST * schedule.epochs), schedule.patience + 1), total)
    return [round(total * look / count) for look in range(1, count + 1)]


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


def better(look: Look, best: Look, measure: str) -> bool:
    """Return whether a look is better than another: by the measure, then by the loss."""
    return (look[measure], -look["loss"]) > (best[measure], -best["loss"])


def groups_of(
    parameters: Mapping[str, nn.Parameter], schedule: Schedule
) -> list[dict[str, object]]:
    """Return the optimizer's parameter groups: one for each factor of the learning rate.

    >>> one = nn.Parameter(torch.zeros(1))
    >>> groups = groups_of({"head.a": one}, Schedule(learning_rate=1e-4, rates={"head": 10}))
    >>> [(group["lr"], len(group["params"])) for group in groups]
    [(0.001, 1)]
    """
    found: dict[float, list[nn.Parameter]] = {}
    for name, parameter in parameters.items():
        factor = next((f for text, f in schedule.rates.items() if text in name), 1.0)
        found.setdefault(factor, []).append(parameter)
    return [{"params": own, "lr": f * schedule.learning_rate} for f, own in found.items()]


class _Loop(Generic[Item]):
    """A training under way; all that it depends on goes into `state` and comes back from it."""

    def __init__(
        self, work: Work[Item], schedule: Schedule, ctx: Context, name: str, seed: int
    ) -> None:
        self.work, self.schedule, self.ctx, self.name = work, schedule, ctx, name
        self.rng = random.Random(f"{seed}:{name}")
        self.drawn = self.rng.getstate()
        self.parameters = list(work.parameters.values())
        self.optimizer = torch.optim.AdamW(
            groups_of(work.parameters, schedule),
            lr=schedule.learning_rate,
            weight_decay=schedule.weight_decay,
        )
        self.batches = work.epoch(self.rng)
        self.place = 0
        self.total = max(round(schedule.epochs * len(self.batches)), 1)
        self.looks = frozenset(looks_of(self.total, len(self.batches), schedule))
        factor = ramp(self.total, schedule.warmup)
        self.rate = torch.optim.lr_scheduler.LambdaLR(self.optimizer, factor)
        self.done = Fit()
        self.ended = False
        self.started = ctx.clock()

    def begin(self) -> None:
        self.done.before = self.work.look()
        self._tell(None, self.done.before, 0.0, 0.0)
        self.trained = self.ctx.clock()

    def step(self) -> tuple[float, float]:
        """Take a step, and look at dev where that is due; return the loss and the seconds left."""
        done, schedule = self.done, self.schedule
        if self.place == len(self.batches):
            self.drawn = self.rng.getstate()
            self.batches, self.place = self.work.epoch(self.rng), 0
        rate, started = self.optimizer.param_groups[0]["lr"], self.ctx.clock()
        loss, tokens = self._update(self.batches[self.place])
        seconds = self.ctx.clock() - started
        self.rate.step()
        self.place += 1
        done.steps += 1
        look = None
        if done.steps in self.looks:
            look = self.work.look()
            gained = better(look, done.before, self.work.measure)
            if done.best_step == 0 or better(look, done.best, self.work.measure):
                done.best, done.best_step = look, done.steps
                done.weights = [p.detach().clone() for p in self.parameters]
                done.idle = 0 if gained else done.idle + 1
            else:
                done.idle += 1
        self._tell(loss, look, rate, tokens / seconds if seconds > 0 else 0.0)
        stopped = done.idle >= schedule.patience and done.steps < self.total
        if stopped:
            told = f"dev has not gained since step {done.best_step}: stopped early"
            self.ctx.note(self.name, told)
        self.ended = stopped or done.steps == self.total
        done.seconds = self.ctx.clock() - self.started
        took = (self.ctx.clock() - self.trained) / done.steps
        return loss, took * (self.total - done.steps)

    def _update(self, batch: Item) -> tuple[float, int]:
        self.optimizer.zero_grad(set_to_none=True)
        loss, tokens = self.work.step(batch)
        if not math.isfinite(loss):
            raise ModelError(
                f"the training loss became {loss}, where a number was expected: lower the learning "
                f"rate ({self.schedule.learning_rate:g})"
            )
        if self.schedule.clip > 0:
            nn.utils.clip_grad_norm_(self.parameters, self.schedule.clip)
        self.optimizer.step()
        return loss, tokens

    def _tell(self, loss: float | None, look: Look | None, rate: float, speed: float) -> None:
        dev = None if look is None else look["loss"]
        seconds = self.ctx.clock() - self.started
        self.done.curves.append(CurvePoint(self.done.steps, loss, dev, rate, speed, seconds))

    def state(self) -> dict[str, Any]:
        kept = {k: v for k, v in asdict(self.done).items() if k not in ("curves", "weights")}
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return {
            "parameters": [parameter.detach() for parameter in self.parameters],
            "optimizer": self.optimizer.state_dict(),
            "rate": {k: v for k, v in self.rate.state_dict().items() if k != "lr_lambdas"},
            "chance": {"torch": torch.get_rng_state(), "cuda": cuda, "drawn": self.drawn},
            "place": self.place,
            "ended": self.ended,
            "trained": self.ctx.clock() - self.trained,
            "done": kept,
            "weights": self.done.weights,
            "curves": [asdict(point) for point in self.done.curves],
        }

    @torch.no_grad()
    def restore(self, state: Mapping[str, Any]) -> None:
        chance = state["chance"]
        for parameter, value in zip(self.parameters, state["parameters"], strict=True):
            parameter.copy_(value)
        self.optimizer.load_state_dict(state["optimizer"])
        self.rate.load_state_dict(
            {**state["rate"], "lr_lambdas": [None] * len(self.rate.lr_lambdas)}
        )
        self.drawn = chance["drawn"]
        self.rng.setstate(self.drawn)
        self.batches, self.place = self.work.epoch(self.rng), state["place"]
        self.ended = state["ended"]
        weights = [w.to(p.device) for w, p in zip(state["weights"], self.parameters, strict=False)]
        curves = [CurvePoint(**point) for point in state["curves"]]
        self.done = Fit(**state["done"], curves=curves, weights=weights)
        now = self.ctx.clock()
        self.started, self.trained = now - self.done.seconds, now - state["trained"]
        torch.set_rng_state(chance["torch"])
        if chance["cuda"]:
            torch.cuda.set_rng_state_all(chance["cuda"])
