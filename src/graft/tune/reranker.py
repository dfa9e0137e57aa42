"""Reranker: a cross-encoder tuned to tell what answers a question from what the first stage
took for an answer."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss
from sentence_transformers.util import batch_to_device
from torch import Tensor
from torch.nn import Parameter

from graft.core.context import Context
from graft.core.errors import InputError
from graft.core.recipe import Recipe
from graft.models.batching import batches
from graft.models.loading import quiet
from graft.tune.accumulate import Part, accumulate
from graft.tune.cost import Estimate, peak_memory, probe
from graft.tune.cost import Work as Piece
from graft.tune.fit import Look, Work, fit
from graft.tune.lists import Lists, first_stage_scores, score_lists
from graft.tune.memory import peak_of
from graft.tune.mine import Triple
from graft.tune.plan import cut, plan_epoch
from graft.tune.pool import MEASURES
from graft.tune.tuned import Tuned

STAGE = "tune reranker"
PIECE_TOKENS = 2048
LOOK_SHARE = 0.35
"""What a token costs in a look at dev, of what it costs in a step: there is no backward pass."""


@dataclass(frozen=True)
class Pair:
    """A question, a passage as the reranker reads it, and whether the passage answers it."""

    question: str
    passage: str
    relevant: bool


def pairs_of(triples: Sequence[Triple]) -> list[Pair]:
    """Return every pair of the triples once: positives, and the first stage's misses.

    >>> from graft.core.document import Passage
    >>> good, bad = (Passage(id, id, 0, 1, id, "s") for id in ("good", "bad"))
    >>> [(p.passage, p.relevant) for p in pairs_of([Triple("e", "?", good, (bad,))])]
    [('good', True), ('bad', False)]
    """
    found: dict[tuple[str, str], Pair] = {}
    shown = [(t.question, t.positive, True) for t in triples]
    # Positives first: what answers one asking of a question is no miss of another.
    shown += [(t.question, passage, False) for t in triples for passage in t.negatives]
    for question, passage, relevant in shown:
        pair = Pair(question, passage.indexed_text, relevant)
        found.setdefault((question, passage.id), pair)
    return list(found.values())


def tune_reranker(
    start: CrossEncoder,
    triples: Sequence[Triple],
    lists: Lists,
    *,
    recipe: Recipe,
    ctx: Context,
) -> Tuned:
    """Train a copy of a cross-encoder on questions with positives and the first stage's misses.

    Binary cross-entropy on each pair, every weight trained. What it will cost is told as a note
    first. It stops early by nDCG@10 of the first stage's dev candidates in the new order; the
    best look's weights are kept, those it started from included. `before` is the first stage's
    own order: a `share` of 0 means that it was not beaten, so that no reranker is the better
    choice. The same triples, recipe and machine give the same weights. Raises InputError for data
    or a recipe that cannot be trained on, ModelError when the loss is no number, Cancelled at a
    part's boundary.
    """
    pairs = _check(triples, recipe)
    with torch.random.fork_rng(), peak_memory(interval=0.1) as memory:
        torch.manual_seed(recipe.seed)
        trainee = _Trainee.of(start, pairs, recipe)
        estimate = _estimate(trainee, lists, ctx)
        ctx.note(STAGE, estimate.sentence(), seconds=estimate.seconds, bytes=estimate.bytes)
        started = ctx.clock()
        work = Work(
            parameters=trainee.parameters,
            epoch=partial(trainee.epoch, random.Random(f"{recipe.seed}:{STAGE}")),
            step=lambda step: accumulate(step, trainee.loss, ctx),
            look=partial(trainee.look, lists),
            measure=MEASURES[0],
        )
        fitted = fit(work, recipe.schedule, ctx, name=STAGE)
    first, start_look, best = first_stage_scores(lists), fitted.before, fitted.best
    kept = best if _key(best) > _key(start_look) else start_look
    if kept is start_look:
        trainee.module.load_state_dict(start.state_dict())
    else:
        trainee.put(fitted.weights)
    trainee.module.max_seq_length = start.max_seq_length
    trainee.module.eval()
    gained = kept[MEASURES[0]] > first[MEASURES[0]]
    ctx.note(STAGE, _verdict(first, kept, gained=gained), share=float(gained))
    return Tuned(
        save=partial(_save, trainee.module),
        before=first,
        after={name: kept[name] for name in MEASURES},
        share=float(gained),
        looks={0.0: first[MEASURES[0]], 1.0: kept[MEASURES[0]]},
        curves=tuple(fitted.curves),
        counts={
            "train": len(triples),
            "pairs": len(pairs),
            "dev": len(lists.questions),
            "dev pairs": len(lists.pairs),
            "steps": fitted.steps,
            "best step": fitted.best_step if kept is best else 0,
        },
        estimate=estimate,
        seconds=ctx.clock() - started,
        peak_memory={"host": memory.bytes, "device": peak_of(start.device)},
        machine={"device": str(start.device), "threads": str(torch.get_num_threads())},
    )


@dataclass(frozen=True)
class _Trainee:
    """The copy under training, its parameters, and the pairs with their lengths in tokens."""

    module: CrossEncoder
    parameters: Sequence[Parameter]
    pairs: Sequence[Pair]
    lengths: Sequence[int]
    recipe: Recipe

    @classmethod
    def of(cls, start: CrossEncoder, pairs: Sequence[Pair], recipe: Recipe) -> _Trainee:
        module = copy.deepcopy(start)
        module.max_seq_length = min(start.max_seq_length or 512, recipe.schedule.max_tokens)
        module.requires_grad_(True)
        module.train()
        lengths = _lengths(module, [(pair.question, pair.passage) for pair in pairs])
        return cls(module, list(module.parameters()), pairs, lengths, recipe)

    def epoch(self, rng: random.Random) -> list[list[Part[list[int]]]]:
        """Return one pass over all pairs: steps, each in parts that memory bears."""
        schedule = self.recipe.schedule
        return [
            [
                Part(chosen, len(chosen), sum(self.lengths[i] for i in chosen))
                for chosen in cut(
                    step, self.lengths, PIECE_TOKENS, accumulation=schedule.accumulation
                )
            ]
            for step in plan_epoch(self.lengths, schedule.batch_size, rng)
        ]

    def loss(self, chosen: Sequence[int]) -> Tensor:
        """Return the sum of the pairs' binary cross-entropies, in nats."""
        pairs = [self.pairs[i] for i in chosen]
        columns = [[pair.question for pair in pairs], [pair.passage for pair in pairs]]
        labels = torch.tensor([float(pair.relevant) for pair in pairs], device=self.module.device)
        summed = BinaryCrossEntropyLoss(self.module, reduction="sum")
        loss: Tensor = summed(columns, labels)
        return loss

    def look(self, lists: Lists) -> Look:
        """Return the measures and the loss on dev, dropout off."""
        self.module.eval()
        try:
            return score_lists(lists, logits(self.module, lists.pairs))
        finally:
            self.module.train()

    @torch.no_grad()
    def put(self, values: Sequence[Tensor]) -> None:
        for parameter, value in zip(self.parameters, values, strict=True):
            parameter.copy_(value)


