"""Repeats: which questions ask again, in the same words or in others, what others ask.

`measures.leaks` says what hardly changed means, and `meaning` what other words may mean the same;
whoever compares questions asks here. Without a `meaning` only words are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from graft.core.example import Example
from graft.core.unions import Unions
from graft.examples.meaning import Meaning
from graft.measures.leaks import leaks


@dataclass(frozen=True)
class Repeat:
    """An example whose question repeats that of another: 1.0 when in the same words.

    By meaning, `similarity` is the cosine of their vectors.
    """

    example: Example
    other: Example
    similarity: float
    by: Literal["words", "meaning"] = "words"


def repeats(
    examples: Iterable[Example], others: Iterable[Example], meaning: Meaning | None = None
) -> list[Repeat]:
    """Return every example that repeats one of the others, with that one, in their orders."""
    lefts, rights = list(examples), list(others)
    found = {
        (int(one), int(two)): Repeat(lefts[int(one)], rights[int(two)], near)
        for one, two, near in leaks(_rows(lefts), _rows(rights))
    }
    if meaning is not None:
        asked = [e.question for e in lefts], [e.question for e in rights]
        for one, two, near in meaning.same(*asked):
            found.setdefault((one, two), Repeat(lefts[one], rights[two], near, "meaning"))
    return [found[pair] for pair in sorted(found)]


def repeating(
    examples: Iterable[Example], others: Iterable[Example], meaning: Meaning | None = None
) -> set[str]:
    """Return the ids of the examples that repeat one of the others.

    >>> asked = [Example("1", "Who wrote Emma?"), Example("2", "Who wrote Ulysses?")]
    >>> repeating(asked, [Example("3", "who wrote 'Emma'")])
    {'1'}
    """
    return {found.example.id for found in repeats(examples, others, meaning)}


def copies(examples: Sequence[Example], meaning: Meaning | None = None) -> list[list[str]]:
    """Return the sets of two examples or more that repeat each other, by id, the smallest first.

    They are closed: of three, the first and the last may differ more than either from the second.
    """
    sets: Unions[str] = Unions()
    for found in repeats(examples, examples, meaning):
        sets.join(found.example.id, found.other.id)
    several = [ids for ids in sets.sets(e.id for e in examples) if len(ids) > 1]
    return sorted(several, key=lambda ids: (len(ids), ids))


def again(questions: Sequence[str], known: Iterable[str]) -> set[int]:
    """Return the places of the questions that repeat a known or an earlier one.

    >>> again(["Who wrote Ulysses?", "who wrote emma", "who wrote 'Ulysses'"], ["Who wrote Emma?"])
    {1, 2}
    """
    before = [Example("", question) for question in known]
    rows = [Example(str(place), question) for place, question in enumerate(questions)]
    found = {int(id) for id in repeating(rows, before)}
    # A copy of a copy counts too: what it repeats has been dropped or kept by then.
    earlier = (r for r in repeats(rows, rows) if int(r.other.id) < int(r.example.id))
    return found | {int(repeat.example.id) for repeat in earlier}


def _rows(examples: Sequence[Example]) -> list[tuple[str, str]]:
    return [(str(place), example.question) for place, example in enumerate(examples)]
