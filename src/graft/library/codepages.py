"""Which code page wrote some bytes: the one under which its letters are the likeliest text.

A letter's likelihood is that of its rank in a language (Zipf's law), lower where its neighbours
are of the other case or of ASCII's letters and it is not of theirs; signs inside a word and codes
without a meaning are unlikely. Only what is beyond ASCII counts, so that a little of it in much
English decides.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from graft.library.letters import PAGES, WIDE_PAGES

_NOTHING, _FOREIGN = -14.0, -9.0
_PUNCTUATION = "“”‘’„–—…«»°§·€£№•\xa0"
_WIDE_PUNCTUATION = "，。、「」『』（）：；！？《》“”・…　·ー"
_LEAD, _LEAD_A_LETTER = 4.0, 0.5
"""A lead over the next page that is no doubt: as a whole (a logarithm), and for each
letter that differs."""
_PLAIN, _PLAIN_WIDE = -4.2, -8.4
"""What the letters of a text have on average at least; letters drawn by chance have less."""


@dataclass(frozen=True)
class Guess:
    """The likeliest page, and the next one that gives another text where it is nearly as likely."""

    page: str
    other: str = ""
    plausible: bool = True

    @property
    def sure(self) -> bool:
        """Whether no other page is near it, and its text is like a language's."""
        return self.plausible and not self.other


@lru_cache(maxsize=4)
def guess_page(data: bytes) -> Guess:
    """Return the page of bytes that are no UTF-8; sure or not, one is named.

    >>> guess_page("Привет, мир, как дела?".encode("koi8_r")).page
    'koi8_u'
    """
    around = _around(data)
    found = sorted(
        [*(_narrow(around, page) for page in PAGES), *(_wide(data, page) for page in WIDE_PAGES)],
        key=lambda likely: -likely[0],
    )
    (best, mean, page), text = found[0], data.decode(found[0][2], "replace")
    other = ""
    for score, _, name in found[1:]:
        apart = _apart(text, data.decode(name, "replace")) if not other else 0
        if apart and best - score < max(_LEAD, _LEAD_A_LETTER * apart):
            other = name
    return Guess(page, other, mean > (_PLAIN if page in PAGES else _PLAIN_WIDE))


