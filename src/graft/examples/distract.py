"""Distract: passages that look as if they answered, and do not, mined from the retriever."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from graft.core.context import Context
from graft.core.document import Passage
from graft.core.example import Example
from graft.core.generation import Message
from graft.core.protocols import PassageStore
from graft.core.search import Search
from graft.examples.holding import holds_any
from graft.measures.similarity import jaccard, shingles

Retrieve = Callable[[list[Search]], list[Search]]
"""A retriever: it fills the hits of each search. A `Stage` is one."""

BATCH = 64
"""Questions retrieved at once."""

NEAR = 0.6
"""Jaccard similarity (runs of three words) from which a passage counts as a copy of the gold."""


def distractors(
    examples: Sequence[Example],
    retrieve: Retrieve,
    store: PassageStore,
    *,
    gold: Mapping[str, Sequence[Passage]],
    count: int,
    ctx: Context | None = None,
) -> dict[str, list[Passage]]:
    """Return for each example up to `count` passages that do not answer it, hardest first.

    They come from the retriever's hits in their order, and where those run out from the hits of
    other questions, drawn by the seed. Never one on the gold (`gold` holds what it resolves to),
    nor of a gold document without a span, nor a near-copy of a gold passage, nor one that holds
    an accepted answer in any way of writing it (`holding.holds`), in text, title or headings.
    Where too few are left, fewer are given.
    """
    ctx = ctx or Context()
    hits = _hits(examples, retrieve, store, ctx)
    pool = {passage.id: passage for found in hits.values() for passage in found}
    ids = sorted(pool)
    chosen: dict[str, list[Passage]] = {}
    for example in ctx.track("distractors", examples, len(examples)):
        judge = _Judge(example, gold.get(example.id, ()))
        kept: list[Passage] = []
        for passage in hits[example.id]:
            if len(kept) < count and judge.allows(passage, kept):
                kept.append(passage)
        if len(kept) < count:
            draw = ctx.random(f"distractors:{example.id}")
            # Enough tries to fill up from a pool in which half does not do.
            for id in draw.sample(ids, min(len(ids), 4 * count + 8)):
                if len(kept) < count and judge.allows(pool[id], kept):
                    kept.append(pool[id])
        chosen[example.id] = kept
    return chosen


def _hits(
    examples: Sequence[Example], retrieve: Retrieve, store: PassageStore, ctx: Context
) -> dict[str, list[Passage]]:
    found: dict[str, list[Passage]] = {}
    with ctx.stage("search for distractors", len(examples)) as step:
        for start in range(0, len(examples), BATCH):
            batch = examples[start : start + BATCH]
            searches = retrieve([search_for(example) for example in batch])
            for example, search in zip(batch, searches, strict=True):
                missing = [hit.passage_id for hit in search.hits if hit.passage is None]
                fetched = dict(zip(missing, store.passages(missing), strict=True))
                found[example.id] = [h.passage or fetched[h.passage_id] for h in search.hits]
            step.advance(len(batch))
    return found


def search_for(example: Example) -> Search:
    """Return the search an example makes: its question, and the turns before it."""
    turns = (Message(role=turn["role"], content=turn["content"]) for turn in example.messages)
    return Search(example.question, history=tuple(turns))


class _Judge:
    """Says whether a passage may stand beside a question without answering it."""

    def __init__(self, example: Example, gold: Sequence[Passage]) -> None:
        self._example = example
        self._ids = {passage.id for passage in gold}
        self._shingles = [shingles(passage.text) for passage in gold]

    def allows(self, passage: Passage, kept: Sequence[Passage]) -> bool:
        if passage.id in self._ids or any(passage.id == other.id for other in kept):
            return False
        if any(self._on_gold(passage, i) for i in range(len(self._example.gold))):
            return False
        if holds_any(passage.indexed_text, self._example.answers):
            return False
        mine = shingles(passage.text)
        return all(jaccard(mine, other) < NEAR for other in self._shingles)

    def _on_gold(self, passage: Passage, place: int) -> bool:
        gold = self._example.gold[place]
        if passage.document_id != gold.document_id:
            return False
        if gold.start is None or gold.end is None:
            return True
        return passage.start < gold.end and gold.start < passage.end
