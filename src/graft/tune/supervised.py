"""Supervised: a generator that learns answers from prompts, for every objective that has them.

It is looked at by what it writes: the loss on given answers fell from 1.18 to .44 while the answers
that it wrote became useless.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from graft.answer.reply import tidy
from graft.core.context import Context
from graft.core.errors import InputError
from graft.core.generation import Decoding
from graft.core.recipe import Recipe
from graft.generate.local import LocalGenerator
from graft.measures.text import token_f1
from graft.models.causal import Causal
from graft.tune.accumulate import Chunk
from graft.tune.fit import Look
from graft.tune.objective import Session, TrainStep, usual_trials
from graft.tune.plan import cut, plan_epoch
from graft.tune.sft import Encoded, Start, TrainItem, encode_items, padded, token_losses

CHUNK_TOKENS = 1024
"""Tokens that go through the model at once: speed is level from 512 on, memory is not."""

LOOK_SHARE = 0.4
"""What a token costs in a look at dev, of what it costs in a step: there is no backward pass."""

LOSS_ITEMS = 12
"""Items of dev that the loss is computed on, which nothing but the curves and ties hang on."""

ASKED_AT_ONCE = 16
"""Questions that a look asks between two chances to cancel."""

MEASURE = "answer_f1"


def supervised(
    causal: Causal, train: Sequence[TrainItem], dev: Sequence[TrainItem], recipe: Recipe
) -> Session:
    """Return the session of items with answers: cross-entropy on the answers' tokens alone.

    A look asks dev and has the answers' mean token F1 as they are written, greedily and never
    empty, and the loss (nats a token) on the first of its items. Raises InputError when there is
    nothing to learn from, or no question of dev with an answer.
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
    data = _Data(causal, encoded[0], encoded[1], _asked(dev), recipe)
    if not data.asked:
        raise InputError(
            f"none of {len(dev)} dev examples has an answer, and at least one is needed: make more "
            "examples"
        )
    return Session(
        epoch=data.epoch,
        loss=data.loss,
        look=data.look,
        look_tokens=LOOK_SHARE
        * sum(len(example.ids) for example in (*data.dev, *data.dev[:LOSS_ITEMS])),
        trials=lambda: usual_trials(data.epoch(random.Random(f"{recipe.seed}:probe"))),
        counts=counts,
    )


def look_at(
    causal: Causal, items: Sequence[TrainItem], *, recipe: Recipe, ctx: Context
) -> dict[str, float]:
    """Return the measures of items (as of dev) with the adapter that the model has in use."""
    kept, _ = encode_items(causal, items, recipe.schedule.max_tokens)
    return dict(_Data(causal, (), kept, _asked(items), recipe).look(ctx))


def _asked(items: Sequence[TrainItem]) -> list[TrainItem]:
    """The items that have an answer which can be right."""
    return [item for item in items if item.answer]


@dataclass(frozen=True)
class _Data:
    """What is learned, what is looked at, and how they go through the model."""

    causal: Causal
    train: Sequence[Encoded]
    dev: Sequence[Encoded]
    asked: Sequence[TrainItem]
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
        model.eval()
        try:
            return {"loss": self._loss_on_dev(ctx), MEASURE: self._written(ctx)}
        finally:
            model.train(training)

    @torch.no_grad()
    def _loss_on_dev(self, ctx: Context) -> float:
        dev = self.dev[:LOSS_ITEMS]
        loss, tokens = 0.0, 0
        for indices in cut(range(len(dev)), [len(example.ids) for example in dev], CHUNK_TOKENS):
            ctx.check()
            batch = padded([dev[i] for i in indices], self.causal.pad_id).to(self.causal.device)
            loss += float(token_losses(self.causal.model, batch, self.start).sum())
            tokens += len(batch.targets)
        return loss / tokens

    def _written(self, ctx: Context) -> float:
        """The mean token F1 of what is written for dev, as serving writes it."""
        generator = LocalGenerator(self.causal, batch_tokens=2 * CHUNK_TOKENS)
        decoding = Decoding(max_new_tokens=self.recipe.answer_tokens, min_new_tokens=1)
        scores = []
        for start in range(0, len(self.asked), ASKED_AT_ONCE):
            ctx.check()
            batch = self.asked[start : start + ASKED_AT_ONCE]
            told = generator.generate([item.prompt for item in batch], decoding)
            scores += [
                token_f1(tidy(reply.text), item.accepted or (item.answer or "",))
                for item, reply in zip(batch, told, strict=True)
            ]
        return float(np.mean(scores))

    def _chunk(self, indices: list[int]) -> Chunk[list[int]]:
        chosen = [self.train[i] for i in indices]
        weight = sum(len(example.labels) for example in chosen)
        return Chunk(indices, weight, sum(len(example.ids) for example in chosen))
