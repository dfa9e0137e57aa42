"""Gold: pinned to documents as they are, and resolved to passages each time it is used."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Literal

from graft.core.context import Context
from graft.core.document import Document, Passage
from graft.core.errors import NotFound
from graft.core.example import Example, Gold, on_gold
from graft.core.search import Hit
from graft.examples.holding import holds_any
from graft.measures.words import content

PassagesOf = Callable[[str], Sequence[Passage]]
"""The passages of one document in the current segmentation, in the order of its text."""

REMOVED = "gold document removed"
CHANGED = "gold document changed"
EMPTY = "gold document has no passages"


@dataclass(frozen=True)
class GoldPlace:
    """One piece of gold as it stands today: the passages on it, the best one first, never none."""

    gold: Gold
    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class Judged:
    """What a ranking is judged on for one example, and how relevant each of it is.

    "document": all of the gold is whole documents, and documents are judged. "passage": some of it
    has a span; the passages on that are judged, and a whole document beside them still as one.
    `grades` maps the ids of these to 1 or more; what it does not name is not relevant.
    """

    kind: Literal["document", "passage"]
    grades: Mapping[str, int]

    def ranking(self, hits: Iterable[Hit]) -> list[str]:
        """Return the ids that hits are judged by, best first, each once: nDCG's ranking.

        >>> hits = [Hit("p1", "a", 3.0), Hit("p2", "a", 2.0), Hit("p3", "b", 1.0)]
        >>> Judged("document", {"b": 1}).ranking(hits), Judged("passage", {"p2": 1}).ranking(hits)
        (['a', 'b'], ['p1', 'p2', 'p3'])
        """
        return list(dict.fromkeys(self.stands_for(h.passage_id, h.document_id) for h in hits))

    def stands_for(self, passage_id: str, document_id: str) -> str:
        """Return what a passage is judged as: its own id, or that of its document."""
        whole = self.kind == "document" or document_id in self.grades
        return document_id if whole and passage_id not in self.grades else passage_id


@dataclass(frozen=True)
class Resolved:
    """Gold as it stands today: `places` maps example ids to it, the most relevant first.

    An example without gold (an unanswerable one) has an empty tuple. One that has lost any of its
    gold is not in `places`: `dropped` holds its id under the reason. `moved` holds the ids of
    those whose document changed but still holds the answer.
    """

    places: Mapping[str, tuple[GoldPlace, ...]]
    dropped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    moved: tuple[str, ...] = ()

    def judged(self, example_id: str) -> Judged:
        """Return what rankings are judged on for an example of `places`: see `Judged`."""
        places = self.places[example_id]
        spanned = [place for place in places if place.gold.span is not None]
        known = {passage.id for place in spanned for passage in place.passages}
        found = [(p.id, place.gold.grade) for place in spanned for p in place.passages]
        # Where all passages of a whole document are gold themselves, none stands for it.
        found += [
            (place.gold.document_id, place.gold.grade)
            for place in places
            if place.gold.span is None and any(p.id not in known for p in place.passages)
        ]
        grades: dict[str, int] = {}
        for id, grade in found:
            grades[id] = max(grade, grades.get(id, 0))
        return Judged("passage" if spanned else "document", grades)

    def evidence(self, example_id: str) -> tuple[Passage, ...]:
        """Return the passages that a prompt must show for an example of `places` to be answered.

        Every passage on gold with a span, and of a whole document its best one; the gold of the
        highest grade first, and of that what holds an answer.
        """
        return _distinct(
            place.passages if place.gold.span else place.passages[:1]
            for place in self.places[example_id]
        )

    @cached_property
    def passages(self) -> Mapping[str, tuple[Passage, ...]]:
        """All passages of each example's gold: its evidence, then the rest of whole documents."""
        return {
            id: _distinct([self.evidence(id), *(place.passages for place in places)])
            for id, places in self.places.items()
        }


def resolve(
    examples: Iterable[Example],
    document: Callable[[str], Document],
    *,
    passages_of: PassagesOf,
    ctx: Context | None = None,
) -> Resolved:
    """Return the passages that hold each example's evidence now.

    Gold with a span gives the passages that overlap it; gold that is a whole document gives all
    its passages, the one that holds an answer and shares most words with the question first.
    Where the text has changed since, the answer is looked for again: found, its passage is the
    gold; not found, or too short to tell by ("yes"), the example is dropped, and so is one whose
    document is gone. `document` raises NotFound for a document that is not there. A warning says
    how many were dropped.
    """
    ctx = ctx or Context()
    found: dict[str, tuple[GoldPlace, ...]] = {}
    dropped: dict[str, list[str]] = {}
    moved: list[str] = []
    known: dict[str, Document | None] = {}
    for example in examples:
        places: list[GoldPlace] = []
        reason, elsewhere = "", False
        for gold in example.gold:
            if gold.document_id not in known:
                known[gold.document_id] = _get(document, gold.document_id)
            source = known[gold.document_id]
            if source is None:
                reason = REMOVED
                break
            changed = bool(gold.text_hash) and gold.text_hash != source.text_hash
            here = _passages(example, gold, passages_of(gold.document_id), changed=changed)
            if not here:
                reason = CHANGED if changed else EMPTY
                break
            elsewhere |= changed
            places.append(GoldPlace(gold, tuple(here)))
        if reason:
            dropped.setdefault(reason, []).append(example.id)
        else:
            found[example.id] = tuple(sorted(places, key=partial(_rank, example)))
            moved += [example.id] if elsewhere else []
    for reason, ids in dropped.items():
        ctx.warn("gold", f"{len(ids)} examples are left out: {reason}", examples=len(ids))
    lost = {reason: tuple(ids) for reason, ids in dropped.items()}
    return Resolved(found, lost, tuple(dict.fromkeys(moved)))


