"""Distract: passages that look as if they answered, and do not, mined from the retriever."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

from graft.core.context import Context
from graft.core.document import Passage
from graft.core.example import Example
from graft.core.protocols import PassageStore
from graft.examples.answering import Answering
from graft.examples.searching import Retrieve, with_passages


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
    other questions, drawn by the seed. Never one that may answer (`Answering`; `gold` holds what
    the examples' gold resolves to). Where too few are left, fewer are given.
    """
    ctx = ctx or Context()
    hits: dict[str, list[Passage]] = {}
    with ctx.stage("search for distractors", len(examples)) as step:
        for batch in with_passages(examples, retrieve, store):
            hits |= {example.id: found for example, found in batch}
            step.advance(len(batch))
    pool = {passage.id: passage for found in hits.values() for passage in found}
    ids = sorted(pool)
    chosen: dict[str, list[Passage]] = {}
    for example in ctx.track("distractors", examples, len(examples)):
        answering = Answering(example, gold.get(example.id, ()))
        draw = ctx.random(f"distractors:{example.id}")
        # Enough tries to fill up from a pool in which half does not do.
        drawn = (pool[id] for id in draw.sample(ids, min(len(ids), 4 * count + 8)))
        wrong = (p for p in chain(hits[example.id], drawn) if not answering.reason(p))
        chosen[example.id] = list(islice(_distinct(wrong), count))
    return chosen


def _distinct(passages: Iterable[Passage]) -> Iterator[Passage]:
    seen: set[str] = set()
    for passage in passages:
        if passage.id not in seen:
            seen.add(passage.id)
            yield passage
