"""Candidates: the parts of a passage that a question can be asked for, found by rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from graft.examples.holding import answer_words
from graft.examples.sentences import is_prose
from graft.measures.sentences import sentences
from graft.measures.words import STOP_WORDS, content, fold

Form = Literal["number", "name", "code", "definition", "item", "phrase", "sentence"]


@dataclass(frozen=True)
class Candidate:
    """An answer to be: `text[start:end] == answer` in a passage's text, found in one `sentence`."""

    answer: str
    form: Form
    start: int
    end: int
    sentence: tuple[int, int]


MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DATE = rf"(?:\d{{1,2}} {MONTH}(?: \d{{4}})?|{MONTH} \d{{1,2}}(?:, \d{{4}})?|{MONTH} \d{{4}})"
_UNIT = (
    r"(?:\s?(?:%|°[CF]?)|[ -](?:percent|(?:hundred|thousand|million|billion)(?: [a-z]+s)?|"
    r"(?!was|is|has|does|as|its|this|plus|vs)[a-z]{2,}s|[kmc]?m|[km]g|[kmg]b|year|day)\b)"
)
_NUMBER = re.compile(
    rf"(?<![\w.,/–-])(?:{_DATE}|[$€£]\d+(?:[.,]\d+)*{_UNIT}?|\d+(?:[.,]\d+)*{_UNIT}|"
    r"(?:1\d|20)\d\d|\d{1,3}(?:,\d{3})+|\d+\.\d+)(?![\w(/–%])"
)
_CAPITAL = r"[A-Z][\w&]*(?:[-’'][A-Z]\w*)*"
_NAME = re.compile(
    rf"(?<![\w(.\"“`*'/-]){_CAPITAL}(?:(?: (?:of|the|de|la|and|von|van|for))* {_CAPITAL})*"
    r"(?: \d[\d.]*\b)?(?![\w(\"”=/-])"
)
_CODE = re.compile(
    r"``(?P<a>[^`\n]{2,40})``|`(?P<b>[^`\n]{2,40})`|\"(?P<c>[^\s\"]{2,30})\"|"
    r"(?<![\w.])(?P<d>(?:\w+\.)*[A-Za-z_]\w*\(\)|__\w+__|(?:[a-z_]\w*\.)+[A-Za-z_]\w+|"
    r"[a-z]+(?:_[a-z0-9]+)+|[A-Z][a-z]+(?:[A-Z][a-z]+)+)(?![\w(])"
)
_DEFINITION = re.compile(
    r"(?:(?:An?|The) )?(?P<term>[\w\"“”'’`()./* -]{2,60}?)(?: \([^)]{1,40}\))?,?\s"
    r"(?:is|are|was|were|means|refers to)\s(?P<what>(?:an?|the|any)\s[^,.;:]{12,120})"
)
_PHRASE = re.compile(
    r"\b(?:an?|the|its|their|his|her)\s(?P<p>(?:[a-z][a-z-]+\s){1,2}[a-z][a-z-]+)"
    r"(?=[.,;)]|\s(?:of|in|on|at|for|to|from|with|by|and|or|that|which|who|as|is|are|was|were)\b)"
)
_MARKER = re.compile(r"(?:[-*+•]|\d{1,3}[.)])\s+")
_LEADING = frozenset(
    re.findall(
        r"\w+",
        "whereas however although though since unlike despite among within without according "
        "because unless whether january february march april may june july august september "
        "october november december note example see like",
    )
)
_VAGUE = frozenset({"it", "this", "that", "these", "they", "he", "she", "there", "which", "what"})


def candidates(text: str) -> list[Candidate]:
    """Return the answers that a question could be asked for, in the order of the text.

    Dates, years and numbers with their unit, names (capitalised sequences), code (identifiers,
    quoted words), definitions (what follows "X is a"), noun phrases, list items and whole
    sentences. Only prose is read; of two that overlap the longer part of a sentence stays.
    """
    found: dict[str, Candidate] = {}
    for start, end in sentences(text):
        marker = _MARKER.match(text, start, end)
        first = marker.end() if marker else start
        sentence = text[first:end]
        if not is_prose(sentence):
            continue
        taken: list[tuple[int, int]] = []
        for answer, form, left in _parts(sentence, listed=bool(marker)):
            a, b = first + left, first + left + len(answer)
            key = " ".join(answer_words(answer))
            short = form not in {"definition", "item", "sentence"}
            if not key or key in found or (short and any(x < b and a < y for x, y in taken)):
                continue
            found[key] = Candidate(answer, form, a, b, (first, end))
            if short:
                taken.append((a, b))
    return sorted(found.values(), key=lambda c: (c.start, c.end))


def _parts(sentence: str, *, listed: bool) -> Iterator[tuple[str, Form, int]]:
    for match in _NUMBER.finditer(sentence):
        yield _part(match.group(), "number", match.start())
    yield from _named(sentence)
    for match in _PHRASE.finditer(sentence):
        if not any(fold(word) in STOP_WORDS for word in match["p"].split()):
            yield _part(match["p"], "phrase", match.start("p"))
    defined = _DEFINITION.match(sentence)
    if defined and content(defined["term"]) and answer_words(defined["term"])[0] not in _VAGUE:
        yield _part(defined["what"], "definition", defined.start("what"))
    if 6 <= len(sentence.split()) <= 25 and answer_words(sentence)[0] not in _VAGUE:
        yield _part(sentence, "item" if listed else "sentence", 0)


def named(text: str) -> list[tuple[str, Form]]:
    """Return the code and the names in a text, each once.

    >>> named("When did Windows 95 call os.fork()?")
    [('os.fork()', 'code'), ('Windows 95', 'name')]
    """
    return list(dict.fromkeys((answer, form) for answer, form, _ in _named(text)))


def _named(text: str) -> Iterator[tuple[str, Form, int]]:
    for match in _CODE.finditer(text):
        group = match.lastgroup or "d"
        yield _part(match.group(group), "code", match.start(group))
    for match in _NAME.finditer(text):
        words = match.group().split()
        first = 0
        while first < len(words) and _leads(words[first]):
            first += 1
        name = " ".join(words[first:])
        start = text.find(name, match.start())
        opening = match.start() == 0 and len(words) == 1
        if len(name) > 2 and not opening:
            yield _part(name, "name", start)


def _leads(word: str) -> bool:
    """Whether a capitalised word only opens a sentence, and is no part of the name after it."""
    return word.casefold() in _LEADING or fold(word) in STOP_WORDS


def _part(text: str, form: Form, start: int) -> tuple[str, Form, int]:
    return text.rstrip(" ,"), form, start
