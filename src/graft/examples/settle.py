"""Settle: what the answer to a made question is, once a reader has looked for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from graft.core.example import Gold, Kind
from graft.examples.drafts import Draft
from graft.examples.filters import ANY_QUESTION, COPIED, NOT_RECOVERED, copied
from graft.examples.holding import answer_words, holds
from graft.generate.prompts import GROUNDED
from graft.measures.sentences import sentences
from graft.measures.support import support
from graft.measures.text import token_f1
from graft.measures.words import content

RECOVERED = 0.5
"""Token F1 between the reader's reply and the answer from which it counts as found again."""

SUPPORTED = 0.5
"""Lexical support (measures/support) of a reader's reply by the text from which it counts."""

BRIEF = 12
"""Words up to which a reply is an answer as it stands, rather than a sentence."""

LONGEST = 30
"""Words up to which a sentence may be an answer."""

ABOUT = 0.75
"""Share of a question's words that a sentence and its headings must hold to be its answer."""

NEW = 3
"""Words that a sentence must add to the question to answer it."""

_JUDGING = "difference differ advantage disadvantage best better example reason effect"
JUDGING = content(_JUDGING)
"""What a question may only ask for when the sentence speaks of it."""

KIND_OF_DETAIL = content("year date month day century percentage number proportion share")
"""What a question calls the detail that it asks for: the sentence need not."""

_WHAT = re.compile(r"what(?:'s|’s)?\s+(?:is|are|was|were|do|does|did|the)\b", re.IGNORECASE)
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


def needs_reader(draft: Draft, question: str) -> bool:
    """Whether a reader must find the answer again.

    It need not where nothing could come of it (no date, amount or person near by that the
    question could ask for), nor for an open question about a heading or a sentence: that is
    answered by the sentence, or not at all.
    """
    if draft.settled:
        return False
    if asks_detail(question):
        return bool(_details(draft, question))
    return draft.style != "free" and not copied(question, draft.answer)


def settle(draft: Draft, question: str, reply: str = "") -> Settled:
    """Return the answer to a question, given what the reader replied, if one was asked.

    A question for a date, an amount or a person is answered by the drafted answer, or else by
    another such detail near by (a small model often asks for another one than was cut out), when
    the reply holds that one alone. Any other question is answered by the drafted answer when the
    reply is little else, or by a brief reply in the text's own words, or by the sentence that was
    asked about, when nearly all the question's words stand in it and its headings. A question
    that gives the drafted answer away counts as having none. What a rule took out of a sentence
    together, a question with its answer, is settled as it is.
    """
    if draft.settled:
        return Settled(draft.answer)
    kind: Kind = "extractive" if draft.answer else "free"
    given = bool(draft.answer) and draft.style != "free" and copied(question, draft.answer)
    lost = Settled(reason=COPIED if given else NOT_RECOVERED)
    reply = brief(reply)
    if holds(reply, GROUNDED.decline):
        reply = ""
    if asks_detail(question):
        told = [c for c in _details(draft, question) if reply and holds(reply, c)]
        return Settled(told[0], kind) if len(told) == 1 else lost
    if reply and not given and token_f1(reply, [draft.answer]) >= RECOVERED:
        return Settled(draft.answer, kind)
    if reply and len(answer_words(reply)) <= BRIEF and _stands(reply, question, draft):
        return Settled(reply, kind)
    if _is_about(question, draft):
        return Settled(draft.sentence, kind)
    return lost


def settle_by_words(draft: Draft, question: str) -> Settled:
    """Return the answer to a question as its words alone tell, which no model had a say in.

    A question for a date, an amount or a person is answered by the one such detail of the sentence
    that was asked about, any other by what was cut out of it, where the question is about it, or by
    the sentence. One that a rule made of a sentence is answered by that sentence's own words.
    """
    if draft.settled:
        return Settled(draft.answer)
    kind: Kind = "extractive" if draft.answer else "free"
    given = bool(draft.answer) and draft.style != "free" and copied(question, draft.answer)
    lost = Settled(reason=COPIED if given else NOT_RECOVERED)
    about = _shares_words(question, draft)
    if asks_detail(question):
        told = [c for c in _details(draft, question) if holds(draft.sentence, c)]
        return Settled(told[0], kind) if about and len(told) == 1 else lost
    if draft.style != "free" and about and _answers(draft.answer, question):
        return Settled(draft.answer, kind)
    return Settled(draft.sentence, kind) if _is_about(question, draft) else lost


def evidence(draft: Draft, answer: str) -> tuple[Gold, ...]:
    """Return the gold of an answer: the sentence that holds it, or what the reader read.

    Of a draft whose answer stands in several places, all of them. Spans count in the document, as
    those of the draft do.
    """
    if draft.settled:
        return (draft.gold, *(other.gold for other in draft.beside))
    return (_evidence(draft, answer),)


def _evidence(draft: Draft, answer: str) -> Gold:
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
    number = bool(_DIGIT.search(answer)) or any(token.isdigit() for token in answer_words(answer))
    if _WHEN.search(question):
        return bool(_YEAR.search(answer))
    if _HOW_MUCH.search(question):
        return number
    if _WHO.search(question):
        return not number
    return True


def _details(draft: Draft, question: str) -> list[str]:
    """Return the answers near by that are of the kind a question asks for."""
    if draft.style == "free":
        return [c for c in draft.near if _answers(c, question)]
    return [c for c in (draft.answer, *draft.near) if _answers(c, question)]


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


def _shares_words(question: str, draft: Draft) -> bool:
    """Whether nearly all of a question's words stand in the sentence asked about or its headings,
    and of those that the headings have not, one in the sentence."""
    asked = content(question) - ANY_QUESTION - KIND_OF_DETAIL
    told = content(draft.sentence)
    headings = content(" ".join([draft.read.title, *draft.read.headings]))
    beyond = asked - headings
    near = bool(beyond & told) if beyond else bool(asked & told)
    return near and len(asked & (told | headings)) >= ABOUT * len(asked)


def _is_about(question: str, draft: Draft) -> bool:
    """Whether a question asks what the drafted sentence says.

    Nearly all its words must stand in the sentence or its headings. "What is X?" and "What does X
    do?" are answered by a sentence that begins with X, or opens the section that is headed X.
    Below a heading of its own the question must be about that, or about more of the sentence
    than one word: "What does inspect return?" fits every function of the module.
    """
    sentence, read = draft.sentence, draft.read
    asked = content(question) - ANY_QUESTION
    told = content(sentence)
    headings = content(" ".join([read.title, *read.headings]))
    own = content(read.headings[-1]) - content(read.title) if read.headings else set()
    where = told
    if _WHAT.match(question):
        where = content(" ".join(answer_words(sentence)[: len(asked) + 3]))
        if len(asked) < 2 and not (draft.opens and asked & headings):
            return False
        if not (draft.opens or asked & where - headings):
            return False
    return (
        len(sentence.split()) <= LONGEST
        and len(asked & (where | headings)) >= ABOUT * len(asked)
        and not (asked & JUDGING) - told
        and len(told - asked - headings) >= NEW
        and (not own or bool(asked & own) or len(asked & told) > 1)
    )
