"""Filters: why a made question is not kept; each reason is counted and shown in the report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from graft.core.search import Search
from graft.examples.holding import answer_words, holds
from graft.measures.words import content

NOT_A_QUESTION = "not a question"
TOO_SHORT = "too short"
TOO_LONG = "too long"
REFERS = "refers to the text"
VAGUE = "does not say what it is about"
COPIED = "copied"
NEAR_DUPLICATE = "near-duplicate"
NOT_RETRIEVED = "not retrieved"
NOT_RECOVERED = "answer not recovered"
FAILED = "generation failed"
ENOUGH = "enough of them"

FEWEST_WORDS = 4
MOST_WORDS = 32

COPIED_WORDS = 0.85
"""Share of a sentence's words in their order that makes a question a copy of it."""

_ANY_QUESTION = "purpose name mean use used happen get kind main describe represent"
ANY_QUESTION = content(_ANY_QUESTION)
"""Words that any question may have, folded."""

_OPENING = re.compile(
    r"(?:(?:in|on|at|to|from|for|with|by|under|during|before|after|about|of|besides|until|since|"
    r"through|into)\s+)?"
    r"(?:what|which|who|whom|whose|when|where|why|how|is|are|was|were|do|does|did|can|could|will|"
    r"would|should|must|may|has|have|had)\b",
    re.IGNORECASE,
)
_REFERS = re.compile(
    r"____|\b(?:(?:th(?:is|e|ese)|given|above|following|provided)\s+"
    r"(?:given |above |following |same )?"
    r"(?:text|passage|sentence|paragraph|article|excerpt|quote|statement|question|answer|code|"
    r"example|title|author|context|document|section)s?|gap|blank|mentioned|"
    r"according to (?:the|this)|described (?:above|below|here)|the (?:reply|response) to)\b",
    re.IGNORECASE,
)
_POINTING = re.compile(
    r"^(?:what|who|where|when|why|how)\s+(?:is|are|was|were|do|does|did)\s+"
    r"(?:it|this|that|they|these|those|he|she|them|its|his|her)\b"
    r"|\b(?:the|these) (?:two|three|former|latter|other|same)\?$",
    re.IGNORECASE,
)


def clean(reply: str) -> str:
    """Return the question in a generator's reply: its first line, without label and quotes.

    >>> clean('Question: "When did it end?" Answer: 1848')
    'When did it end?'
    """
    line = next((line.strip() for line in reply.splitlines() if line.strip()), "")
    line = re.sub(
        r"^(?:\*\*)?(?:question|q)\s*\d*\s*[:.](?:\*\*)?\s*", "", line, flags=re.IGNORECASE
    )
    mark = line.find("?")
    if mark >= 0:
        line = line[: mark + 1]
    if line[:1] in "\"'“‘*" and line.count(line[:1]) == 1:
        line = line[1:]
    return line.strip(' "“”*').strip()


def fault(question: str) -> str:
    """Return what is wrong with a question on its face, or "".

    >>> fault("The answer is 1848."), fault("What does this text say about it?")
    ('not a question', 'refers to the text')
    >>> fault("When did the war of succession end?")
    ''
    """
    words = answer_words(question)
    if not question.endswith("?") or not _OPENING.match(question):
        return NOT_A_QUESTION
    if _REFERS.search(question):
        return REFERS
    if len(words) < FEWEST_WORDS:
        return TOO_SHORT
    if len(words) > MOST_WORDS or _repeats(words):
        return TOO_LONG
    return VAGUE if _POINTING.search(question) or not content(question) else ""


def strays(question: str, text: str, headings: str) -> bool:
    """Whether a question is not about a text: less than half of its words stand there.

    One that has a single word of its own must have it from the headings, or it could be about
    anything. Words that any question may have ("purpose", "happen") do not count.

    >>> strays("What does json.dump do?", "Write an object to a file.", "json.dump")
    False
    >>> strays("What is a string?", "Return the string in reverse.", "reversed")
    True
    """
    asked = content(question) - ANY_QUESTION
    found = asked & content(f"{headings} {text}")
    if len(asked) < 2:
        return not asked & content(headings)
    return 2 * len(found) < len(asked)


def copied(question: str, answer: str, sentences: Iterable[str] = ()) -> bool:
    """Whether a question gives its answer away, or is one of these sentences with a mark put on.

    >>> copied("Who was Gough Whitlam, the Prime Minister?", "Gough Whitlam")
    True
    """
    if answer and (holds(question, answer) or _within(answer, question)):
        return True
    asked = answer_words(question)
    return any(
        _ordered_share(asked, answer_words(sentence)) >= COPIED_WORDS for sentence in sentences
    )


def retrieved(search: Search, documents: Iterable[str], top: int) -> bool:
    """Whether one of the documents is among the first `top` hits of a search."""
    wanted = frozenset(documents)
    return not search.error and any(hit.document_id in wanted for hit in search.hits[:top])


def _within(answer: str, question: str) -> bool:
    """Whether all that an answer of several words is about stands in the question already."""
    told = content(answer)
    return len(told) > 1 and told <= content(question)


def _ordered_share(asked: Sequence[str], told: Sequence[str]) -> float:
    """Return the share of a sentence's words that a question repeats in their order."""
    if len(told) < 4:
        return 0.0
    found, place = 0, 0
    for word in told:
        if word in asked[place:]:
            place = asked.index(word, place) + 1
            found += 1
    return found / len(told)


def _repeats(words: Sequence[str]) -> bool:
    """Whether a run of three words comes twice, as when a small model does not end."""
    runs = [tuple(words[i : i + 3]) for i in range(len(words) - 2)]
    return len(runs) != len(set(runs))