@dataclass(frozen=True)
class Pinned:
    """Examples whose gold carries the hash, and where it can the span, of a library document.

    `missing` maps the ids of examples to the gold document that the library does not have.
    """

    examples: tuple[Example, ...]
    missing: Mapping[str, str] = field(default_factory=dict)


def pin(examples: Iterable[Example], document: Callable[[str], Document]) -> Pinned:
    """Tie imported gold to the library: its hash, and the answer's span where it stands verbatim.

    Gold that has a hash already is kept as it is. `document` raises NotFound for an unknown id;
    such an example comes back in `missing` and not in `examples`.
    """
    pinned: list[Example] = []
    missing: dict[str, str] = {}
    known: dict[str, Document | None] = {}
    for example in examples:
        gold: list[Gold] = []
        for item in example.gold:
            if item.document_id not in known:
                known[item.document_id] = _get(document, item.document_id)
            source = known[item.document_id]
            if source is None:
                missing[example.id] = item.document_id
                break
            gold.append(_pin(item, source, example.answers))
        if example.id not in missing:
            group = example.group or (gold[0].document_id if gold else example.id)
            pinned.append(replace(example, gold=tuple(gold), group=group))
    return Pinned(tuple(pinned), missing)


def answer_span(text: str, answers: Iterable[str]) -> tuple[int, int] | None:
    """Return where the first answer that stands in `text` begins and ends, or None.

    White space may differ, and case when the exact case is not there; words are kept whole.

    >>> answer_span("They left in\\n1848.", ["in 1848"])
    (10, 17)
    """
    for answer in answers:
        words = [re.escape(word) for word in answer.split()]
        if not words:
            continue
        left = r"(?<!\w)" if answer.strip()[0].isalnum() else ""
        right = r"(?!\w)" if answer.strip()[-1].isalnum() else ""
        pattern = left + r"\s+".join(words) + right
        match = re.search(pattern, text) or re.search(pattern, text, re.IGNORECASE)
        if match:
            return match.span()
    return None


def _get(document: Callable[[str], Document], document_id: str) -> Document | None:
    try:
        return document(document_id)
    except NotFound:
        return None


def _pin(gold: Gold, source: Document, answers: Sequence[str]) -> Gold:
    if gold.text_hash:
        return gold
    if gold.start is not None:
        return replace(gold, text_hash=source.text_hash)
    start, end = answer_span(source.text, _telling(answers)) or (None, None)
    return replace(gold, text_hash=source.text_hash, start=start, end=end)


def _telling(answers: Sequence[str]) -> list[str]:
    """Return the answers that say where they stand: a word such as "yes" or "2" stands anywhere."""
    return [answer for answer in answers if len(answer.split()) > 1 or len(answer) > 3]


def _passages(
    example: Example, gold: Gold, passages: Sequence[Passage], *, changed: bool
) -> list[Passage]:
    if changed:
        # Its span counts in a text that is no more, so only the answer can be looked for.
        telling = _telling(example.answers)
        return _best_first(example, [p for p in passages if holds_any(p.text, telling)])
    place = gold.span
    if place is None:
        return _best_first(example, passages)

    def shared(passage: Passage) -> int:
        """How many characters of the gold a passage has, or what it was made from."""
        ends = [
            min(span.end, place.end) - max(span.start, place.start)
            for span in passage.spans
            if span.document_id == place.document_id
        ]
        return max(ends, default=0)

    on = [passage for passage in passages if on_gold(passage.spans, [gold])]
    return sorted(on, key=lambda p: (-shared(p), p.start))


def _rank(example: Example, place: GoldPlace) -> tuple[int, bool]:
    return -place.gold.grade, not holds_any(place.passages[0].text, example.answers)


def _distinct(held: Iterable[Sequence[Passage]]) -> tuple[Passage, ...]:
    return tuple({passage.id: passage for passages in held for passage in passages}.values())


def _best_first(example: Example, passages: Sequence[Passage]) -> list[Passage]:
    asked = content(example.question)
    told = content(" ".join(example.answers))

    def rank(passage: Passage) -> tuple[bool, int, int]:
        words = content(passage.indexed_text)
        holding = holds_any(passage.text, example.answers)
        return (not holding, -len(words & asked) - len(words & told), passage.start)

    return sorted(passages, key=rank)
