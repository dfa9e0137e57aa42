"""Candidates: the parts of a passage that a question can be asked for, found by rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from graft.examples.holding import STOP_WORDS, content, tokens
from graft.examples.sentences import is_prose, sentences

Form = Literal["number", "name", "code", "definition", "item", "phrase", "sentence"]
FORMS: tuple[Form, ...] = ("number", "name", "code", "definition", "item", "phrase", "sentence")


@dataclass(frozen=True)
class Candidate:
    """An answer to be: `text[start:end] == answer` in a passage's text, found in one `sentence`."""

    answer: str
    form: Form
    start: int
    end: int
    sentence: tuple[int, int]


_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DATE = rf"(?:\d{{1,2}} {_MONTH}(?: \d{{4}})?|{_MONTH} \d{{1,2}}(?:, \d{{4}})?|{_MONTH} \d{{4}})"
_AMOUNT = (
    r"[$€£]?\d+(?:[.,]\d+)*(?:\s?%|\s?°[CF]?)?(?:[ -](?:hundred|thousand|million|billion|percent))?"
    r"(?: (?!(?:and|or|to|of|in|on|at|is|as|by|the|was|were|are|for|from|with|when|but)\b)[a-z]{3,}\b)?"
)
_NUMBER = re.compile(rf"(?<![\w.,/–-])(?:{_DATE}|{_AMOUNT})(?![\w(/–])")
_CAPITAL = r"[A-Z][\w’&-]*"
_NAME = re.compile(
    rf"(?<![\w(.\"“`*]){_CAPITAL}(?:(?: (?:of|the|de|la|and|von|van|for))* {_CAPITAL})*(?![\w(\"”])"
)
_CODE = re.compile(
    r"``(?P<a>[^`\n]{2,40})``|`(?P<b>[^`\n]{2,40})`|\"(?P<c>[^\s\"]{2,30})\"|"
    r"(?<![\w.])(?P<d>(?:\w+\.)*[A-Za-z_]\w*\(\)|__\w+__|(?:[a-z_]\w*\.)+[A-Za-z_]\w+|"
    r"[a-z]+(?:_[a-z0-9]+)+|[A-Z][a-z]+(?:[A-Z][a-z]+)+)(?![\w(])"
)
_DEFINITION = re.compile(
    r"(?:(?:An?|The) )?(?P<term>[\w\"“”'’`()./* -]{2,60}?)(?: \([^)]{1,40}\))?,?\s"
    r"(?:is|are|was|were|means|refers to)\s(?P<what>(?:an?|the|any)\s[^.;:]{12,160})"
)
_PHRASE = re.compile(r"\b(?:an?|the|its|their|his|her)\s((?:[a-z][a-z’'-]+\s){1,3}[a-z][a-z’'-]+)")
_VAGUE = frozenset({"it", "this", "that", "these", "they", "he", "she", "there", "which", "what"})


def candidates(text: str) -> list[Candidate]:
    """Return the answers that a question could be asked for, in the order of the text.

    Numbers and dates with their unit, names (capitalised sequences), code (identifiers, quoted
    words), definitions (the part after "X is a"), list items, noun phrases and whole sentences.
    Only prose is read; an answer that stands twice in the text in other sentences is kept once.
    """
    found: dict[str, Candidate] = {}
    for start, end in sentences(text):
        sentence = text[start:end]
        if not is_prose(sentence):
            continue
        for answer, form, left in _parts(sentence):
            span = (start + left, start + left + len(answer))
            key = " ".join(tokens(answer))
            if key and key not in found:
                found[key] = Candidate(answer, form, *span, (start, end))
    return sorted(found.values(), key=lambda c: (c.start, c.end))


def _parts(sentence: str) -> Iterator[tuple[str, Form, int]]:
    for match in _NUMBER.finditer(sentence):
        yield _part(match.group(), "number", match.start())
    for match in _NAME.finditer(sentence):
        name = match.group()
        opening = match.start() == 0 and " " not in name
        if len(name) > 2 and not opening and name.casefold() not in STOP_WORDS:
            yield _part(name, "name", match.start())
    for match in _CODE.finditer(sentence):
        group = match.lastgroup or "d"
        yield _part(match.group(group), "code", match.start(group))
    defined = _DEFINITION.match(sentence)
    if defined and content(defined["term"]) and tokens(defined["term"])[0] not in _VAGUE:
        yield _part(defined["what"], "definition", defined.start("what"))
    for match in _PHRASE.finditer(sentence):
        words = match.group(1).split()
        while words and words[-1] in STOP_WORDS:
            words.pop()
        if len(words) > 1 and not STOP_WORDS & set(words):
            text = match.group(1)[: match.group(1).rindex(words[-1]) + len(words[-1])]
            yield _part(text, "phrase", match.start(1))
    if 6 <= len(sentence.split()) <= 25 and tokens(sentence)[0] not in _VAGUE:
        yield _part(sentence, "sentence", 0)


def _part(text: str, form: Form, start: int) -> tuple[str, Form, int]:
    return text.rstrip(" ,"), form, start
