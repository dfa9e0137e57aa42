"""Source: a text read once, so that many sentences can be held against it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from graft.measures.grid import Row, read_row, read_rows
from graft.measures.notation import plain_decimal
from graft.measures.quantity import Quantity, Word, quantities, read_words
from graft.measures.sentences import sentences
from graft.measures.words import fold, is_negation

CARRIED = 5
"""A pronoun among so many first words makes a sentence speak of what the one before it does."""

_PRONOUN_WORDS = "it its he his she her they their them this these those both"
_PRONOUNS = frozenset(_PRONOUN_WORDS.split())
_PREPOSITIONS = frozenset({"to", "of", "in", "on", "at", "by", "for", "with", "from", "than"})
_DIVIDERS = frozenset({"and", "but", "or", "while", "whereas", "to", "than"})
_MARK = re.compile(r"[,;()|–—\n]|[.!?]\s")


@dataclass(frozen=True)
class Figure:
    """A quantity with the words that it stands with, numbers among them.

    `own` are those of its clause; `reach` also those that its clause leaves to be understood:
    what its sentence says before, what `SourceText.scopes` adds, and the sentence before where a
    pronoun goes on from it. In a `table` (its number, from 1) `own` are those of its cell, header
    and row's first cell, and `reach` those of its row.
    """

    quantity: Quantity
    own: frozenset[str]
    reach: frozenset[str]
    table: int = 0


@dataclass(frozen=True)
class SourceText:
    """The words of a text by sentence and place.

    `where` maps a word to the set of sentences that hold it, as bits; `places` to its positions
    among all words; `scopes` holds for each sentence itself and those that layout
    makes it a part of, as bits; `headed` how many sentences stand under it, where it is a heading;
    `tables` the number of the table that it is a row of, or 0; `context` the words of title and
    headings.
    """

    spans: tuple[tuple[int, int], ...]
    keys: tuple[str, ...]
    sentence_of: tuple[int, ...]
    firsts: tuple[int, ...]
    where: dict[str, int]
    places: dict[str, list[int]]
    pairs: frozenset[tuple[str, str]]
    negations: tuple[int, ...]
    scopes: tuple[int, ...]
    headed: tuple[int, ...]
    tables: tuple[int, ...]
    figures: tuple[Figure, ...]
    context: frozenset[str]


def read_source(text: str, *, context: str = "", header: str = "") -> SourceText:
    """Read a text for `find_evidence`; `context` is its title and headings.

    `header` is that of a table whose first row is not in the text.
    """
    spans = tuple(sentences(text))
    rows = read_rows(text, header)
    row_of = [rows.get(text.rfind("\n", 0, start) + 1) for start, _ in spans] if rows else []
    row_of = row_of or [None] * len(spans)
    words: list[Word] = []
    sentence_of: list[int] = []
    firsts: list[int] = []
    where: dict[str, int] = {}
    places: dict[str, list[int]] = {}
    for number, (start, end) in enumerate(spans):
        firsts.append(len(words))
        row = row_of[number]
        own = read_words(text, start, end)
        for word in read_row(text, row, own) if row else own:
            # 24.90 is found as 24.9 too, as a price is asked for, and the 2 of "War II" as II.
            letters = fold(word.written) if word.written.isalpha() else word.key
            for key in dict.fromkeys((word.key, plain_decimal(word.key), letters)):
                where[key] = where.get(key, 0) | 1 << number
                places.setdefault(key, []).append(len(words))
            words.append(word)
            sentence_of.append(number)
    firsts.append(len(words))
    said = [words[a:b] for a, b in pairwise(firsts)]
    scopes = _scopes(text, spans)
    keys = tuple(word.key for word in words)
    return SourceText(
        spans=spans,
        keys=keys,
        sentence_of=tuple(sentence_of),
        firsts=tuple(firsts),
        where=where,
        places=places,
        pairs=frozenset(pairwise(keys)),
        negations=tuple(i for i, word in enumerate(words) if is_negation(word.written)),
        scopes=tuple(scopes),
        headed=tuple(_headed(text, spans)),
        tables=tuple(row.table if row else 0 for row in row_of),
        figures=tuple(_figures(text, said, scopes, row_of)),
        context=frozenset(word.key for word in read_words(context)),
    )


def clauses(text: str, words: Sequence[Word], numbers: Sequence[Quantity]) -> list[tuple[int, int]]:
    """Return the range of words of each quantity's clause.

    Quantities share their words unless a mark or a conjunction stands between them.
    """
    cuts = [0]
    for one, other in pairwise(numbers):
        between = range(one.place + 1, other.place + 1)
        cuts.append(next((i for i in between if _divides(text, words, i)), cuts[-1]))
    ends = [next((cut for cut in cuts if cut > start), len(words)) for start in cuts]
    return list(zip(cuts, ends, strict=True))[: len(numbers)]


def _divides(text: str, words: Sequence[Word], place: int) -> bool:
    between = text[words[place - 1].end : words[place].start]
    return words[place].key in _DIVIDERS or bool(_MARK.search(between))


def _figures(
    text: str,
    said: Sequence[Sequence[Word]],
    scopes: Sequence[int],
    row_of: Sequence[Row | None],
) -> Iterator[Figure]:
    carried = 0
    for number, own in enumerate(said):
        # "It opened in 1931" speaks of what the sentence before does.
        before = carried | 1 << (number - 1) if number and _goes_on(own) else 0
        carried = scopes[number] | before
        beside = {word.key for i in range(number) if carried >> i & 1 for word in said[i]}
        numbers = quantities(own)
        row = row_of[number]
        if row:
            every = beside.union(word.key for word in own)
            label = {word.key for word in own[: _first_cell(text, own)]}
        for one, (first, last) in zip(numbers, clauses(text, own, numbers), strict=True):
            if row:
                near = frozenset(label.union(word.key for word in own[first:last]))
                yield Figure(one, near, frozenset(every), row.table)
                continue
            near = frozenset(word.key for word in own[first:last])
            yield Figure(one, near, near.union(beside, (word.key for word in own[:first])))


def _first_cell(text: str, own: Sequence[Word]) -> int:
    """How many words of a row stand in its first cell."""
    return next((i for i in range(1, len(own)) if "|" in text[own[i - 1].end : own[i].start]), 0)


def _scopes(text: str, spans: Sequence[tuple[int, int]]) -> list[int]:
    """For each sentence, as bits, itself and those before that layout makes it a part of.

    The first row of its table, the lines before in its record ("label: value"), its heading.
    """
    found: list[int] = []
    heading = opener = 0
    last = ""
    for i, (start, end) in enumerate(spans):
        joined = bool(i) and text[spans[i - 1][1] : start].count("\n") == 1
        mark = text[start] if text[start] in "#|" else ":" if ":" in text[start:end] else ""
        if not (joined and mark == last):
            opener = i
        if mark == "#":
            heading = 0
        table = 1 << opener if mark == "|" else 0
        record = (1 << i) - (1 << opener) if mark == ":" else 0
        found.append(1 << i | table | record | heading)
        if mark == "#":
            heading = 1 << i
        last = mark
    return found


def _headed(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[int]:
    """How many sentences stand under each, up to the next heading; none under what is none."""
    headings = [*(i for i, (start, _) in enumerate(spans) if text[start] == "#"), len(spans)]
    below = {one: other - one - 1 for one, other in pairwise(headings)}
    yield from (below.get(i, 0) for i in range(len(spans)))


def _goes_on(said: Sequence[Word]) -> bool:
    """Whether a sentence's subject is a pronoun: "in 1950 it opened", but not "next to it"."""
    keys = ["", *(word.key for word in said[:CARRIED])]
    return any(b in _PRONOUNS and a not in _PREPOSITIONS for a, b in pairwise(keys))
