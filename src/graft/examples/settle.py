"""Settle: what the answer to a made question is, once a reader has looked for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from graft.core.document import Passage
from graft.core.example import Gold, Kind
from graft.examples.drafts import Draft
from graft.examples.filters import NOT_RECOVERED, copied, recovered
from graft.examples.holding import content, holds, tokens
from graft.generate.prompts import GROUNDED
from graft.measures.sentences import sentences
from graft.measures.support import support

SUPPORTED = 0.5
"""Lexical support (measures/support) a reader's answer must have to be taken for the answer."""

BRIEF = 12
"""Words up to which a reader's reply is an answer as it stands, rather than a sentence."""

_WHEN = re.compile(r"\b(?:when|(?:what|which) (?:year|date|month|day|century))\b", re.IGNORECASE)
_HOW_MUCH = re.compile(
    r"\bhow (?:many|much|long|old|far|large|big|tall|high|deep|wide|fast|often)\b"
    r"|\bwhat (?:percentage|number|proportion|share)\b",
    re.IGNORECASE,
)
_WHO = re.compile(r"^(?:\w+ )?(?:who|whom|whose)\b", re.IGNORECASE)
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class Settled:
    """An answer with the kind of question it makes, or the reason why there is none."""

    answer: str = ""
    kind: Kind = "extractive"
    reason: str = ""


def settle(draft: Draft, question: str, reply: str) -> Settled:
    """Return the answer to a question, given what the reader replied.

    The drafted answer when the reader found it again and it is of the kind the question asks for.
    Otherwise, and for a free question, the reader's own answer, when it stands in the text,
    brings something that the question does not say, and the passage supports it beside the
    question; a reply that is longer than an answer gives way to the sentence that was asked about.
    """
    reply = brief(reply)
    if not reply or holds(reply, GROUNDED.decline):
        return Settled(reason=NOT_RECOVERED)
    if draft.answer and recovered(reply, draft.answer) and fits(question, draft.answer):
        return Settled(draft.answer)
    for answer in (reply, draft.sentence):
        if _stands(answer, reply, question, draft.read):
            return Settled(answer, "free")
    return Settled(reason=NOT_RECOVERED)


def evidence(draft: Draft, answer: str) -> Gold:
    """Return the gold of an answer: the sentence that holds it, or what the reader read.

    Spans count in the document, as those of the draft do.
    """
    if holds(draft.sentence, answer):
        return draft.gold
    passage, read = draft.passage, draft.read
    found = [
        (passage.start + start, passage.start + end)
        for start, end in sentences(passage.text)
        if holds(passage.text[start:end], answer)
    ]
    inside = [(a, b) for a, b in found if a < read.end and read.start < b]
    start, end = inside[0] if inside else (read.start, read.end)
    return replace(draft.gold, start=start, end=end)


def brief(reply: str) -> str:
    """Return the first line of a reply, without quotes, a full stop and the citing of passages.

    >>> brief('[1] "In 1889."')
    'In 1889'
    """
    line = next((line.strip() for line in reply.splitlines() if line.strip()), "")
    line = re.sub(r"\[\d+\]|^(?:answer|a):\s*", "", line, flags=re.IGNORECASE).strip()
    return line.strip('"“” ').rstrip(".,;: ").strip('"“” ')


def fits(question: str, answer: str) -> bool:
    """Whether an answer is of the kind that a question asks for, as far as its first words tell.

    >>> fits("When did it end?", "Paris"), fits("Who built it?", "1889"), fits("Why?", "1889")
    (False, False, True)
    """
    number = bool(_DIGIT.search(answer)) or any(token.isdigit() for token in tokens(answer))
    if _WHEN.search(question) or _HOW_MUCH.search(question):
        return number
    if _WHO.search(question):
        return not number
    return True


def _stands(answer: str, reply: str, question: str, read: Passage) -> bool:
    """Whether an answer is in the text that was read, says something new and is borne out."""
    if answer != reply and not recovered(reply, answer):
        return False
    if answer == reply and len(tokens(reply)) > BRIEF:
        return False
    if not holds(read.text, answer) or not fits(question, answer):
        return False
    if len(content(answer) - content(question)) == 0 or copied(question, answer):
        return False
    headings = " ".join([read.title, *read.headings])
    return support(answer, read.text, question=question, context=headings).score >= SUPPORTED
