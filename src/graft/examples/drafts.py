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
from graft.examples.holding import content
from graft.examples.sentences import is_prose, window
from graft.examples.worked import GAP, Style
from graft.measures.sentences import sentences

SHOWN_WORDS = 36
"""Words around a gap that the asking prompt shows: reading is what asking costs."""

READ_WORDS = 60
"""Words around the evidence that the reader is given to find the answer in."""

_VAGUE_START = re.compile(
    r"^(?:it|this|that|these|those|they|he|she|such|here|there|in (?:this|such|that)|"
    r"for example|however|also|thus|hence|otherwise)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Draft:
    """A question to be: `shown` is the text that is asked about, `read` what holds its answer.

    `answer` is empty when the reader says what it is. `gold` spans the sentence that is
    asked about.
    """

    passage: Passage
    gold: Gold
    style: Style
    answer: str
    shown: Passage
    read: Passage
    sentence: str


def answer_drafts(
    document: Document, passages: Sequence[Passage], draw: random.Random
) -> Iterator[Draft]:
    """Yield drafts with a known answer, a passage at a time, the forms of answers taking turns.

    Sentences that name their subject come first, those that begin with "it" or "this" last.
    """
    used: Counter[Form] = Counter()
    pairs = [(p, c) for p in passages if (c := candidates(p.text))]
    draw.shuffle(pairs)
    while pairs:
        for passage, left in pairs:
            noise = {candidate: draw.random() for candidate in left}
            best = min(left, key=lambda c: (used[c.form], _poor(passage, c), noise[c]))
            left.remove(best)
            used[best.form] += 1
            yield _answer_draft(document, passage, best)
        pairs = [(passage, left) for passage, left in pairs if left]


def free_drafts(
    document: Document, passages: Sequence[Passage], draw: random.Random
) -> Iterator[Draft]:
    """Yield drafts that ask about a heading or title: one a passage, its first telling sentence."""
    order = [passage for passage in passages if passage.title or passage.headings]
    draw.shuffle(order)
    for passage in order:
        spans = [s for s in sentences(passage.text) if is_prose(passage.text[slice(*s)])]
        telling = [s for s in spans if not _VAGUE_START.match(passage.text[slice(*s)])]
        if not telling:
            continue
        # What stands under a heading first says most about it.
        span = telling[0]
        shown = _part(passage, *span)
        yield Draft(
            passage=passage,
            gold=Gold(
                document.id, document.text_hash, passage.start + span[0], passage.start + span[1]
            ),
            style="free",
            answer="",
            shown=shown,
            read=_part(passage, *window(passage.text, *span, words=READ_WORDS)),
            sentence=shown.text,
        )


def _poor(passage: Passage, candidate: Candidate) -> int:
    """Count what makes a sentence a poor one to ask about."""
    sentence = passage.text[slice(*candidate.sentence)]
    whole = candidate.form in {"sentence", "item"}
    rest = content(sentence) - (set() if whole else content(candidate.answer))
    return bool(_VAGUE_START.match(sentence)) + (len(rest) < 4) + (len(sentence.split()) > 35)


def _answer_draft(document: Document, passage: Passage, candidate: Candidate) -> Draft:
    start, end = candidate.sentence
    shown = _part(passage, start, end)
    style: Style = "free"
    if candidate.form not in {"sentence", "item"}:
        shown = replace(passage, text=_gapped(passage.text, candidate))
        style = "fact" if candidate.form in {"number", "name"} else "term"
    return Draft(
        passage=passage,
        gold=Gold(document.id, document.text_hash, passage.start + start, passage.start + end),
        style=style,
        answer=" ".join(candidate.answer.split()),
        shown=shown,
        read=_part(passage, *window(passage.text, start, end, words=READ_WORDS)),
        sentence=" ".join(passage.text[start:end].split()),
    )


def _gapped(text: str, candidate: Candidate) -> str:
    start, end = candidate.sentence
    first, _ = window(text, start, end, words=SHOWN_WORDS)
    before = text[min(first, start) : candidate.start]
    return " ".join(f"{before}{GAP}{text[candidate.end : end]}".split())


def _part(passage: Passage, start: int, end: int) -> Passage:
    text = " ".join(passage.text[start:end].split())
    return replace(passage, start=passage.start + start, end=passage.start + end, text=text)
