"""pointwise: whether a passage answers a question, told of each pair alone (reranker).

Binary cross-entropy on questions with their passages and with the first stage's misses.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss
from sentence_transformers.util import batch_to_device
from torch import Tensor

from graft.core.context import Context
from graft.core.errors import InputError
from graft.core.recipe import Negatives, Recipe
from graft.models.batching import batches
from graft.tune.accumulate import Chunk
from graft.tune.fit import Look
from graft.tune.lists import Lists, dev_lists, first_stage_scores, score_lists
from graft.tune.mine import MINED_HITS, Triple, mine, train_mined
from graft.tune.objective import (
    Lessons,
    Objective,
    Session,
    Source,
    TrainStep,
    documents_of,
    usual_trials,
)
from graft.tune.plan import cut, plan_epoch
from graft.tune.pool import DECIDES, MEASURES
from graft.tune.rows import list_rows, mined_lessons

CHUNK_TOKENS = 2048

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


def _items(source: Source, split: str, recipe: Recipe, ctx: Context) -> Lessons:
    retrieve = source.retrieve("first", MINED_HITS)
    if split == "dev":
        lists = dev_lists(
            source.examples["dev"], source.gold, source.judged, retrieve, source.store,
            depth=source.depth,
        )  # fmt: skip
        candidates = [p for shown in lists.candidates.values() for p in shown]
        answers = [p for id in lists.questions for p in source.gold[id]]
        return Lessons(lists, tuple(list_rows(lists)), documents_of([*candidates, *answers]))
    mined = mine(
        [example for example in source.examples["train"] if source.gold[example.id]],
        source.gold,
        retrieve,
        source.store,
        recipe.negatives or Negatives(count=0),
        ctx=ctx,
    )
    return mined_lessons(train_mined(mined))


def _session(
    module: CrossEncoder, triples: Sequence[Triple], lists: Lists, recipe: Recipe
) -> Session:
    pairs = pairs_of(triples)
    if len({pair.relevant for pair in pairs}) < 2:
        raise InputError(
            f"tuning a reranker needs passages that answer and passages that do not, and "
            f"{len(triples)} questions gave {len(pairs)} of one kind: import more examples"
        )
    lengths = _lengths(module, [(pair.question, pair.passage) for pair in pairs])
    work = _Pointwise(module, pairs, lengths, lists, recipe)
    return Session(
        epoch=work.epoch,
        loss=work.loss,
        look=work.look,
        look_tokens=LOOK_SHARE * sum(_lengths(module, lists.pairs)),
        trials=lambda: usual_trials(work.epoch(random.Random(f"{recipe.seed}:probe"))),
        counts={
            "train": len(triples),
            "pairs": len(pairs),
            "dev": len(lists.questions),
            "dev pairs": len(lists.pairs),
        },
        start=first_stage_scores(lists),
    )


@dataclass(frozen=True)
class _Pointwise:
    module: CrossEncoder
    pairs: Sequence[Pair]
    lengths: Sequence[int]
    lists: Lists
    recipe: Recipe

    def epoch(self, rng: random.Random) -> list[TrainStep]:
        schedule = self.recipe.schedule
        divide = partial(cut, accumulation=schedule.accumulation)
        return [
            [
                Chunk(chosen, len(chosen), sum(self.lengths[i] for i in chosen))
                for chosen in divide(step, self.lengths, CHUNK_TOKENS)
            ]
            for step in plan_epoch(self.lengths, schedule.batch_size, rng)
        ]

    def loss(self, chosen: Sequence[int]) -> Tensor:
        pairs = [self.pairs[i] for i in chosen]
        columns = [[pair.question for pair in pairs], [pair.passage for pair in pairs]]
        labels = torch.tensor([float(pair.relevant) for pair in pairs], device=self.module.device)
        summed = BinaryCrossEntropyLoss(self.module, reduction="sum")
        loss: Tensor = summed(columns, labels)
        return loss

    def look(self, ctx: Context) -> Look:
        """Return the measures and the loss on dev, dropout off."""
        ctx.check()
        self.module.eval()
        try:
            return score_lists(self.lists, logits(self.module, self.lists.pairs))
        finally:
            self.module.train()


@torch.no_grad()
def logits(module: CrossEncoder, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
    """Return the score of each pair before any activation, `(n,) float32`."""
    found = np.zeros(len(pairs), dtype=np.float32)
    for chosen in batches(_lengths(module, pairs), CHUNK_TOKENS):
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


POINTWISE = Objective(
    name="pointwise",
    part="reranker",
    about="Whether a passage answers a question, learned from the first stage's real misses.",
    measure=DECIDES,
    items=_items,
    session=_session,
    told=MEASURES,
)
