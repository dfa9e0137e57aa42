"""Settle: what the answer to a made question is, once a reader has looked for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from graft.core.example import Gold, Kind
from graft.examples.drafts import Draft
from graft.examples.filters import COPIED, NOT_RECOVERED, RECOVERED, copied
from graft.examples.holding import content, holds, tokens
from graft.generate.prompts import GROUNDED
from graft.measures.sentences import sentences
from graft.measures.support import support
from graft.measures.text import token_f1

SUPPORTED = 0.5
"""Lexical support (measures/support) of a reader's reply by the text from which it counts."""

BRIEF = 12
"""Words up to which a reply is an answer as it stands, rather than a sentence."""

LONGEST = 30
"""Words up to which a sentence may be an answer."""

ABOUT = 0.6
"""Share of a question's words that a sentence and its headings must hold to be its answer."""

DRAWN = 0.4
"""Share of a reply's new words that must stand in a sentence to say that it was drawn on."""

_WHEN = re.compile(r"\b(?:when|(?:what|which) (?:year|date|month|day|century))\b", re.IGNORECASE)
_HOW_MUCH = re.compile(
    r"\bhow (?:many|much|long|old|far|large|big|tall|high|deep|wide|fast|often)\b"
    r"|\bwhat (?:percentage|number|proportion|share)\b",
    re.IGNORECASE,
)
_WHO = re.compile(r"^(?:\w+ )?(?:who|whom|whose)\b", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_YEAR = re.compile(
    r"\b\d{4}\b|\d (?:BC|AD)\b|century|January|February|March|April|May|June|July|"
    r"August|September|October|November|December"
)


@dataclass(frozen=True)
class Settled:
    """An answer with the kind of question it makes, or the reason why there is none."""

    answer: str = ""
    kind: Kind = "extractive"
    reason: str = ""


def settle(draft: Draft, question: str, reply: str) -> Settled:
    """Return the answer to a question, given what the reader replied.

    A question for a date, an amount or a person is answered by the drafted answer, or else by
    another such detail near by (a small model often asks for another one than was cut out), when
    the reply holds that one alone. Any other question is answered by the drafted answer when the
    reply is little else, or by a brief reply in the text's own words, or by the sentence that was
    asked about, when the reply draws on it more than on its neighbours. A question that gives the
    drafted answer away counts as having none.
    """
    given = bool(draft.answer) and copied(question, draft.answer)
    answer = "" if given else draft.answer
    reply = brief(reply)
    lost = Settled(reason=COPIED if given else NOT_RECOVERED)
    if not reply or holds(reply, GROUNDED.decline):
        return lost
    kind: Kind = "free" if draft.style == "free" else "extractive"
    if asks_detail(question):
        details = [c for c in (answer, *draft.near) if c and _answers(c, question)]
        told = [c for c in details if holds(reply, c)]
        return Settled(told[0], kind) if len(told) == 1 else lost
    if answer and token_f1(reply, [answer]) >= RECOVERED and _answers(answer, question):
        return Settled(answer, kind)
    if len(tokens(reply)) <= BRIEF and _stands(reply, question, draft):
        return Settled(reply, kind)
    return Settled(draft.sentence, "free") if _says(reply, question, draft) else lost


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


def asks_detail(question: str) -> bool:
    """Whether a question asks for a date, an amount or a person.

    >>> asks_detail("In what year did it end?"), asks_detail("What does it do?")
    (True, False)
    """
    return any(pattern.search(question) for pattern in (_WHEN, _HOW_MUCH, _WHO))


def fits(question: str, answer: str) -> bool:
    """Whether an answer is of the kind that a question asks for, as far as its words tell.

    >>> fits("When did it end?", "Paris"), fits("Who built it?", "1889"), fits("Why?", "1889")
    (False, False, True)
    """
    number = bool(_DIGIT.search(answer)) or any(token.isdigit() for token in tokens(answer))
    if _WHEN.search(question):
        return bool(_YEAR.search(answer))
    if _HOW_MUCH.search(question):
        return number
    if _WHO.search(question):
        return not number
    return True


def _answers(answer: str, question: str) -> bool:
    return fits(question, answer) and not copied(question, answer)


def _stands(reply: str, question: str, draft: Draft) -> bool:
    """Whether a reply is in the text, says something new, and is borne out beside the question."""
    read = draft.read
    if not holds(read.text, reply) or not _answers(reply, question):
        return False
    if not content(reply) - content(question):
        return False
    headings = " ".join([read.title, *read.headings])
    return support(reply, read.text, question=question, context=headings).score >= SUPPORTED


def _says(reply: str, question: str, draft: Draft) -> bool:
    """Whether a reply draws on the drafted sentence, and that is on the question."""
    sentence, read = draft.sentence, draft.read
    asked = content(question)
    about = content(" ".join([sentence, read.title, *read.headings]))
    if len(sentence.split()) > LONGEST or len(asked & about) < ABOUT * len(asked):
        return False
    new, told = content(reply) - asked, content(sentence) - asked
    others = [content(read.text[a:b]) for a, b in sentences(read.text)]
    drawn = len(new & told)
    return (
        drawn >= 2
        and drawn >= DRAWN * len(new)
        and all(drawn >= len(new & other) for other in others)
    )
