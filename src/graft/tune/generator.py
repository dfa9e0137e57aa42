"""Tuning a generator: LoRA by supervised fine-tuning on answers alone."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from peft import LoraConfig
from torch import Tensor
from torch.nn import Parameter

from graft.core.context import Context
from graft.core.errors import ConfigError, InputError
from graft.core.recipe import Lora, Recipe
from graft.models.causal import Causal
from graft.tune.accumulate import Part, accumulate
from graft.tune.adapter import adapter_config, adapter_weights, fresh_adapter, save_adapter
from graft.tune.cost import Estimate, peak_memory, probe
from graft.tune.cost import Work as Piece
from graft.tune.fit import Fit, Work, fit
from graft.tune.memory import available_memory, kept_for_backward, peak_of
from graft.tune.plan import cut, plan_epoch, steps_of
from graft.tune.run import Run, run_id, versions
from graft.tune.sft import Encoded, TrainItem, answer_logits, encode_items, padded, token_losses

STAGE = "tune generator"
PART_TOKENS = 1024
"""Tokens that go through the model at once: speed is level from 512 on, memory is not."""
LOOK_SHARE = 0.4
"""What a token costs in a look at dev, of what it costs in a step: there is no backward pass."""

Step = list[Part[list[int]]]


@dataclass(frozen=True)
class TunedGenerator:
    """A trained adapter in memory, with what its training was like.

    `before` and `after` hold, on dev, the loss (nats a token), the likelihood of a token (its
    geometric mean), and the share of tokens that are the model's first choice. `best_step` is
    the step whose weights these are; `counts` tells how many items were used and left out.
    """

    config: LoraConfig
    weights: Mapping[str, Tensor]
    fit: Fit
    best_step: int
    before: Mapping[str, float]
    after: Mapping[str, float]
    counts: Mapping[str, int]
    estimate: Estimate
    seconds: float
    peak_memory: Mapping[str, int]
    machine: Mapping[str, str]

    def save(self, folder: Path) -> None:
        """Write the adapter in PEFT's format."""
        save_adapter(self.config, self.weights, folder)


def tune_generator(
    causal: Causal,
    train: Sequence[TrainItem],
    dev: Sequence[TrainItem],
    *,
    recipe: Recipe,
    ctx: Context,
) -> TunedGenerator:
    """Train a fresh adapter and return it; the model is left as it was.

    What it will cost is measured first and told as a note of the context. Dev stops it early and
    picks the weights, those it began with counted. The same items, recipe and machine give the
    same weights. Raises InputError when there is nothing to learn from or no dev, ConfigError
    when the recipe has no adapter, Cancelled between parts of a step.
    """
    lora = _lora(recipe)
    data = _data(causal, train, dev, recipe=recipe, ctx=ctx)
    with fresh_adapter(causal, lora, recipe.seed) as parameters:
        estimate = _estimate(data, parameters, ctx)
        ctx.note(STAGE, estimate.sentence(), seconds=estimate.seconds, bytes=estimate.bytes)
        began, started = [p.detach().clone() for p in parameters], ctx.clock()
        work = Work(
            parameters=parameters,
            epoch=partial(data.epoch, random.Random(f"{recipe.seed}:{STAGE}")),
            step=lambda step: accumulate(step, data.loss, ctx),
            look=partial(data.look, ctx),
            measure="likelihood",
        )
        with peak_memory(interval=0.1) as peak:
            fitted = fit(work, recipe.schedule, ctx, name=STAGE)
        gained = fitted.best["loss"] < fitted.before["loss"]
        if not gained:
            ctx.warn(STAGE, "dev never improved, so the adapter stays as it began: without effect")
        _put(parameters, fitted.weights if gained else began)
        return TunedGenerator(
            config=adapter_config(causal, recipe.base or causal.name),
            weights=adapter_weights(causal),
            fit=fitted,
            best_step=fitted.best_step if gained else 0,
            before=fitted.before,
            after=fitted.best if gained else fitted.before,
            counts={**data.counts, "steps": fitted.steps},
            estimate=estimate,
            seconds=ctx.clock() - started,
            peak_memory={"host": peak.bytes, "device": peak_of(causal.device)},
            machine={
                "device": str(causal.device),
                "dtype": str(causal.dtype).removeprefix("torch."),
                "threads": str(torch.get_num_threads()),
            },
        )


def look_at(
    causal: Causal, items: Sequence[TrainItem], *, recipe: Recipe, ctx: Context
) -> dict[str, float]:
    """Return the measures of items (as of dev) with the adapter that the model has in use."""
    kept, _ = encode_items(causal, items, recipe.schedule.max_tokens)
    return _Data(causal, (), kept, recipe, {}).look(ctx)


def to_run(tuned: TunedGenerator, recipe: Recipe, ctx: Context) -> Run:
    """Return the run of a training that has just ended, for `write_run(runs, run, tuned.save)`."""
    created = ctx.clock()
    return Run(
        id=run_id(recipe, created),
        recipe=recipe,
        created=created,
        seconds=tuned.seconds,
        trainable_parameters=tuned.estimate.trainable_parameters,
        peak_memory=tuned.peak_memory,
        before=tuned.before,
        after=tuned.after,
        curves=tuple(tuned.fit.curves),
        counts={**tuned.counts, "best step": tuned.best_step},
        estimate=tuned.estimate,
        versions={**versions(), **tuned.machine},
    )


