"""Sameness: what tells two questions apart, however near their vectors lie.

A vector of a sentence hardly sees a number, a name or a "not": of a small encoder, "What were the
revenues in 2018?" and "... in 2019?" have a cosine of .96, and many a paraphrase has less. So these
are compared as they stand, and a cosine is asked only of what they leave open.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from graft.measures.leaks import QUESTION_WORDS, content_words
from graft.measures.words import DOWNWARD, UPWARD, fold, folded_words, is_negation, is_number

_KINDS = {
    "who": r"who|whom|whose",
    "when": r"when|(?:in |on )?(?:what|which) (?:year|years|month|day|date|century)",
    "where": r"where",
    "why": r"why",
    "number": r"how (?:many|much)",
}
"""Openings that ask for one kind of thing; "what", "which" and other "how" ask for any."""
_ASKS = {kind: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for kind, words in _KINDS.items()}

IT = "it"
"""What stands for the words that two questions share."""

_IDENTIFIER = re.compile(
    r"`[^`]+`|\w+(?:[._]\w+)+(?:\(\))?|\w+\(\)|__\w+__|\w*[a-z]\w*[A-Z]\w*|\w*\d\w*[^\W\d]\w*|"
    r"\w*[^\W\d]\w*\d\w*"
)
_NAME = re.compile(r"(?<![\w.])[^\W\d_][\w&]*(?:[-’'][^\W\d_]\w*)*")
_PART = re.compile(r"[^\W_]+")


def told_apart(one: str, other: str) -> bool:
    """Whether two questions ask different things by their words, whatever their vectors say.

    They do where one has a number, an identifier or a name that the other lacks; where one is
    negated; where one says more and the other less; where one asks who and the other when, where,
    why or how many; and where they are the same but for one place, in which no word is shared:
    what stands there is what they are about ("How is asthma treated?", "How is asthma diagnosed?").

    >>> told_apart("What does heapq.merge do?", "What does heapq.nsmallest do?")
    True
    >>> told_apart("How high is Mount Everest?", "What is the height of Mount Everest?")
    False
    """
    return (
        _numbers(one) != _numbers(other)
        or _lacks(one, other)
        or _lacks(other, one)
        or _negated(one) != _negated(other)
        or _against(one, other)
        or _asks_otherwise(one, other)
        or _exchanged(content_words(one), content_words(other))
    )


def frames(one: str, other: str) -> tuple[str, str]:
    """Return two questions with "it" in place of the words that they share: what each asks of it.

    What they share may be most of what their vectors see; this is the rest.

    >>> frames("How is Rotor syndrome inherited?", "What are the symptoms of Rotor syndrome?")
    ('How is it inherited?', 'What are the symptoms of it')
    """
    shared = set(content_words(one)) & set(content_words(other)) - QUESTION_WORDS
    return _framed(one, shared), _framed(other, shared)


def _framed(text: str, shared: set[str]) -> str:
    found: list[str] = []
    for word in text.split():
        content = set(content_words(word))
        if not content or not content <= shared:
            found.append(word)
        elif found[-1:] != [IT]:
            found.append(IT)
    return " ".join(found)


def _numbers(text: str) -> set[str]:
    return {key for key, _ in folded_words(text) if is_number(key)}


def _lacks(one: str, other: str) -> bool:
    """Whether the other question lacks an identifier or a name of this one.

    An identifier may be taken apart there ("merge in heapq"). An abbreviation may be written out
    ("chief executive"), so it counts only where the other has one of its own.
    """
    there = {fold(part) for part in _PART.findall(other)}
    for found in _IDENTIFIER.findall(one):
        if not {fold(part) for part in _PART.findall(found)} <= there:
            return True
    missing = [name for name in _names(one) if fold(name) not in there]
    if any(not name.isupper() for name in missing):
        return True
    here = {fold(part) for part in _PART.findall(one)}
    return bool(missing) and any(fold(name) not in here for name in _names(other))


def _names(text: str) -> list[str]:
    """Return the capitalised words but the first; none of a text that capitalises most."""
    words = _NAME.findall(text)[1:]
    found = [word for word in words if word[0].isupper() and word != "I"]
    return found if 2 * len(found) <= len(words) or len(words) < 4 else []


def _negated(text: str) -> bool:
    return any(is_negation(written) for _, written in folded_words(text))


def _against(one: str, other: str) -> bool:
    """Whether one speaks of more where the other speaks of less."""
    left, right = ({key for key, _ in folded_words(text)} for text in (one, other))
    up, down = bool(left & UPWARD), bool(left & DOWNWARD)
    return up != down and (up, down) == (bool(right & DOWNWARD), bool(right & UPWARD))


def _asks_otherwise(one: str, other: str) -> bool:
    left, right = (
        {kind for kind, asks in _ASKS.items() if asks.search(text)} for text in (one, other)
    )
    return bool(left and right) and left.isdisjoint(right)


def _exchanged(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether the words are the same but for one place, where each has others."""
    start, most = 0, min(len(one), len(other))
    while start < most and one[start] == other[start]:
        start += 1
    end = 0
    while end < most - start and one[-1 - end] == other[-1 - end]:
        end += 1
    left, right = set(one[start : len(one) - end]), set(other[start : len(other) - end])
    own = bool(left and right) and left.isdisjoint(right)
    return own and start + end > 0 and (left | right).isdisjoint(QUESTION_WORDS)