def _apart(text: str, other: str) -> int:
    """Return how many signs differ; half of all where one has signs of two bytes."""
    if len(text) != len(other):
        return max(1, sum(sign > "\x7f" for sign in text) // 2)
    return sum(a != b for a, b in zip(text, other, strict=True))


def _around(data: bytes) -> Counter[tuple[int, int, int]]:
    """Count bytes beyond ASCII with their neighbours; a run of one byte counts twice at most."""
    text = b"  " + data + b" "
    return Counter(
        (before, byte, after)
        for earlier, before, byte, after in zip(text, text[1:], text[2:], text[3:], strict=False)
        if byte > 127 and not earlier == before == byte
    )


def _narrow(around: Counter[tuple[int, int, int]], page: str) -> tuple[float, float, str]:
    """Return the likelihood of a text, its mean for a letter, and the page."""
    prior, languages = PAGES[page]
    table = _table(page)
    letters: Counter[str] = Counter()
    total = 0.0
    for (before, byte, after), times in around.items():
        sign = table[byte]
        if sign.letter:
            letters[sign.lower] += times
            total += times * _fitting(sign, table[before], table[after])
        else:
            total += times * _sign(sign, table[before], table[after])
    ranked = max(
        sum(times * _ranks(language).get(letter, _FOREIGN) for letter, times in letters.items())
        for language in languages
    )
    return total + ranked + prior, (total + ranked) / max(1, around.total()), page


@dataclass(frozen=True)
class _Sign:
    """What one byte of a page is."""

    sign: str
    lower: str
    letter: bool
    small: bool
    capital: bool
    plain: bool
    latin: bool
    cost: float


@lru_cache(maxsize=64)
def _table(page: str) -> list[_Sign]:
    return [_sign_of(bytes([byte]).decode(page, "replace")) for byte in range(256)]


def _sign_of(sign: str) -> _Sign:
    nothing = sign == "\ufffd" or "\x80" <= sign < "\xa0"
    frame = "─" <= sign <= "▟"  # DOS programs draw with them
    cost = _NOTHING if nothing else -6.0 if frame else -4.0 if sign in _PUNCTUATION else -7.0
    return _Sign(
        sign,
        sign if sign == "İ" else sign.lower(),
        sign.isalpha() or unicodedata.category(sign) == "Mn",
        sign.islower(),
        sign.isupper(),
        sign < "\x80" and sign.isalpha(),
        unicodedata.name(sign, "").startswith("LATIN"),
        cost,
    )


def _fitting(sign: _Sign, before: _Sign, after: _Sign) -> float:
    """Return how well a letter stands between its neighbours: their case and their script."""
    cost = 0.0
    if sign.capital:
        cost -= 0.0 if before.capital else 4.0 if before.small else 1.5 if after.letter else 3.0
    elif before.capital and after.capital:
        cost -= 4.0
    if sign.latin:  # accents seldom follow each other
        return cost - 1.5 * (before.letter and not before.plain)
    return cost - 4.0 * (before.plain + after.plain)


def _sign(sign: _Sign, before: _Sign, after: _Sign) -> float:
    inside = before.letter and after.letter and sign.sign not in "’·"
    touched = "─" <= sign.sign <= "▟" and (before.letter or after.letter)
    return sign.cost - 4.0 * (inside or touched)


def _wide(data: bytes, page: str) -> tuple[float, float, str]:
    signs = Counter(sign for sign in data.decode(page, "replace") if sign > "\x7f")
    total = sum(times * _wide_sign(sign, page) for sign, times in signs.items())
    return total - 0.5, total / max(1, sum(signs.values())), page


@lru_cache(maxsize=1 << 15)
def _wide_sign(sign: str, page: str) -> float:
    rank = _order(WIDE_PAGES[page]).get(sign)
    if rank is not None:
        return -math.log(rank + 12) - 2.0
    if sign in _WIDE_PUNCTUATION:
        return -4.5
    code = ord(sign)
    if sign == "\ufffd" or 0xE000 <= code < 0xF900 or "\x80" <= sign < "\xa0" or code > 0xFFFF:
        return _NOTHING
    if page in ("cp932", "euc_jp") and (0x3041 <= code <= 0x30FF):
        return -6.5
    if 0xFF61 <= code <= 0xFF9F:
        return -9.0
    return -9.3 if _usual(sign, page) else -12.5


def _usual(sign: str, page: str) -> bool:
    """Whether a sign is in the first part of its page, that of the signs in daily use."""
    try:
        first = sign.encode(_FIRST.get(page, page))[0]
    except UnicodeEncodeError:
        return False
    low, high = _DAILY[page]
    return low <= first <= high


_FIRST = {"gb18030": "gb2312", "big5hkscs": "big5", "cp949": "euc_kr", "cp932": "euc_jp"}
_DAILY = {
    "gb18030": (0xB0, 0xD7), "big5hkscs": (0xA4, 0xC6), "cp949": (0xB0, 0xC8),
    "cp932": (0xA4, 0xCF), "euc_jp": (0xA4, 0xCF),
}  # fmt: skip


@lru_cache(maxsize=64)
def _ranks(language: str) -> dict[str, float]:
    order = list(dict.fromkeys(language))
    whole = sum(1 / (rank + 2) for rank in range(len(order)))
    return {letter: -math.log((rank + 2) * whole) for rank, letter in enumerate(order)}


@lru_cache(maxsize=8)
def _order(signs: str) -> dict[str, int]:
    return {sign: rank for rank, sign in enumerate(dict.fromkeys(signs))}


@lru_cache(maxsize=4096)
def _is_latin(sign: str) -> bool:
    return unicodedata.name(sign, "").startswith("LATIN")
