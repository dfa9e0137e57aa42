"""Rerank: a cross-encoder reads the first hits together with the query and orders them anew."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from graft.core.protocols import PassageStore, Reranker
from graft.core.search import Hit, Search
from graft.retrieve.fetch import fetched, filled, gone
from graft.retrieve.fuse import contribute, ordered
from graft.retrieve.stage import Stage


@dataclass(frozen=True)
class Rerank(Stage):
    """Orders the first `depth` hits by the reranker's scores; the hits below keep their order.

    The reranker reads `Passage.indexed_text`, all pairs of the batch in one call. Scores of the
    hits below are shifted under those of the reranked, so that a higher score is still better;
    what they had stands in `stages`. A hit among the first whose passage went away since it was
    found is left out. A search whose scores are not numbers gets an `error`.
    """

    reranker: Reranker
    store: PassageStore
    depth: int = 20
    name: str = "rerank"

    def __call__(self, searches: Sequence[Search]) -> list[Search]:
        first = [() if s.error else ordered(s.hits)[: self.depth] for s in searches]
        texts = fetched(self.store, (hit for hits in first for hit in hits))
        heads = [filled(hits, texts) for hits in first]
        pairs = [
            (search.query, texts[hit.passage_id].indexed_text)
            for search, head in zip(searches, heads, strict=True)
            for hit in head
        ]
        scores = iter(self.reranker.score(pairs).tolist() if pairs else [])
        return [
            search
            if search.error
            else self._order(search, [replace(hit, score=next(scores)) for hit in head])
            for search, head in zip(searches, heads, strict=True)
        ]

    def _order(self, search: Search, scored: Sequence[Hit]) -> Search:
        if not all(math.isfinite(hit.score) for hit in scored):
            problem = f"stage '{self.name}' gave scores that are not numbers: check the reranker"
            return replace(search, error=problem)
        head = contribute(ordered(scored), self.name)
        lost = min(self.depth, len(search.hits)) - len(head)
        tail = _below(head, ordered(search.hits)[self.depth :])
        line = f"{self.name}: read {len(head)} of {len(search.hits)}{gone(lost)}"
        return replace(search, hits=(*head, *tail), trace=(*search.trace, line))


def _below(head: Sequence[Hit], tail: Sequence[Hit]) -> list[Hit]:
    if not head or not tail:
        return list(tail)
    shift = head[-1].score - 1.0 - tail[0].score
    return [replace(hit, score=hit.score + shift) for hit in tail]
