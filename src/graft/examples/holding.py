"""Holding: whether a text holds an answer, whatever its case, punctuation or way of counting."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_NUMBERS = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty",
)
_SAME = {
    **{word: str(value) for value, word in enumerate(_NUMBERS)},
    **{"thirty": "30", "forty": "40", "fifty": "50"},
    **{"%": "percent", "$": "dollars", "€": "euros", "£": "pounds", "dollar": "dollars"},
}
_ARTICLES = frozenset({"a", "an", "the"})
_TOKEN = re.compile(r"\d+(?:\.\d+)*|(?<!\w)[^\W\d](?:\+\+|#)(?!\w)|[^\W\d]\w*|[%$€£]")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_MONEY = re.compile(r"([$€£])\s?(\d[\d.,]*(?:\s(?:thousand|million|billion))?)")
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b")


def answer_words(text: str) -> list[str]:
    """Return the words by which texts are compared: NFKC, no case, no articles, plain numbers.

    >>> answer_words("The Twelve-year plan cost 1,500 $, 3.5% more")
    ['12', 'year', 'plan', 'cost', '1500', 'dollars', '3.5', 'percent', 'more']
    >>> answer_words("C++, C# and C")
    ['c++', 'c#', 'and', 'c']
    """
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'").replace("'", "")
    plain = _MONEY.sub(r"\2 \1", _ORDINAL.sub("", _THOUSANDS.sub("", plain)))
    found = (_SAME.get(token, token) for token in _TOKEN.findall(plain))
    return [token for token in found if token not in _ARTICLES]


def holds(text: str, answer: str) -> bool:
    """Whether `text` holds `answer` as whole words, or as it is when it has no words.

    An empty answer is held by nothing.

    >>> holds("It ran for twelve years.", "12 years"), holds("version 3.11", "3.1")
    (True, False)
    >>> holds("x += 1", "+="), holds("paid $1,500 then", "1500 dollars")
    (True, True)
    """
    wanted = answer_words(answer)
    if not wanted:
        bare = answer.strip().casefold()
        return bool(bare) and bare in text.casefold()
    return f" {' '.join(wanted)} " in f" {' '.join(answer_words(text))} "


def holds_any(text: str, answers: Iterable[str]) -> bool:
    """Whether `text` holds one of the answers at least.

    >>> holds_any("Paris is the capital", ["Lyon", "paris"])
    True
    """
    words = f" {' '.join(answer_words(text))} "
    for answer in answers:
        wanted = answer_words(answer)
        if f" {' '.join(wanted)} " in words if wanted else holds(text, answer):
            return True
    return False
