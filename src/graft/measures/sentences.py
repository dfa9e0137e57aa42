"""Sentences: where each sentence of a text starts and ends."""

from __future__ import annotations

import re

WRAPPED = 45
"""A line this long without a closing mark goes on in the next one (hard-wrapped text)."""

LONGEST = 600
"""Characters after which a text without marks is cut at a space, so that no quote is endless."""

_ABBREVIATIONS = (
    "dr mr mrs ms prof st sr jr gen col rep gov capt lt sgt rev hon inc ltd co corp vs etc al "
    "e.g i.e cf ca approx eds est dept univ"
)
ABBREVIATIONS = frozenset(_ABBREVIATIONS.split())
_BEFORE_NUMBERS = (
    "no nos vol fig figs eq sec ch p pp ed jan feb mar apr jun jul aug sep sept oct nov dec"
)
BEFORE_NUMBERS = frozenset(_BEFORE_NUMBERS.split())
"""Abbreviations only before a number: "No. 5", but "No. It does not."."""

_END = re.compile(
    r"[.!?]+[\"'”’)\]]*(?=\s)|[。！？]+[」』”]*|(?P<line>[^\S\n]*\n\s*)",
)
_MARKER = re.compile(r"(?:[-*+•>#|]|\d{1,3}[.)]\s|[a-z]\)\s|```)")
_INITIALS = re.compile(r"[^\W\d_]|(?:[A-Z]\.)+[A-Z]")
_WORD_BEFORE = re.compile(r"[^\s(\[\"'“‘]+$")


def sentences(text: str) -> list[tuple[int, int]]:
    """Return the `(start, end)` code points of each sentence, in order, without outer whitespace.

    Lines that are wrapped in mid-sentence are joined; list items, table rows and headings stand
    alone. Everything between two spans is whitespace.

    >>> text = "Dr. Smith came at 3.5 p.m. today. Why? Nobody knows"
    >>> [text[start:end] for start, end in sentences(text)]
    ['Dr. Smith came at 3.5 p.m. today.', 'Why?', 'Nobody knows']
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        if _ends_sentence(text, start, match):
            _add(spans, text, start, match.end())
            start = match.end()
    _add(spans, text, start, len(text))
    return spans


def _ends_sentence(text: str, start: int, match: re.Match[str]) -> bool:
    if match["line"] is not None:
        return _ends_line(text, match)
    follows = text[match.end() : match.end() + 80].lstrip()[:1]
    if follows.islower():
        return False
    if not match[0].startswith("."):
        return True
    before = _WORD_BEFORE.search(text, max(start, match.start() - 40), match.start())
    word = before[0] if before else ""
    if word.lower() in ABBREVIATIONS or (follows.isdigit() and word.lower() in BEFORE_NUMBERS):
        return False
    return not _INITIALS.fullmatch(word)


def _ends_line(text: str, match: re.Match[str]) -> bool:
    if match[0].count("\n") > 1:
        return True
    line_start = text.rfind("\n", 0, match.start()) + 1
    line = text[line_start : match.start()].strip()
    if _MARKER.match(text, match.end()) or line[:1] in {"#", "|"}:
        return True
    return len(line) < WRAPPED or line[-1:] in {".", "!", "?", ":", ";", "。"}


def _add(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    while end - start > LONGEST:
        space = text.rfind(" ", start + 1, start + LONGEST)
        cut = space if space > 0 else start + LONGEST
        _add(spans, text, start, cut)
        start = cut
        while start < end and text[start].isspace():
            start += 1
    if end > start:
        spans.append((start, end))
