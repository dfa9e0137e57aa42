"""Source: a text read once, so that many sentences can be held against it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from graft.measures.sentences import sentences
from graft.measures.words import folded_words, is_negation


@dataclass(frozen=True)
class SourceText:
    """The words of a text by sentence and place.

    `where` maps a word to the set of sentences that hold it, as bits; `places` to its positions
    among all words; `context` holds the words of title and headings.
    """

    spans: tuple[tuple[int, int], ...]
    keys: tuple[str, ...]
    sentence_of: tuple[int, ...]
    firsts: tuple[int, ...]
    where: dict[str, int]
    places: dict[str, list[int]]
    pairs: frozenset[tuple[str, str]]
    negations: tuple[int, ...]
    context: frozenset[str]


def read_source(text: str, *, context: str = "") -> SourceText:
    """Read a text for `find_evidence`; `context` is its title and headings."""
    spans = tuple(sentences(text))
    keys: list[str] = []
    sentence_of: list[int] = []
    firsts: list[int] = []
    negations: list[int] = []
    where: dict[str, int] = {}
    places: dict[str, list[int]] = {}
    for number, (start, end) in enumerate(spans):
        firsts.append(len(keys))
        bit = 1 << number
        for key, written in folded_words(text, start, end):
            if key in where:
                where[key] |= bit
                places[key].append(len(keys))
            else:
                where[key] = bit
                places[key] = [len(keys)]
            if is_negation(written):
                negations.append(len(keys))
            keys.append(key)
            sentence_of.append(number)
    return SourceText(
        spans=spans,
        keys=tuple(keys),
        sentence_of=tuple(sentence_of),
        firsts=(*firsts, len(keys)),
        where=where,
        places=places,
        pairs=frozenset(pairwise(keys)),
        negations=tuple(negations),
        context=frozenset(key for key, _ in folded_words(context)),
    )
