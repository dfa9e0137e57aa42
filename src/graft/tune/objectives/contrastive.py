"""contrastive: a question nearer to its passage than to all others of the batch (retriever).

Multiple negatives ranking (arXiv:1807.03748), each question against its positive, the mined
negatives and all passages of its batch.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from graft.core.context import Context
from graft.core.errors import InputError
from graft.core.recipe import Negatives, Recipe
from graft.models.encoder import SentenceEncoder
from graft.tune.accumulate import Chunk
from graft.tune.batches import batches
from graft.tune.contrast import PIECE_TOKENS, Texts, contrast
from graft.tune.fit import Look
from graft.tune.mine import MINED_HITS, Triple, encoder_similarity, mine, train_mined
from graft.tune.objective import Lessons, Objective, Session, Source, TrainStep, documents_of
from graft.tune.pool import DECIDES, MEASURES, Pool, dev_pool, score_table
from graft.tune.rows import mined_lessons, pool_rows

LOOK_SHARE = 0.25
"""What a token costs in a look at dev, of what it costs in a step: one forward pass, not two
and a backward."""


def _items(source: Source, split: str, recipe: Recipe, ctx: Context) -> Lessons:
    if split == "dev":
        pool = dev_pool(
            source.examples["dev"], source.gold, source.judged, source.store, apart=source.apart
        )
        rows = tuple(pool_rows(pool))
        return Lessons(pool, rows, documents_of(pool.passages.values()))
    mined = mine(
        [example for example in source.examples["train"] if source.gold[example.id]],
        source.gold,
        source.retrieve("dense", MINED_HITS),
        source.store,
        recipe.negatives or Negatives(count=0),
        similarity=encoder_similarity(source.encoder()),
        ctx=ctx,
    )
    return mined_lessons(train_mined(mined))


def _session(
    encoder: SentenceEncoder, triples: Sequence[Triple], pool: Pool, recipe: Recipe
) -> Session:
    if recipe.schedule.accumulation != 1:
        raise InputError(
            f"accumulation is {recipe.schedule.accumulation}, and a contrastive batch cannot be "
            "split, since its passages are each other's negatives: set 1 (memory stays small)"
        )
    if len(triples) < 2:
        raise InputError(
            f"tuning a retriever needs two questions with gold or more, and got {len(triples)}: "
            "import or build more examples"
        )
    work = _Contrastive(encoder, triples, pool, recipe)
    if not work.epoch(random.Random(0)):
        raise InputError(
            "every training question has the same gold, so none can be told from another: "
            "import questions on other documents"
        )
    shown = Texts((), tuple(passage.indexed_text for passage in pool.passages.values()))
    return Session(
        epoch=work.epoch,
        loss=work.loss,
        look=work.look,
        look_tokens=LOOK_SHARE * sum(shown.token_counts(encoder.module)),
        trials=work.trials,
        counts={
            "train": len(triples),
            "dev": len(pool.questions),
            "dev passages": len(pool.passages),
        },
    )


@dataclass(frozen=True)
class _Contrastive:
    encoder: SentenceEncoder
    triples: Sequence[Triple]
    pool: Pool
    recipe: Recipe

    def epoch(self, rng: random.Random) -> list[TrainStep]:
        found = batches(self.triples, self.recipe.schedule.batch_size, rng)
        return [[self._chunk(chosen)] for chosen in found]

    def loss(self, chosen: Sequence[int]) -> Tensor:
        # Two pieces at least, since a batch of one is embedded once and real ones twice.
        real = len(chosen) >= min(self.recipe.schedule.batch_size, len(self.triples))
        most = PIECE_TOKENS if real else PIECE_TOKENS // 2
        texts = self._texts(chosen)
        return contrast(self.encoder.module, texts, self.recipe.scale, piece_tokens=most)

    def look(self, ctx: Context) -> Look:
        """Return the measures and the loss on dev, encoded as serving does, dropout off."""
        ctx.check()
        try:
            questions = self.encoder.encode_queries(list(self.pool.questions.values()))
            shown = [passage.indexed_text for passage in self.pool.passages.values()]
            passages = self.encoder.encode_passages(shown)
            return score_table(self.pool, questions @ passages.T, self.recipe.scale)
        finally:
            self.encoder.module.train()

    def trials(self) -> list[Chunk[list[int]]]:
        """Return batches of a few triples, the longest and middling ones."""
        tokens = [self._chunk([i]).tokens for i in range(len(self.triples))]
        order = sorted(range(len(tokens)), key=lambda i: -tokens[i])
        few = max(PIECE_TOKENS // max(tokens[order[0]], 1), 2)
        return [self._chunk(order[:few]), self._chunk(order[len(order) // 2 :][:few])]

    def _chunk(self, chosen: list[int]) -> Chunk[list[int]]:
        return Chunk(chosen, 1, sum(self._texts(chosen).token_counts(self.encoder.module)))

    def _texts(self, chosen: Sequence[int]) -> Texts:
        triples = [self.triples[i] for i in chosen]
        return Texts(
            tuple(t.question for t in triples),
            tuple(t.positive.indexed_text for t in triples),
            tuple(p.indexed_text for t in triples for p in t.negatives),
            self.encoder.query_prefix,
            self.encoder.passage_prefix,
        )


CONTRASTIVE = Objective(
    name="contrastive",
    part="retriever",
    about="Questions near the passages that answer them, far from the batch's and mined ones.",
    measure=DECIDES,
    items=_items,
    session=_session,
    told=MEASURES,
)
