"""Drafts: what to ask about, planned for each document before any model is asked."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from graft.core.document import Document, Passage
from graft.core.example import Gold
from graft.examples.candidates import Candidate, Form, candidates
from graft.examples.named import named_question
from graft.examples.sentences import is_prose, window
from graft.examples.worked import GAP, AskingStyle
from graft.measures.sentences import HEADING, sentences
from graft.measures.words import content

SHOWN_WORDS = 36
"""Words around a gap that the asking prompt shows: reading is what asking costs."""

READ_WORDS = 60
"""Words around the evidence that the reader is given to find the answer in."""

WHOLE = frozenset({"sentence", "item"})
"""Forms whose answer is the whole of what is asked about, so that nothing is cut out."""

_VAGUE_START = re.compile(
    r"^(?:it|this|that|these|those|they|he|she|such|here|there|in (?:this|such|that)|"
    r"for example|however|also|thus|hence|otherwise)\b|.*\b(?:the following|above|below)\b",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class Draft:
    """A question to be: `shown` is the text that is asked about, `read` what holds its answer.

    `answer` is empty when the reader says what it is; `near` are the other short answers that
    stand in what is read. `gold` spans the sentence that is
    asked about, and `opens` says whether it is the first one of its section. `question` is empty
    where a model is to ask it. `beside` are the drafts that hold the rest of the answer, where one
    passage does not hold all of it.
    """

    passage: Passage
    gold: Gold
    style: AskingStyle
    answer: str
    near: tuple[str, ...]
    shown: Passage
    read: Passage
    sentence: str
    opens: bool = False
    question: str = ""
    beside: tuple[Draft, ...] = ()

    @property
    def settled(self) -> bool:
        """Whether question and answer are known, so that no model is asked for either."""
        return bool(self.question and self.answer)


def answer_drafts(
    document: Document, passages: Sequence[Passage], draw: random.Random
) -> Iterator[Draft]:
    """Yield drafts with a known answer, a passage at a time, the forms of answers taking turns.

    Sentences that name their subject come first, those that begin with "it" or "this" last.
    """
    used: Counter[Form] = Counter()
    opening = _openings(passages)
    pairs = [(p, c, list(c)) for p in passages if (c := candidates(p.text))]
    draw.shuffle(pairs)
    while pairs:
        for passage, found, left in pairs:
            noise = {candidate: draw.random() for candidate in left}
            best = min(left, key=lambda c: (used[c.form], _poor(passage, c), noise[c]))
            left.remove(best)
            used[best.form] += 1
            draft = _answer_draft(document, passage, best, found)
            yield replace(draft, opens=opening.get(passage.id) == best.sentence)
        pairs = [(passage, found, left) for passage, found, left in pairs if left]


def free_drafts(
    document: Document, passages: Sequence[Passage], draw: random.Random
) -> Iterator[Draft]:
    """Yield drafts that ask about a heading or title: one a section, its first telling sentence."""
    opening = _openings(passages)
    order = [p for p in passages if p.id in opening and (p.title or p.headings)]
    draw.shuffle(order)
    for passage in order:
        found = candidates(passage.text)
        draft = _draft(document, passage, opening[passage.id], found=found)
        name = passage.headings[-1] if passage.headings else passage.title
        yield replace(draft, opens=True, question=named_question(name, draft.sentence))


def draft_about(
    document: Document,
    passage: Passage,
    span: tuple[int, int],
    *,
    question: str,
    answer: str,
) -> Draft:
    """Return a draft on `passage.text[slice(*span)]` whose question and answer are known."""
    return replace(_draft(document, passage, span, found=()), question=question, answer=answer)


def _openings(passages: Sequence[Passage]) -> dict[str, tuple[int, int]]:
    """Return the first telling sentence of each section, by the id of the passage it is in.

    What stands under a heading first says most about it.
    """
    found: dict[str, tuple[int, int]] = {}
    before: tuple[str, ...] | None = None
    for passage in passages:
        if passage.headings == before:
            continue
        before = passage.headings
        spans = [s for s in sentences(passage.text) if is_prose(passage.text[slice(*s)])]
        if spans and not _VAGUE_START.match(passage.text[slice(*spans[0])]):
            found[passage.id] = spans[0]
    return found


def _answer_draft(
    document: Document, passage: Passage, candidate: Candidate, found: Sequence[Candidate]
) -> Draft:
    draft = _draft(document, passage, candidate.sentence, found=found)
    answer = " ".join(candidate.answer.split())
    near = tuple(other for other in draft.near if other != answer)
    if candidate.form in WHOLE:
        return replace(draft, answer=answer)
    return replace(
        draft,
        style="fact" if candidate.form in {"number", "name"} else "term",
        answer=answer,
        near=near,
        shown=replace(passage, text=_gapped(passage.text, candidate)),
    )


def _draft(
    document: Document, passage: Passage, span: tuple[int, int], *, found: Sequence[Candidate]
) -> Draft:
    """Return a draft that asks about one sentence, whose answer is not known."""
    shown = part(passage, *span)
    start, end = window(passage.text, *span, words=READ_WORDS)
    inside = (c for c in found if start <= c.start < end and c.form not in WHOLE)
    return Draft(
        passage=passage,
        gold=Gold(
            document.id, document.text_hash, passage.start + span[0], passage.start + span[1]
        ),
        style="free",
        answer="",
        near=tuple(dict.fromkeys(" ".join(c.answer.split()) for c in inside)),
        shown=shown,
        read=part(passage, start, end),
        sentence=shown.text,
    )


def _poor(passage: Passage, candidate: Candidate) -> int:
    """Count what makes a sentence a poor one to ask about."""
    sentence = passage.text[slice(*candidate.sentence)]
    rest = content(sentence) - (set() if candidate.form in WHOLE else content(candidate.answer))
    return bool(_VAGUE_START.match(sentence)) + (len(rest) < 4) + (len(sentence.split()) > 35)


def _gapped(text: str, candidate: Candidate) -> str:
    start, end = candidate.sentence
    first, _ = window(text, start, end, words=SHOWN_WORDS)
    before = text[min(first, start) : candidate.start]
    return _flat(f"{before}{GAP}{text[candidate.end : end]}")


def part(passage: Passage, start: int, end: int) -> Passage:
    """Return `passage.text[start:end]` as a passage, its text in one line and without headings."""
    text = _flat(passage.text[start:end])
    return replace(passage, start=passage.start + start, end=passage.start + end, text=text)


def _flat(text: str) -> str:
    """Return a text in one line, without the headings in it: prompts show these above it."""
    return " ".join(HEADING.sub(" ", text).split())
