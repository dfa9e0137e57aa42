"""Unanswerable questions: made from answerable ones by naming a thing of another document.

A question whose gold document is hidden would be answerable again as soon as the library is
searched as it is served, so what is changed is the question: "When was Windows 95 released?"
becomes "When was Program Manager released?". It reads like a real one, retrieval brings passages
that look right, and none of them holds the answer. That is checked, not assumed: no passage among
the hits may speak of the new thing and of what is asked about it, and what a reader makes of the
hits must not be borne out by one that names it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from graft.core.context import Context
from graft.core.document import Passage
from graft.core.example import Example
from graft.core.hashing import text_hash
from graft.core.protocols import Generator
from graft.core.search import Search
from graft.examples.ask import read
from graft.examples.candidates import named
from graft.examples.drafts import READ_WORDS, part
from graft.examples.filters import ENOUGH, FAILED, NOT_RETRIEVED
from graft.examples.holding import content, holds
from graft.examples.searching import Retrieve
from graft.examples.sentences import window
from graft.examples.settle import SUPPORTED, brief
from graft.examples.tally import Tally
from graft.generate.prompts import GROUNDED
from graft.measures.sentences import sentences
from graft.measures.support import support

ANSWERABLE = "answerable after all"

COVERED = 0.5
"""Share of a question's other words beside its new name from which a passage may answer it."""

ROUNDS = 3
"""Swaps tried of one question."""

SHOWN = 3
"""Hits that the reader is shown."""

SPARE = 2
"""Questions read beyond those that are wanted."""


@dataclass(frozen=True)
class Swap:
    """A question in which `entity`, taken from another document, stands for one of its own."""

    question: str
    entity: str
    source: Example


def swaps(
    examples: Sequence[Example], texts: Mapping[str, str], draw: random.Random
) -> Iterator[Swap]:
    """Yield swaps of the examples that name something, `ROUNDS` of each at most, in random order.

    `texts` maps documents to the text that names are taken from: of the same form (code or name,
    number of words, with or without parentheses), of another document, and not in the example's.
    """
    pool: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for document, text in sorted(texts.items()):
        for entity, form in named(text):
            pool.setdefault(_shape(entity, form), []).append((entity, document))
    order = list(examples)
    seen: set[str] = set()
    for _ in range(ROUNDS):
        draw.shuffle(order)
        for example in order:
            swap = _swap(example, texts, pool, draw)
            if swap is not None and swap.question not in seen:
                seen.add(swap.question)
                yield swap


def _swap(
    example: Example,
    texts: Mapping[str, str],
    pool: Mapping[tuple[str, ...], list[tuple[str, str]]],
    draw: random.Random,
) -> Swap | None:
    home = {gold.document_id for gold in example.gold}
    own = " ".join(texts.get(document, "") for document in sorted(home))
    for entity, form in named(example.question):
        others = [
            other
            for other, document in pool.get(_shape(entity, form), ())
            if document not in home and not holds(f"{own} {example.question}", other)
        ]
        if others:
            other = draw.choice(others)
            whole = re.compile(rf"(?<!\w){re.escape(entity)}(?!\w)")
            return Swap(other.join(whole.split(example.question)), other, example)
    return None


@dataclass(frozen=True)
class Judges:
    """What decides whether a question can be answered: the first `top` hits, and a reader."""

    retrieve: Retrieve
    reader: Generator
    top: int


def unanswered(
    batch: Sequence[Swap], most: int, judges: Judges, *, tally: Tally, ctx: Context
) -> list[Example]:
    """Return the swaps that nothing found by retrieval answers, as examples, `most` at most.

    The others are counted in `tally`. Hits must carry their passages.
    """
    searches = judges.retrieve([Search(swap.question) for swap in batch])
    left: list[tuple[Swap, list[Passage]]] = []
    for swap, search in zip(batch, searches, strict=True):
        hits = search.hits[: judges.top]
        passages = [hit.passage for hit in hits if hit.passage is not None]
        if search.error or not passages or len(passages) < len(hits):
            tally.drop(NOT_RETRIEVED, swap.source.group, swap.question)
        elif _answered(swap, passages):
            tally.drop(ANSWERABLE, swap.source.group, swap.question)
        else:
            left.append((swap, passages))
    # Only as many are read as are wanted, with a few to spare.
    for swap, _ in left[most + SPARE :]:
        tally.drop(ENOUGH, swap.source.group, swap.question)
    left = left[: most + SPARE]
    shown = [(swap.question, _best_parts(swap.question, held)) for swap, held in left]
    kept: list[Example] = []
    for (swap, held), reply in zip(left, read(shown, judges.reader, ctx), strict=True):
        reason = FAILED if reply.error else ENOUGH if len(kept) >= most else ""
        if not reason and _borne_out(swap, reply.text, held):
            reason = ANSWERABLE
        if reason:
            tally.drop(reason, swap.source.group, swap.question)
        else:
            kept.append(_example(swap))
    return kept


def _example(swap: Swap) -> Example:
    group = swap.source.group
    id = text_hash(f"made:{group}:{swap.question}")[:16]
    return Example(id, swap.question, kind="unanswerable", origin="made", group=group)


def _answered(swap: Swap, passages: Sequence[Passage]) -> bool:
    """Whether one of the passages speaks of the new name and of what is asked about it."""
    asked = content(swap.question) - content(swap.entity)
    for passage in passages:
        text = passage.indexed_text
        if holds(text, swap.entity) and len(asked & content(text)) >= COVERED * len(asked):
            return True
    return False


def _borne_out(swap: Swap, reply: str, passages: Sequence[Passage]) -> bool:
    """Whether a passage that names the thing supports what the reader replied."""
    told = brief(reply)
    if not told or holds(told, GROUNDED.decline):
        return False
    return any(
        support(told, p.text, question=swap.question, context=p.title).score >= SUPPORTED
        for p in passages
        if holds(p.indexed_text, swap.entity)
    )


def _best_parts(question: str, passages: Sequence[Passage]) -> list[Passage]:
    """Return the first passages cut to the sentences that share most words with the question."""
    asked = content(question)
    parts = []
    for passage in passages[:SHOWN]:
        spans = sentences(passage.text) or [(0, len(passage.text))]
        best = max(spans, key=lambda s: (len(asked & content(passage.text[slice(*s)])), -s[0]))
        parts.append(part(passage, *window(passage.text, *best, words=READ_WORDS)))
    return parts


def _shape(entity: str, form: str) -> tuple[str, ...]:
    return (form, str(len(entity.split())), str(entity.endswith("()")), str("." in entity))
