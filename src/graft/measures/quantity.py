"""Quantity: the words of a text, and its numbers with their units, however they are written.

"Twenty-five MB", "25MB" and "25 megabytes" are one quantity; so are "14 May" and "May 14th", and
"$5.00" and "five dollars". Nothing is converted: two weeks are not fourteen days.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from graft.measures.notation import (
    WRITTEN,
    ascii_digits,
    half_of_day,
    plain_decimal,
    rewritten,
    roman,
)
from graft.measures.units import KINDS, UNITS
from graft.measures.words import MONTHS, NUMBERS, STOP_WORDS, WORD, fold, is_number

_TOKEN = re.compile(rf"{WRITTEN.pattern}|{WORD.pattern}|[%‰$€£¥₹₩°]")
_ATTACHED = re.compile(r"(\d[\d.,]*)([^\W\d_]+)")
_RANGE = frozenset({"to", "and", "or"})
_ENDING = re.compile(r"\d(?:st|nd|rd|th)$")
_PLAIN = re.compile(r"\d+(?:\.\d+)?")
_MONTHS = frozenset({*MONTHS.values(), "may"})
_MONEY = frozenset(unit for unit, kind in KINDS.items() if kind == "money")
_DATE = re.compile(r"\d[-./年月]\s?\d")
_YEAR = re.compile(r"1\d{3}|20\d\d")
_TIMES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ORDINAL_WORDS = (
    "first:1 second:2 third:3 fourth:4 fifth:5 sixth:6 seventh:7 eighth:8 ninth:9 tenth:10 "
    "eleventh:11 twelfth:12 thirteenth:13 fourteenth:14 fifteenth:15 sixteenth:16 seventeenth:17 "
    "eighteenth:18 nineteenth:19 twentieth:20 thirtieth:30"
)
_ORDINAL = dict(pair.split(":") for pair in _ORDINAL_WORDS.split())


@dataclass(frozen=True)
class Word:
    """A word of a text: its folded form (numbers as digits, units by one name) and where it is."""

    key: str
    written: str
    start: int
    end: int


@dataclass(frozen=True)
class Quantity:
    """A number of a text: `place` counts words, `unit` is a unit, a month or empty.

    `kind` says what it can be compared with: the kind of its unit, "date" with a month, "year",
    "clock" (its unit is the half of the day), "ordinal", or "" for a plain number.
    """

    place: int
    value: str
    unit: str = ""
    kind: str = ""


def read_words(text: str, start: int = 0, end: int | None = None) -> list[Word]:
    """Return the words of `text[start:end]`, signs of units among them.

    >>> [word.key for word in read_words("Twenty-five km cost $5.00, for 5km the ninth.")]
    ['25', 'kilometr', 'cost', 'dollar', '5', 'for', '5', 'kilometr', 'the', '9']
    """
    text = ascii_digits(text)
    tokens = _tokens(text, start, len(text) if end is None else end)
    words: list[Word] = []
    here = 0
    while here < len(tokens):
        value, after = _number(tokens, here)
        first, last = tokens[here], tokens[max(here, after - 1)]
        if first.written == "second" and words and is_number(words[-1].key):
            after = here  # a unit, not an ordinal
        key = value if after > here else fold(first.written)
        # The "m" of "I'm" counts nothing.
        counted = bool(words) and is_number(words[-1].key)
        named = UNITS.get(key, key) if counted or key not in STOP_WORDS else key
        words.append(Word(named, text[first.start : last.end], first.start, last.end))
        here = max(after, here + 1)
    return measured(words)


def measured(words: list[Word]) -> list[Word]:
    """Return words in which 24.90 euros are 24.9, which version 24.90 is not."""
    for place, word in enumerate(words):
        if word.key.endswith("0") and plain_decimal(word.key) != word.key:
            after = words[place + 1].key if place + 1 < len(words) else ""
            if after in KINDS or (place and words[place - 1].key in _MONEY):
                words[place] = replace(word, key=plain_decimal(word.key))
    return words


def quantities(words: Sequence[Word]) -> list[Quantity]:
    """Return the quantities among words that were read together, in order.

    >>> [(q.value, q.unit) for q in quantities(read_words("from 10 to 15 days, on May 3rd, 2024"))]
    [('10', 'day'), ('15', 'day'), ('3', 'may'), ('2024', '')]
    """
    found: list[Quantity] = []
    for place in range(len(words) - 1, -1, -1):
        if is_number(words[place].key):
            one = _quantity(words, place)
            if found and not one.kind and _is_range(words[place + 1 : found[-1].place]):
                one = replace(one, unit=found[-1].unit, kind=found[-1].kind)
            found.append(one)
    return found[::-1]


def _tokens(text: str, start: int, end: int) -> list[Word]:
    found: list[Word] = []
    for match in _TOKEN.finditer(text, start, end):
        if match.lastgroup:
            found += [Word("", one, *match.span()) for one in rewritten(match)]
            continue
        before = found[-1].written if found else ""
        written = roman(text, match.start(), match[0], before)
        attached = _ATTACHED.fullmatch(written)
        if attached and fold(attached[2]) in UNITS:
            middle = match.start() + len(attached[1])
            found.append(Word("", attached[1], match.start(), middle))
            found.append(Word("", attached[2], middle, match.end()))
        else:
            found.append(Word("", written, match.start(), match.end()))
    return found


def _number(tokens: Sequence[Word], here: int) -> tuple[str, int]:
    """The number that begins at a token, in digits, and the token after it."""
    first = tokens[here].written.lower()
    total = part = Decimal(0)
    room, after = 1000, here  # what is still added to a part lies below `room`
    if is_number(first):
        digits = fold(first).removesuffix(".00")
        if not _PLAIN.fullmatch(digits):
            return digits, here + 1
        part, room, after = Decimal(digits), 0, here + 1
    while after < len(tokens) and (after == here or _joined(tokens, after)):
        word = tokens[after].written.lower()
        times, value = _TIMES.get(word, 0), _small(tokens, after)
        if word == "one" and after == here and not _is_scale(tokens, here + 1):
            break  # a pronoun more often than a number
        if times == 100:
            part, room = max(part, Decimal(1)) * times, 100
        elif times:
            total, part, room = total + max(part, Decimal(1)) * times, Decimal(0), 1000
        elif 0 < value < room:
            part, room = part + value, 10 if value >= 20 and value % 10 == 0 else 0
        elif not (word == "and" and room == 100 and _small(tokens, after + 1)):
            break
        after += 1
        if word in _ORDINAL:
            break
    if after == here:
        return (NUMBERS[first], here + 1) if first in NUMBERS else ("", here)
    if is_number(first) and after == here + 1:
        return digits, after  # as written: 3.10 is not 3.1 in a version
    return f"{(total + part).normalize():f}", after


def _small(tokens: Sequence[Word], place: int) -> int:
    """What a token counts as a number word or ordinal below a hundred, or 0."""
    word = tokens[place].written.lower() if place < len(tokens) else ""
    value = int(_ORDINAL.get(word, NUMBERS.get(word, "0")))
    return 1 if word == "one" else value if value < 100 else 0


def _is_scale(tokens: Sequence[Word], place: int) -> bool:
    return place < len(tokens) and tokens[place].written.lower() in _TIMES


def _joined(tokens: Sequence[Word], place: int) -> bool:
    return tokens[place].start - tokens[place - 1].end == 1


def _quantity(words: Sequence[Word], place: int) -> Quantity:
    """The number at a place with the unit or month beside it."""
    word = words[place]
    value, written = word.key, word.written.lower()
    if ":" in value:
        return Quantity(place, value, half_of_day(written), "clock")
    ordinal = bool(_ENDING.search(written)) or re.split("[- ]", written)[-1] in _ORDINAL
    after = list(words[place + 1 : place + 3])
    if after and after[0].key == "of":
        del after[0]  # "14th of May"
    if len(after) == 2 and (after[0].key in STOP_WORDS or is_number(after[0].key)):
        del after[1]  # what follows has nothing to do with the number
    if len(after) == 2 and after[1].key in _MONEY and _counts(words, place + 3):
        del after[1]  # "PX-1300 costs €25"
    before = list(words[max(0, place - 1) : place])
    for other in after:
        if other.key in KINDS:
            return Quantity(place, value, other.key, KINDS[other.key])
    for other in before:
        if other.key in _MONEY:
            return Quantity(place, value, other.key, KINDS[other.key])
    for other in after[:1] + before:
        if other.key in _MONTHS and not other.written[0].islower() and _is_day(value):
            return Quantity(place, value, other.key, "date")
    said = word.written.removesuffix("s")
    year = _YEAR.fullmatch(value) and (said == value or bool(_DATE.search(said)))
    return Quantity(place, value, "", "ordinal" if ordinal else "year" if year else "")


def _counts(words: Sequence[Word], place: int) -> bool:
    return place < len(words) and is_number(words[place].key)


def _is_range(between: Sequence[Word]) -> bool:
    """Whether two numbers with these words between share a unit: "10-15 days", "10 to 15 days"."""
    return len(between) <= 1 and all(word.key in _RANGE for word in between)


def _is_day(value: str) -> bool:
    return len(value) <= 2 and value.isdigit() and 1 <= int(value) <= 31
