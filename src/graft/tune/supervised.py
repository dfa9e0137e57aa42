"""Supervised: a generator that learns answers from prompts, for every objective that has them."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from graft.core.context import Context
from graft.core.errors import InputError
from graft.core.recipe import Recipe
from graft.models.causal import Causal
from graft.tune.accumulate import Chunk
from graft.tune.fit import Look
from graft.tune.objective import Session, TrainStep, usual_trials
from graft.tune.plan import cut, plan_epoch
from graft.tune.sft import (
    Encoded,
    Start,
    TrainItem,
    answer_logits,
    encode_items,
    padded,
    token_losses,
)

CHUNK_TOKENS = 1024
"""Tokens that go through the model at once: speed is level from 512 on, memory is not."""

LOOK_SHARE = 0.4
"""What a token costs in a look at dev, of what it costs in a step: there is no backward pass."""

MEASURE = "likelihood"


def supervised(
    causal: Causal, train: Sequence[TrainItem], dev: Sequence[TrainItem], recipe: Recipe
) -> Session:
    """Return the session of items with answers: cross-entropy on the answers' tokens alone.

    A look has the loss (nats a token), the likelihood of a token (its geometric mean), and the
    share of tokens that are the model's first choice. Raises InputError when there is nothing to
    learn from, or no dev.
    """
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
        counts[name] = len(kept)
        counts |= {f"{name}: {reason}": count for reason, count in skipped.items()}
        encoded.append(kept)
    data = _Data(causal, encoded[0], encoded[1], recipe)
    return Session(
        epoch=data.epoch,
        loss=data.loss,
        look=data.look,
        look_tokens=LOOK_SHARE * sum(len(example.ids) for example in data.dev),
        trials=lambda: usual_trials(data.epoch(random.Random(f"{recipe.seed}:probe"))),
        counts=counts,
    )


def look_at(
    causal: Causal, items: Sequence[TrainItem], *, recipe: Recipe, ctx: Context
) -> dict[str, float]:
    """Return the measures of items (as of dev) with the adapter that the model has in use."""
    kept, _ = encode_items(causal, items, recipe.schedule.max_tokens)
    return dict(_Data(causal, (), kept, recipe).look(ctx))


@dataclass(frozen=True)
class _Data:
    """What is learned, what is looked at, and how they go through the model."""

    causal: Causal
    train: Sequence[Encoded]
    dev: Sequence[Encoded]
    recipe: Recipe

    @property
    def start(self) -> Start | None:
        return self.causal.start if self.causal.virtual_tokens else None

    def epoch(self, rng: random.Random) -> list[TrainStep]:
        lengths = [len(example.ids) for example in self.train]
        schedule = self.recipe.schedule
        divide = partial(cut, accumulation=schedule.accumulation)
        return [
            [self._chunk(indices) for indices in divide(step, lengths, CHUNK_TOKENS)]
            for step in plan_epoch(lengths, schedule.batch_size, rng)
        ]

    def loss(self, indices: Sequence[int]) -> Tensor:
        batch = padded([self.train[i] for i in indices], self.causal.pad_id)
        return token_losses(self.causal.model, batch.to(self.causal.device), self.start).sum()

    def look(self, ctx: Context) -> Look:
        model, training = self.causal.model, self.causal.model.training
        lengths = [len(example.ids) for example in self.dev]
        loss, right, tokens = 0.0, 0, 0
        model.eval()
        try:
            for indices in cut(range(len(self.dev)), lengths, 2 * CHUNK_TOKENS):
                ctx.check()
                batch = padded([self.dev[i] for i in indices], self.causal.pad_id)
                batch = batch.to(self.causal.device)
                with torch.no_grad():
                    logits = answer_logits(model, batch, self.start).float()
                loss += float(
                    torch.nn.functional.cross_entropy(logits, batch.targets, reduction="sum")
                )
                right += int((logits.argmax(-1) == batch.targets).sum())
                tokens += len(batch.targets)
        finally:
            model.train(training)
        mean = loss / tokens
        return {"loss": mean, MEASURE: math.exp(-mean), "token_accuracy": right / tokens}

    def _chunk(self, indices: list[int]) -> Chunk[list[int]]:
        chosen = [self.train[i] for i in indices]
        weight = sum(len(example.labels) for example in chosen)
        return Chunk(indices, weight, sum(len(example.ids) for example in chosen))
