"""Claim: what a sentence of an answer says, and what its question adds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from graft.measures.words import STOP_WORDS, fold, folded_words, is_negation, is_number

SHORT = 5
"""Up to so many words an answer must stand in the text as one piece."""

_MARKS = re.compile(
    r"\[\d+(?:\s*,\s*\d+)*\]|(?:\baccording to )?(?:\bthe )?\bpassages? \d+", re.IGNORECASE
)
"""How models point to passages; the numbers in it are no claims."""
_OPEN = re.compile(r"\b(?:who|whom|whose|what|when|where|which|why|how)\b", re.IGNORECASE)
_CHOICE = re.compile(r"\bor\b", re.IGNORECASE)
_BARE = frozenset(map(fold, ("yes", "no", "maybe", "true", "false")))


@dataclass(frozen=True)
class Claim:
    """A sentence beside its question: `content` and `asked` are words that carry meaning.

    `asked` leaves out what the sentence repeats, which is in `echoed`. `bare` is a mere yes or
    no; `echo` an answer to an open question that says nothing but the question.
    """

    keys: tuple[str, ...]
    content: tuple[str, ...]
    names: tuple[str, ...]
    negated: bool
    asked: tuple[str, ...]
    asked_names: tuple[str, ...]
    asked_negated: bool
    bare: bool
    echoed: frozenset[str]
    echo: bool


def read_claim(sentence: str, question: str) -> Claim:
    """Return what a sentence claims when it answers the question (which may be empty)."""
    said = list(folded_words(_MARKS.sub(" ", sentence)))
    asked = list(folded_words(question))
    keys = tuple(key for key, _ in said)
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
        negated=not bare and any(is_negation(written) for _, written in said),
        asked=left,
        asked_names=tuple(k for k in (*_names(asked), *filter(is_number, left)) if k in left),
        asked_negated=any(is_negation(written) for _, written in asked),
        bare=bare,
        echoed=echoed,
        echo=open_question and len(keys) > SHORT and echoed.issuperset(content),
    )


def _content(said: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Words that carry meaning; negations are judged apart, for one anywhere proves nothing."""
    return tuple(
        dict.fromkeys(k for k, written in said if k not in STOP_WORDS and not is_negation(written))
    )


def _names(said: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Capitalised words but the first, whose capital says nothing."""
    return tuple(key for key, written in said[1:] if written[0].isupper() and key not in STOP_WORDS)
