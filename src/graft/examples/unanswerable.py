"""Unanswerable questions: made from answerable ones by naming a thing of another document.

A question whose gold document is hidden would be answerable again as soon as the library is
searched as it is served, so what is changed is the question: "When was Windows 95 released?"
becomes "When was Program Manager released?". It reads like a real one, retrieval brings passages
that look right, and none of them holds the answer. That is checked, not assumed, and against the
whole library: by its words, the name alone and the question are looked up far beyond what a reader
is shown. No passage may speak of the new thing and of what is asked about it, no section may be
about it where the question is open, no passage may cover the question without naming it just so,
and what a reader makes of the hits must not be borne out by one that names it. A question that is
called unanswerable and is not costs more than one that is lost, so in doubt it is dropped.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from graft.examples.filters import ANY_QUESTION, ENOUGH, FAILED, NOT_RETRIEVED
from graft.examples.holding import holds
from graft.examples.searching import Retrieve
from graft.examples.sentences import window
from graft.examples.settle import ABOUT, SUPPORTED, asks_detail, brief
from graft.examples.tally import Tally
from graft.generate.prompts import GROUNDED
from graft.measures.sentences import sentences
from graft.measures.support import support
from graft.measures.words import content, folded_words

ANSWERABLE = "answerable after all"

COVERED = 0.5
"""Share of a question's other words beside its new name from which a passage may answer it.

Words that any question may have ("do", "mean") are none of them."""

Lookup = Callable[[Sequence[str]], list[list[Passage]]]
"""What a whole library says on texts: for each the passages that share words with it, best first.
"""

ROUNDS = 3
"""Swaps tried of one question."""

SHOWN = 3
"""Hits that the reader is shown."""

SPARE = 2
"""Questions read beyond those that are wanted."""

_PARTS = re.compile(r"[._()]+")


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
    """What decides whether a question can be answered.

    A reader is shown the best of the first `top` hits. `lookup` reaches the whole library; without
    one, only what retrieval finds is looked at.
    """

    retrieve: Retrieve
    reader: Generator
    top: int
    lookup: Lookup | None = None


def unanswered(
    batch: Sequence[Swap], most: int, judges: Judges, *, tally: Tally, ctx: Context
) -> list[Example]:
    """Return the swaps that nothing in the library answers, as examples, `most` at most.

    The others are counted in `tally`. Hits must carry their passages.
    """
    searches = judges.retrieve([Search(swap.question) for swap in batch])
    looked = _looked(batch, judges)
    left: list[tuple[Swap, list[Passage]]] = []
    for swap, search, more in zip(batch, searches, looked, strict=True):
        hits = search.hits[: judges.top]
        passages = [hit.passage for hit in hits if hit.passage is not None]
        if search.error or not passages or len(passages) < len(hits):
            tally.drop(NOT_RETRIEVED, swap.source.group, swap.question)
        elif _answered(swap, [*passages, *more]):
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


def _looked(batch: Sequence[Swap], judges: Judges) -> list[list[Passage]]:
    """Return what the library says on each swap's new name, and on its question."""
    if judges.lookup is None:
        return [[] for _ in batch]
    names = judges.lookup([_query(swap.entity) for swap in batch])
    asked = judges.lookup([_query(swap.question) for swap in batch])
    return [[*one, *other] for one, other in zip(names, asked, strict=True)]


def _query(text: str) -> str:
    """Return a text with the folded forms of its words: full text folds none ("LogRecords")."""
    return " ".join([text, *sorted(_said(text))])


def _answered(swap: Swap, passages: Sequence[Passage]) -> bool:
    """Whether what is asked may be answered by one of the passages, or a section of them.

    One that names the new thing must hold half of what is asked about it, and so must all that
    stands under one heading together; a section that is headed by it answers any open question;
    and one that holds most of the question answers it whatever it calls the thing.
    """
    name = _said(swap.entity)
    asked = content(swap.question) - content(swap.entity) - ANY_QUESTION
    whole = _said(swap.question) - ANY_QUESTION | name
    sections: dict[tuple[str, ...], set[str]] = {}
    for passage in {passage.id: passage for passage in passages}.values():
        words = _said(passage.indexed_text)
        if len(whole & words) >= ABOUT * len(whole) and len(whole) > 1:
            return True
        if holds(passage.indexed_text, swap.entity) or (name and name <= words):
            if _headed(passage, swap.entity) and not asks_detail(swap.question):
                return True
            sections.setdefault((passage.document_id, *passage.headings), set()).update(words)
    return any(len(asked & words) >= COVERED * len(asked) for words in sections.values())


def _headed(passage: Passage, entity: str) -> bool:
    """Whether the section that a passage is of is about a thing: its heading ends in its name."""
    heading = passage.headings[-1] if passage.headings else passage.title
    told, name = (
        [key for key, _ in folded_words(_PARTS.sub(" ", text))] for text in (heading, entity)
    )
    return bool(name) and told[-len(name) :] == name


def _said(text: str) -> set[str]:
    """Return the words that say what a text is about; of identifiers also their parts."""
    return content(text) | content(_PARTS.sub(" ", text))


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
