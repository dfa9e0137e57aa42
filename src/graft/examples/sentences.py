"""Sentences: which of a passage's are prose worth asking about, and which stand around one."""

from __future__ import annotations

import re

from graft.examples.holding import answer_words
from graft.measures.sentences import sentences
from graft.measures.words import content

_NOT_PROSE = re.compile(
    r">>>|::=|->|={2,}|[{}<>|\\]|https?:|\n\s*\n|\S {2,}\S|"
    r"^\s*(?:(?:Note|Examples?|See|Changed in|New in)\b|[\w/, .-]{1,30}:\s|[\[*#])"
)


def is_prose(sentence: str) -> bool:
    """Whether a sentence is one that a person wrote to be read: no code, grammar or heading.

    >>> is_prose("The value is determined when the interpreter starts.")
    True
    >>> is_prose("assert_stmt ::= expression"), is_prose("See below.")
    (False, False)
    """
    letters = sum(c.isalpha() or c.isspace() for c in sentence)
    return (
        5 <= len(answer_words(sentence)) <= 60
        and len(content(sentence)) >= 3
        and sentence.rstrip("\"”')*_`]")[-1:] in {".", "!", "?"}
        and letters > 0.8 * len(sentence)
        and not _NOT_PROSE.search(sentence)
    )


def window(text: str, start: int, end: int, *, words: int = 60) -> tuple[int, int]:
    """Return a span of whole sentences around `text[start:end]`, of about `words` at most.

    >>> text = "One is odd. Two is even. Three is prime."
    >>> a, b = window(text, 12, 15, words=6)
    >>> text[a:b]
    'One is odd. Two is even.'
    """
    spans = sentences(text)
    inside = [i for i, (a, b) in enumerate(spans) if a < end and start < b]
    if not inside:
        return start, end
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
