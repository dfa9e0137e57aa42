"""Sentences: where they stand in a passage, and which of them are prose worth asking about."""

from __future__ import annotations

import re

from graft.examples.holding import content, tokens

_BLOCK = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*•]|\d+[.)])\s)")
_END = re.compile(r"(?<=[.!?…])[\"”')\]]*\s+(?=[\"“‘'(\[*`_]*[A-Z0-9])")
_ABBREVIATION = re.compile(r"(?:\b(?:[A-Z]|Mr|Mrs|Dr|St|vs|No|Fig|etc|cf|approx)|e\.g|i\.e)\.$")
_MARKER = re.compile(r"\s*(?:(?:[-*•]|\d+[.)])\s+)?")
_NOT_PROSE = re.compile(r">>>|::=|->|={2,}|[{}<>|\\]|https?:|^\s*(?:Note|Example|Changed in|See)\b")


def sentences(text: str) -> list[tuple[int, int]]:
    """Return the spans of the sentences of a text, in order; list items stand alone.

    >>> text = "One is odd. Two is even.\\n\\n- Three is\\n  prime."
    >>> [text[a:b] for a, b in sentences(text)]
    ['One is odd.', 'Two is even.', 'Three is\\n  prime.']
    """
    found = []
    for start, end in _pieces(_BLOCK, text, 0, len(text)):
        held = start
        for left, right in _pieces(_END, text, start, end):
            if _ABBREVIATION.search(text, left, right) and right < end:
                continue
            first = _MARKER.match(text, held)
            found.append((first.end() if first else held, right))
            held = right
    spans = (_trim(text, a, b) for a, b in found)
    return [(a, b) for a, b in spans if a < b]


def is_prose(sentence: str) -> bool:
    """Whether a sentence is one that a person wrote to be read: no code, grammar or heading.

    >>> is_prose("The value is determined when the interpreter starts.")
    True
    >>> is_prose("assert_stmt ::= expression"), is_prose("See below.")
    (False, False)
    """
    words = tokens(sentence)
    letters = sum(c.isalpha() or c.isspace() for c in sentence)
    return (
        5 <= len(words) <= 60
        and len(content(sentence)) >= 3
        and sentence.rstrip("\"”')*_`]")[-1:] in ".!?"
        and letters > 0.8 * len(sentence)
        and not _NOT_PROSE.search(sentence)
    )


def window(text: str, start: int, end: int, *, words: int = 70) -> tuple[int, int]:
    """Return a span of whole sentences around `text[start:end]`, of about `words` at most.

    >>> text = "One is odd. Two is even. Three is prime."
    >>> a, b = window(text, 12, 15, words=6)
    >>> text[a:b]
    'One is odd. Two is even.'
    """
    spans = sentences(text) or [(0, len(text))]
    inside = [i for i, (a, b) in enumerate(spans) if a < end and start < b] or [0]
    first, last = inside[0], inside[-1]
    while True:
        # The sentence before comes first: it tells what "it" and "this" stand for.
        for left, right in ((first - 1, last), (first, last + 1)):
            if left < 0 or right >= len(spans):
                continue
            if len(text[spans[left][0] : spans[right][1]].split()) <= words:
                first, last = left, right
                break
        else:
            return min(spans[first][0], start), max(spans[last][1], end)


def _pieces(pattern: re.Pattern[str], text: str, start: int, end: int) -> list[tuple[int, int]]:
    pieces = []
    held = start
    for match in pattern.finditer(text, start, end):
        pieces.append((held, match.start()))
        held = match.end()
    return [*pieces, (held, end)]


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())
