"""Claim: what a sentence of an answer says, and what its question adds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from graft.measures.marks import masked
from graft.measures.placing import Stated
from graft.measures.quantity import Quantity, Word, quantities, read_words
from graft.measures.source import clauses
from graft.measures.words import STOP_WORDS, fold, is_negation, is_number

SHORT = 5
"""Up to so many words an answer must stand in the text as one piece."""

DATE = 2
"""Words within which numbers are taken for parts of one date ("2 June 2004")."""

_OPEN = re.compile(r"\b(?:who|whom|whose|what|when|where|which|why|how)\b", re.IGNORECASE)
_CHOICE = re.compile(r"\bor\b", re.IGNORECASE)
_JOINING = frozenset({"and", "but", "while", "whereas"})
_SAYS = frozenset(["is", "are", "was", "were", "cost", "be", "in", "for"])
_JOINED = re.compile(r"[^\W\d_][-_/.]\Z")
_BARE = frozenset(map(fold, ("yes", "no", "maybe", "true", "false")))


@dataclass(frozen=True)
class Claim:
    """A sentence beside its question: `content` and `asked` are words that carry meaning.

    `asked` leaves out what the sentence repeats, which is in `echoed`. `stated` are the sentence's
    numbers. `bare` is a mere yes or no; `echo` an answer to an open question that says nothing but
    the question. `parts` are the words that carry meaning of each of its statements ("a and b").
    """

    keys: tuple[str, ...]
    content: tuple[str, ...]
    names: tuple[str, ...]
    stated: tuple[Stated, ...]
    negated: bool
    asked: tuple[str, ...]
    asked_names: tuple[str, ...]
    asked_negated: bool
    bare: bool
    echoed: frozenset[str]
    echo: bool
    parts: tuple[frozenset[str], ...] = ()


def read_claim(sentence: str, question: str) -> Claim:
    """Return what a sentence claims when it answers the question (which may be empty)."""
    text = masked(sentence)
    said = read_words(text)
    asked = read_words(question)
    keys = tuple(word.key for word in said)
    content = _content(said) or tuple(dict.fromkeys(keys))
    bare = set(content) <= _BARE
    echoed = frozenset(_content(asked)).intersection(content)
    # "Which is older, A or B?" is rightly answered in its own words.
    open_question = bool(_OPEN.search(question)) and not _CHOICE.search(question)
    left = tuple(key for key in _content(asked) if bare or key not in content)
    return Claim(
        keys=keys,
        content=content,
        names=_names(said),
        stated=_stated(text, said, left),
        negated=not bare and any(is_negation(word.written) for word in said),
        asked=left,
        asked_names=tuple(k for k in (*_names(asked), *filter(is_number, left)) if k in left),
        asked_negated=any(is_negation(word.written) for word in asked),
        bare=bare,
        echoed=echoed,
        parts=_parts(said),
        echo=open_question and len(keys) > SHORT and echoed.issuperset(content),
    )


def _stated(text: str, said: Sequence[Word], asked: Sequence[str]) -> tuple[Stated, ...]:
    numbers = quantities(said)
    # A short answer is about what was asked; a longer one says itself what its numbers are about.
    asked = asked if len(said) <= SHORT else ()
    found = []
    for one, (first, last) in zip(numbers, clauses(text, said, numbers), strict=True):
        # The parts of a date, a few words apart, do not vouch for each other.
        parts = [other for other in numbers if _of_one_date(text, said, one, other)]
        beside = {*_content(said[first:last]), *asked}
        beside.difference_update(*((part.value, part.unit) for part in parts))
        found.append(Stated(one, frozenset(beside), asked=bool(asked)))
    return tuple(found)


def _parts(said: Sequence[Word]) -> tuple[frozenset[str], ...]:
    parts: list[list[Word]] = [[]]
    for word in said:
        if word.key in _JOINING:
            parts.append([])
        else:
            parts[-1].append(word)
    return tuple(frozenset(_content(part)) for part in parts if _content(part))


def _of_one_date(text: str, said: Sequence[Word], one: Quantity, other: Quantity) -> bool:
    """Whether two numbers are one, or as near as parts of a date: not "PX-1250", "2025 is 14"."""
    first, last = sorted((one.place, other.place))
    between = said[first + 1 : last]
    if last - first > DATE or any(word.key in _SAYS for word in between):
        return False
    start = said[other.place].start
    return other is one or not _JOINED.search(text, max(0, start - 2), start)


def _content(said: Sequence[Word]) -> tuple[str, ...]:
    """Words that carry meaning; negations are judged apart, for one anywhere proves nothing."""
    return tuple(
        dict.fromkeys(w.key for w in said if w.key not in STOP_WORDS and not is_negation(w.written))
    )


def _names(said: Sequence[Word]) -> tuple[str, ...]:
    """Capitalised words but the first, whose capital says nothing."""
    return tuple(w.key for w in said[1:] if w.written[0].isupper() and w.key not in STOP_WORDS)
