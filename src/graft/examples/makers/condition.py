"""condition: what happens if something is so, and when something happens."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graft.examples.clauses import PRONOUNS, clause, is_imperative, opens_clause
from graft.examples.maker import Maker
from graft.examples.statements import Statement, by_rule

_FIRST = re.compile(
    r"^(?P<word>If|When|Whenever|Once|As long as|In case) (?P<x>[^,;:—]{8,140}), "
    r"(?:then )?(?P<y>[^;:—]{8,200})$"
)
_LAST = re.compile(
    r"^(?P<y>[^,;:—]{8,160}?) (?P<word>only if|only when|if|when|whenever|as long as|"
    r"in case(?! of)) "
    r"(?P<x>[^,;:—]{8,140})$"
)
_ADVICE = re.compile(r"you(?:’ll|'ll)? (?:should|must|can|need|have to|will need)\b")
_NO_CONDITION = re.compile(r"^(?:and|or|so|even|not|possible|necessary|needed|any|required)\b")
_OF_A_QUESTION = re.compile(
    r"\b(?:know|see|check|tell|decide|determine|sure|ask|find out|wonder|as|even|and|or|only|"
    r"except|than|not|is|are|be|times?|moment|point|date|day|cases?|situations?|frequency)$"
)


def ask(statement: Statement) -> Iterator[tuple[str, str]]:
    """Yield questions on a condition and on what comes of it.

    >>> list(ask(Statement("If the queue is full, new jobs are dropped by the broker")))[0]
    ('What happens if the queue is full', 'new jobs are dropped by the broker')
    """
    first, last = _FIRST.match(statement.text), _LAST.match(statement.text)
    found = first or last
    if not found or _NO_CONDITION.match(found["x"]):
        return
    x, y = found["x"], found["y"]
    word = found["word"].lower()
    if first and not opens_clause(y):
        return
    if last and _OF_A_QUESTION.search(y):
        return
    if len(x.split()) < 3 or _TWO.search(x):
        return
    y = statement.lowered(y)
    yield from _forward(x, y, word, advises=bool(first))
    yield from _backward(x, y, word)


def _forward(x: str, y: str, word: str, *, advises: bool) -> Iterator[tuple[str, str]]:
    asked = {"once": "once", "as long as": "as long as", "in case": "in case"}.get(
        word.removeprefix("only "), "if" if "if" in word else "when"
    )
    states = clause(x)
    if states is None and not re.match(r"(?:there (?:is|are)|you|no)\b", x):
        return
    if is_imperative(y) or _ADVICE.match(y):
        if advises:
            yield f"What should you do {asked} {x}", y
    elif clause(y) or re.match(r"(?:it|they|there)\b", y):
        if states is not None and states.auxiliary == "had":
            return
        past = states is not None and states.auxiliary in {"did", "was", "were", "had"}
        yield f"What {'happened' if past else 'happens'} {asked} {x}", y


def _backward(x: str, y: str, word: str) -> Iterator[tuple[str, str]]:
    parts = clause(y)
    if (
        parts is None
        or _TWO.search(y)
        or "," in y
        or re.match(r"you\b", y)
        or _ADVICE.match(y)
        or is_imperative(y)
        or _PRONOUN.fullmatch(parts.subject)
    ):
        return
    lead = "Under which condition" if "if" in word or "long" in word else "When"
    yield f"{lead} {parts.asked}", f"{word} {x}"


_TWO = re.compile(
    r" (?:and|but|or) (?:the|its?|is|are|was|were|will|can|could|they|you|has|have|does|do|"
    r"then|an?)\b"
    r"|, (?:which|and|but)\b"
)
_PRONOUN = re.compile(PRONOUNS, re.IGNORECASE)

CONDITION = Maker("condition", "what happens if, under which condition", 1.5, by_rule(ask))