@torch.no_grad()
def logits(module: CrossEncoder, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
    """Return the score of each pair before any activation, `(n,) float32`."""
    found = np.zeros(len(pairs), dtype=np.float32)
    for chosen in batches(_lengths(module, pairs), PIECE_TOKENS):
        features = module.preprocess([pairs[i] for i in chosen])
        scores = module(batch_to_device(features, module.device))["scores"]
        found[chosen] = scores.view(-1).float().cpu().numpy()
    return found


def _lengths(module: CrossEncoder, pairs: Sequence[tuple[str, str]]) -> list[int]:
    if not pairs:
        return []
    questions, passages = zip(*pairs, strict=True)
    encoded = module.tokenizer(
        list(questions), list(passages), truncation=True, max_length=module.max_seq_length
    )
    return [len(ids) for ids in encoded["input_ids"]]


def _check(triples: Sequence[Triple], recipe: Recipe) -> list[Pair]:
    if (recipe.part, recipe.objective) != ("reranker", "pointwise"):
        raise InputError(
            "a reranker is tuned by the objective 'pointwise', and the recipe is for a "
            f"{recipe.part} by '{recipe.objective}'"
        )
    if recipe.adapter is not None:
        raise InputError(
            "the recipe has a LoRA adapter, and a reranker is trained in full: set adapter to None"
        )
    pairs = pairs_of(triples)
    if len({pair.relevant for pair in pairs}) < 2:
        raise InputError(
            f"tuning a reranker needs passages that answer and passages that do not, and "
            f"{len(triples)} questions gave {len(pairs)} of one kind: import more examples"
        )
    return pairs


def _estimate(trainee: _Trainee, lists: Lists, ctx: Context) -> Estimate:
    def run(part: Part[list[int]]) -> None:
        accumulate([part], trainee.loss, ctx)
        for parameter in trainee.parameters:
            parameter.grad = None

    steps = trainee.epoch(random.Random(f"{trainee.recipe.seed}:probe"))
    order = sorted((part for step in steps for part in step), key=lambda part: -part.tokens)
    middle = len(order) // 2
    pieces: list[Piece] = [
        (part.tokens, partial(run, part)) for part in (order[0], *order[middle : middle + 2])
    ]
    schedule = trainee.recipe.schedule
    count = max(round(schedule.epochs * len(steps)), 1)
    tokens = round(sum(part.tokens for part in order) * count / len(steps))
    size = sum(parameter.numel() for parameter in trainee.parameters)
    told = probe(ctx, pieces, tokens=tokens, steps=count, trainable_parameters=size)
    looks = 1 + schedule.evaluations * schedule.epochs
    read = looks * sum(_lengths(trainee.module, lists.pairs))
    return replace(
        told,
        seconds=told.seconds * (1 + LOOK_SHARE * read / tokens),
        # AdamW's two moments and the best weights, float32 each; the gradients were probed.
        bytes=told.bytes + 12 * size,
    )


def _key(look: Look) -> tuple[float, float]:
    return look[MEASURES[0]], -look["loss"]


def _verdict(before: Look, after: Look, *, gained: bool) -> str:
    name = MEASURES[0]
    told = f"{name} on dev {before[name]:.3f} as first retrieved, {after[name]:.3f} reranked"
    return told if gained else f"no gain: {told}"


def _save(module: CrossEncoder, folder: Path) -> None:
    with quiet():
        module.save_pretrained(str(folder), create_model_card=False)
