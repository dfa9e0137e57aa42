"""rerank: a cross-encoder reads the first hits together with the query and orders them anew."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import Field

from graft.core.context import Context
from graft.core.errors import ConfigError
from graft.core.protocols import PassageStore, Reranker
from graft.core.search import Hit, Search
from graft.core.table import Table
from graft.retrieve.fuse import contribute, ordered
from graft.retrieve.kind import Parts, StageKind
from graft.retrieve.stage import Stage
from graft.retrieve.stages.fetch import fetched, filled, gone

BATCH = 256
"""Pairs read at once, so that a cancel is heard between."""


@dataclass(frozen=True)
class Rerank(Stage):
    """Orders the first `depth` hits by the reranker's scores; the hits below keep their order.

    The reranker reads what is asked as it stands without the conversation, where a stage wrote it
    so, with `Passage.indexed_text`. With a `weight` below 1 the rest of the weight is on the scores
    that the hits came with, both standardised over the hits that were read (interpolation: Wang et
    al. 2021, doi:10.1145/3471158.3472233, need it of a BERT beside BM25): a reranker of few lessons
    then corrects an order instead of making one.

    Scores of the hits below are shifted under those of the reranked, so that a higher score is
    still better; what they had stands in `stages`. A hit among the first whose passage went away
    since it was found is left out. A search whose scores are not numbers gets an `error`; one that
    the budget's seconds do not reach keeps its order.
    """

    reranker: Reranker
    store: PassageStore
    depth: int = 20
    weight: float = 1.0
    name: str = "rerank"

    def __call__(self, searches: Sequence[Search], ctx: Context) -> list[Search]:
        first = [() if s.error else ordered(s.hits)[: self.depth] for s in searches]
        texts = fetched(self.store, (hit for hits in first for hit in hits))
        heads = [filled(hits, texts) for hits in first]
        pairs = [
            (search.asked, texts[hit.passage_id].indexed_text)
            for search, head in zip(searches, heads, strict=True)
            for hit in head
        ]
        scores: list[float] = []
        for batch in ctx.batches(pairs, BATCH):
            if ctx.budget.seconds <= 0:
                break
            scores += self.reranker.score(batch).tolist()
        ordering, start = [], 0
        for search, head in zip(searches, heads, strict=True):
            given = scores[start : start + len(head)]
            start += len(head)
            ordering.append(search if search.error else self._order(search, head, given))
        return ordering

    def _order(self, search: Search, read: Sequence[Hit], scores: Sequence[float]) -> Search:
        if len(scores) < len(read):
            line = f"{self.name}: passed on as it was, no seconds of the budget are left"
            return replace(search, trace=(*search.trace, line))
        if not all(map(math.isfinite, scores)):
            problem = f"stage '{self.name}' gave scores that are not numbers: check the reranker"
            return replace(search, error=problem)
        if self.weight < 1:
            before = _standard([hit.score for hit in read])
            both = zip(_standard(scores), before, strict=True)
            scores = [self.weight * new + (1 - self.weight) * old for new, old in both]
        scored = [replace(hit, score=score) for hit, score in zip(read, scores, strict=True)]
        head = contribute(ordered(scored), self.name)
        lost = min(self.depth, len(search.hits)) - len(head)
        tail = _below(head, ordered(search.hits)[self.depth :])
        line = f"{self.name}: read {len(head)} of {len(search.hits)}{gone(lost)}"
        return replace(search, hits=(*head, *tail), trace=(*search.trace, line))


class RerankTable(Table):
    model: str = ""
    """A cross-encoder's folder or hub name, or a run of `graft tune reranker` (runs/ID)."""
    depth: int = Field(20, ge=1)
    """How many of the hits before it the reranker reads."""
    weight: float = Field(1.0, gt=0, le=1)
    """Of the reranker's scores; the rest is on those that the hits came with."""


def _build(table: RerankTable, parts: Parts) -> Rerank:
    if not table.model:
        raise ConfigError(
            "retrieve.pipeline has a 'rerank', and retrieve.stages.rerank.model names no "
            "cross-encoder: name one, or take 'rerank' out"
        )
    return Rerank(parts.reranker(table.model), parts.store, table.depth, table.weight)


KIND = StageKind("rerank", RerankTable, _build)


def _standard(scores: Sequence[float]) -> list[float]:
    """Return scores with mean 0 and standard deviation 1; zeros where all are the same."""
    if not scores:
        return []
    mean = sum(scores) / len(scores)
    spread = math.sqrt(sum((score - mean) ** 2 for score in scores) / len(scores))
    return [(score - mean) / spread if spread else 0.0 for score in scores]


def _below(head: Sequence[Hit], tail: Sequence[Hit]) -> list[Hit]:
    if not head or not tail:
        return list(tail)
    shift = head[-1].score - 1.0 - tail[0].score
    return [replace(hit, score=hit.score + shift) for hit in tail]