@dataclass(frozen=True)
class _Data:
    """What is learned, what is looked at, and how they go through the model."""

    causal: Causal
    train: Sequence[Encoded]
    dev: Sequence[Encoded]
    recipe: Recipe
    counts: Mapping[str, int]

    def epoch(self, rng: random.Random) -> list[Step]:
        lengths = [len(example.ids) for example in self.train]
        schedule = self.recipe.schedule
        return [
            [
                self._part(indices)
                for indices in cut(step, lengths, PART_TOKENS, accumulation=schedule.accumulation)
            ]
            for step in plan_epoch(lengths, schedule.batch_size, rng)
        ]

    def loss(self, indices: Sequence[int]) -> Tensor:
        batch = padded([self.train[i] for i in indices], self.causal.pad_id)
        return token_losses(self.causal.base, batch.to(self.causal.device)).sum()

    def look(self, ctx: Context) -> dict[str, float]:
        model, training = self.causal.model, self.causal.model.training
        lengths = [len(example.ids) for example in self.dev]
        loss, right, tokens = 0.0, 0, 0
        model.eval()
        try:
            for indices in cut(range(len(self.dev)), lengths, 2 * PART_TOKENS):
                ctx.check()
                batch = padded([self.dev[i] for i in indices], self.causal.pad_id)
                batch = batch.to(self.causal.device)
                with torch.no_grad():
                    logits = answer_logits(self.causal.base, batch).float()
                loss += float(
                    torch.nn.functional.cross_entropy(logits, batch.targets, reduction="sum")
                )
                right += int((logits.argmax(-1) == batch.targets).sum())
                tokens += len(batch.targets)
        finally:
            model.train(training)
        mean = loss / tokens
        return {"loss": mean, "likelihood": math.exp(-mean), "token_accuracy": right / tokens}

    def _part(self, indices: list[int]) -> Part[list[int]]:
        chosen = [self.train[i] for i in indices]
        weight = sum(len(example.labels) for example in chosen)
        return Part(indices, weight, sum(len(example.ids) for example in chosen))


def _data(
    causal: Causal,
    train: Sequence[TrainItem],
    dev: Sequence[TrainItem],
    *,
    recipe: Recipe,
    ctx: Context,
) -> _Data:
    counts: dict[str, int] = {}
    encoded = []
    for name, items in (("train", train), ("dev", dev)):
        kept, skipped = encode_items(causal, items, recipe.schedule.max_tokens)
        reasons = ", ".join(f"{reason}: {count}" for reason, count in skipped.items())
        if not kept:
            raise InputError(
                f"none of {len(items)} {name} examples can be used ({reasons or 'none given'}), "
                "and at least one is needed: make more examples, or raise max_tokens"
            )
        if skipped:
            ctx.warn(STAGE, f"{name} examples left out: {reasons}", count=sum(skipped.values()))
        counts[name] = len(kept)
        counts |= {f"{name}: {reason}": count for reason, count in skipped.items()}
        encoded.append(kept)
    return _Data(causal, encoded[0], encoded[1], recipe, counts)


def _estimate(data: _Data, parameters: Sequence[Parameter], ctx: Context) -> Estimate:
    steps = data.epoch(random.Random(f"{data.recipe.seed}:probe"))
    order = sorted((part for step in steps for part in step), key=lambda part: -part.tokens)
    _spare_memory(data, order, ctx)

    def run(part: Part[list[int]]) -> None:
        accumulate([part], data.loss, ctx)
        for parameter in parameters:
            parameter.grad = None

    schedule, middle = data.recipe.schedule, len(order) // 2
    chosen = [order[0], *order[middle : middle + 2]]
    pieces: list[Piece] = [(part.tokens, partial(run, part)) for part in chosen]
    count = steps_of(len(data.train), schedule)
    tokens = round(sum(part.tokens for part in order) * count / len(steps))
    size, device = sum(parameter.numel() for parameter in parameters), data.causal.device
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    told = probe(ctx, pieces, tokens=tokens, steps=count, trainable_parameters=size)
    looks = 2 + math.floor(schedule.evaluations * schedule.epochs)
    read = looks * sum(len(example.ids) for example in data.dev)
    return replace(
        told,
        seconds=told.seconds * (1 + LOOK_SHARE * read / tokens),
        # Two moments of AdamW, the best weights and the first: float32 each, not probed.
        bytes=(peak_of(device) or told.bytes) + 16 * size,
    )


def _spare_memory(data: _Data, order: Sequence[Part[list[int]]], ctx: Context) -> None:
    """Compute activations twice, instead of keeping them, where the largest part needs it."""
    least, base = order[-1], data.causal.base
    kept = kept_for_backward(base, lambda: data.loss(least.batch))
    if kept / least.tokens * order[0].tokens > 0.7 * available_memory(data.causal.device):
        base.gradient_checkpointing_enable({"use_reentrant": False})
        ctx.note(STAGE, "memory is short, so activations are computed twice: a third slower")


def _lora(recipe: Recipe) -> Lora:
    if recipe.adapter is None:
        raise ConfigError(
            "the recipe trains every weight, where a generator is tuned by an adapter: "
            "set adapter to Lora()"
        )
    return recipe.adapter


@torch.no_grad()
def _put(parameters: Sequence[Parameter], values: Sequence[Tensor]) -> None:
    for parameter, value in zip(parameters, values, strict=True):
        parameter.copy_(value)
