"""Words: a text as folded words, and which words carry no meaning, negate or give a direction.

What a word is depends on what it is for, and each purpose has one function:

- `words.folded_words`: what a text says, stems and numbers alike (citations, topics);
- `quantity.read_words`: the same with numbers and units by one name (support);
- `similarity.plain_words`: whether texts are copies, nothing folded (duplicates, leaks);
- `holding.answer_words`: whether a text holds an answer, in whatever way it is written;
- `analyse.Analyser`: what BM25 indexes; a change of it raises its number, and makes postings anew;
- `WordTokenizer`: how long a text is where no model's tokenizer says so;
- `tokens.answer_tokens` and ROUGE's runs of letters: as SQuAD and ROUGE define their measures,
  with what they leave open about code and about other scripts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

_STOP_WORDS = (
    "a an the and or but if then else of in on at by for with from to into onto over under about "
    "as is are was were be been being am do does did doing has have had having will would shall "
    "should can could may might must i me my mine we us our ours you your yours he him his she "
    "her hers it its they them their theirs this that these those there here who whom whose which "
    "what when where why how than so such just also very too more most some any all each every "
    "both few other own same only out up down off again once during before after above below "
    "between through while because until s t m re ve ll d well yeah oh ok okay one many much "
    "answer answers question according passage passages text"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""Words that carry no meaning of their own, in the form that `fold` leaves them in, which is as
they are; some are what models wrap answers in."""

_NEGATIONS = "no not never none neither nor cannot without nobody nothing"
NEGATIONS = frozenset(_NEGATIONS.split())

# "one" is left out: it is a pronoun more often than a number.
_DIGITS = (
    "zero:0 two:2 three:3 four:4 five:5 six:6 seven:7 eight:8 nine:9 ten:10 eleven:11 twelve:12 "
    "thirteen:13 fourteen:14 fifteen:15 sixteen:16 seventeen:17 eighteen:18 nineteen:19 twenty:20 "
    "thirty:30 forty:40 fifty:50 sixty:60 seventy:70 eighty:80 ninety:90 hundred:100 thousand:1000"
)
NUMBERS = dict(pair.split(":") for pair in _DIGITS.split())

MONTH_NAMES = (
    "january february march april may june july august september october november december"
)
# "May" is a stop word, and left alone.
MONTHS = {key: name for name in MONTH_NAMES.split() if name != "may" for key in (name, name[:3])}
MONTHS["sept"] = "september"

_SUFFIXES = (
    ("ies", "y"), ("sses", "ss"), ("edly", ""), ("ing", ""), ("ed", ""), ("ly", ""), ("es", ""),
    ("s", ""),
)  # fmt: skip

UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0e7f"
"""Scripts that are written without spaces: a character of theirs counts as a word."""

WORD = re.compile(
    rf"\d+(?:[.,]\d+)*(?:st|nd|rd|th)?(?![^\W_])|[{UNSPACED}]"
    rf"|[^\W_{UNSPACED}]+(?:['’][^\W\d_{UNSPACED}]+)*"
)
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th|s)$")


def folded_words(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[str, str]]:
    """Yield the words of `text[start:end]`, each in its folded form and as written.

    >>> [key for key, written in folded_words("The studies of 1,200 cats in Sept.")]
    ['the', 'study', 'of', '1200', 'cat', 'in', 'september']
    """
    for match in WORD.finditer(text, start, len(text) if end is None else end):
        written = match[0]
        yield fold(written), written


@lru_cache(maxsize=100_000)
def fold(word: str) -> str:
    """Return a word's folded form: lower case, light suffixes off, numbers as plain digits.

    >>> fold("carried"), fold("carries"), fold("21st"), fold("five"), fold("These")
    ('carry', 'carry', '21', '5', 'these')
    """
    lower = word.lower().replace("’", "'")
    if lower[0].isdigit():
        return _ORDINAL.sub("", lower).replace(",", "")
    lower = lower.removesuffix("'s")
    if lower in STOP_WORDS:
        return lower
    if lower in NUMBERS:
        return NUMBERS[lower]
    if lower in MONTHS:
        return MONTHS[lower]
    return _stem(lower)


def has_meaning(text: str) -> bool:
    """Return whether a text holds any word that is not a stop word.

    >>> has_meaning("It is the"), has_meaning("No.")
    (False, True)
    """
    return any(key not in STOP_WORDS for key, _ in folded_words(text))


def content(text: str) -> set[str]:
    """Return the folded words that say what a text is about: no stop words.

    >>> sorted(content("What is the length of the tuples?"))
    ['length', 'tupl']
    """
    return {key for key, _ in folded_words(text) if key not in STOP_WORDS}


def is_number(key: str) -> bool:
    """Return whether a folded word is a number.

    >>> is_number(fold("five")), is_number("a4")
    (True, False)
    """
    return key[0].isdigit()


@lru_cache(maxsize=100_000)
def is_negation(word: str) -> bool:
    """Return whether a word, as written, turns a statement around.

    >>> is_negation("Doesn't"), is_negation("knot")
    (True, False)
    """
    lower = word.lower().replace("’", "'")
    return lower in NEGATIONS or lower.endswith("n't")


def _stem(word: str) -> str:
    if len(word) <= 4:
        # "miles" and "naming" lose their "e" below.
        light = word.endswith("e") or (word.endswith("s") and not word.endswith("ss"))
        return word[:-1] if light and len(word) == 4 else word
    for suffix, ending in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3 and not word.endswith("ss"):
            word = word.removesuffix(suffix) + ending
            break
    if word.endswith("e") and len(word) > 4:
        word = word[:-1]
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]
    # "carried" has lost its "ed" here and "carry" not: both end as "carry".
    return word[:-1] + "y" if word.endswith("i") and len(word) > 3 else word


_UP = (
    "increase raise enhance promote elevate high higher more greater improve upregulate gain "
    "activate activation induce stimulate rise rose positive accelerate longer faster larger "
    "strengthen better grow grew always above"
)
_DOWN = (
    "decrease reduce reduction lower low less fewer inhibit suppress prevent impair worsen "
    "downregulate loss block decline fall fell negative slow shorter slower smaller weaken worse "
    "shrink shrank never below"
)
UPWARD = frozenset(fold(word) for word in _UP.split())
DOWNWARD = frozenset(fold(word) for word in _DOWN.split())
"""Words for more and for less: a sentence with one and evidence with the other disagree."""
