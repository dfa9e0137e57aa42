"""The loop: it learns, looks at dev when told, stops early, and cannot be misled by ties."""

from __future__ import annotations

import random
import threading
from itertools import pairwise

import pytest
import torch
from torch import nn

from graft.core.context import Context, Event
from graft.core.errors import Cancelled, ModelError
from graft.core.recipe import Schedule
from graft.tune.fit import Fit, Work, fit, ramp

QUIET = Schedule(epochs=2, learning_rate=0.1, warmup=0.0, evaluations=1, patience=9)


class Task:
    """Pull one number towards 1; dev may have an opinion of its own."""

    def __init__(self, looks: list[float] | None = None, steps: int = 4) -> None:
        self.number = nn.Parameter(torch.zeros(()))
        self.looks, self.steps, self.epochs = looks, steps, 0
        self.seen: list[float] = []

    def epoch(self, rng: random.Random) -> list[int]:
        self.epochs += 1
        return list(range(self.steps))

    def step(self, batch: int) -> tuple[float, int]:
        loss = (self.number - 1) ** 2
        loss.backward()
        return float(loss.detach()), 10

    def look(self) -> dict[str, float]:
        self.seen.append(float(self.number.detach()))
        value = self.seen[-1] if self.looks is None else self.looks[len(self.seen) - 1]
        return {"nDCG@10": value, "loss": -self.seen[-1]}

    def run(self, schedule: Schedule = QUIET, ctx: Context | None = None) -> Fit:
        work = Work({"number": self.number}, self.epoch, self.step, self.look, "nDCG@10")
        return fit(work, schedule, ctx or Context(), name="tune")


def test_it_takes_the_steps_of_the_schedule_and_learns() -> None:
    task = Task()
    done = task.run()
    assert done.steps == 8 and task.epochs == 2
    assert done.before["nDCG@10"] == 0.0
    assert done.best["nDCG@10"] > 0.3
    assert done.best_step == 8
    assert [point.step for point in done.curves] == list(range(9))
    assert [point.step for point in done.curves if point.dev_loss is not None] == [0, 4, 8]


@pytest.mark.parametrize(("epochs", "steps"), [(0.1, 1), (0.5, 2), (1.0, 4), (1.75, 7)])
def test_an_epoch_may_be_cut(epochs: float, steps: int) -> None:
    assert Task().run(Schedule(epochs=epochs, learning_rate=0.1)).steps == steps


def test_the_best_look_is_kept_even_below_the_first() -> None:
    """The base may still gain from a share of such weights."""
    task = Task(looks=[0.9, 0.5, 0.7, 0.6, 0.6])
    done = task.run(Schedule(epochs=2, learning_rate=0.1, evaluations=2, patience=9))
    assert (done.best["nDCG@10"], done.best_step) == (0.7, 4)
    assert float(done.weights[0]) == task.seen[2] != float(task.number.detach())


def test_it_stops_when_dev_stops_gaining() -> None:
    notes: list[Event] = []
    task = Task(looks=[0.1, 0.5, 0.4, 0.3, 0.9])
    schedule = Schedule(epochs=2, learning_rate=0.1, evaluations=2, patience=2)
    done = task.run(schedule, Context(events=notes.append))
    assert (done.steps, done.best_step) == (6, 2)
    assert any("stopped early" in event.message for event in notes)


def test_looks_below_the_first_count_against_patience() -> None:
    task = Task(looks=[0.9, 0.5, 0.6, 0.7, 0.8])
    schedule = Schedule(epochs=2, learning_rate=0.1, evaluations=2, patience=2)
    assert task.run(schedule).steps == 4


def test_equal_measures_are_decided_by_the_loss() -> None:
    done = Task(looks=[0.5] * 3).run()
    assert done.best_step == 8


def test_the_rate_rises_and_falls_to_zero() -> None:
    factor = ramp(100, 0.1)
    rates = [factor(step) for step in range(100)]
    assert max(rates) == rates[9] == 1.0 and rates[0] == pytest.approx(0.1)
    assert all(a < b for a, b in pairwise(rates[:10]))
    assert all(a > b for a, b in pairwise(rates[11:]))
    assert 0 < rates[-1] < 0.02 and factor(100) == 0.0
    assert ramp(1, 0.1)(0) == 1.0


def test_gradients_are_clipped_by_their_global_norm() -> None:
    task = Task(steps=1)
    norms: list[float] = []

    def step(batch: int) -> tuple[float, int]:
        ((task.number - 1) * 1e4).backward()
        return 1.0, 1

    def look() -> dict[str, float]:
        if task.number.grad is not None:
            norms.append(float(task.number.grad))
        return {"nDCG@10": 0.0, "loss": 0.0}

    work = Work({"number": task.number}, task.epoch, step, look, "nDCG@10")
    fit(work, Schedule(epochs=1, learning_rate=0.1, clip=1.0), Context(), name="tune")
    assert norms == [pytest.approx(1.0, rel=1e-3)]


def test_a_loss_that_is_no_number_is_an_error_that_says_what_to_do() -> None:
    task = Task()
    work = Work(
        {"number": task.number}, task.epoch, lambda b: (float("nan"), 1), task.look, "nDCG@10"
    )
    with pytest.raises(ModelError, match="lower the learning rate"):
        fit(work, QUIET, Context(), name="tune")


def test_progress_tells_loss_and_time_left_and_a_cancel_stops_it() -> None:
    events: list[Event] = []
    cancel = threading.Event()

    def listen(event: Event) -> None:
        events.append(event)
        if event.phase == "progress" and event.done == 3:
            cancel.set()

    ticks = iter(range(1000))
    ctx = Context(clock=lambda: float(next(ticks)), events=listen, cancel=cancel)
    with pytest.raises(Cancelled):
        Task().run(ctx=ctx)
    progress = [event for event in events if event.phase == "progress"]
    assert [event.done for event in progress] == [1, 2, 3]
    assert progress[0].counts["loss"] == 1.0
    assert progress[0].counts["seconds_left"] > progress[2].counts["seconds_left"] > 0
