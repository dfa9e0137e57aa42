"""Scripts: one way of writing each word, and where words end in scripts that do not say it.

Compatible forms are one by NFKC (full width, ligatures, presentation forms), letters by Unicode's
case folding, and digits are those of ASCII. Vowel points of Arabic and Hebrew go, as in Lucene's
analysers: most text is written without them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import groupby, pairwise

FUSED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u3005-\u3007"
    "\u3040-\u30ff\u3100-\u312f\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\ua9e0-\ua9fe\uaa60-\uaadf"
    "\uac00-\ud7ff\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U000323af]+"
)
"""Runs of scripts that put no space between words: Thai, Lao, Burmese, Khmer, Tai, Kana, Han; and
Hangul, whose words carry their particles with them, as Lucene's CJKAnalyzer takes it."""

IDEOGRAPH = re.compile(
    "[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\U00020000-\U000323af]"
)
"""Characters of which one alone may be a word: Han, and syllables of Hangul."""

_SIGNS = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"),
        **dict.fromkeys("\u2018\u2019\u02bc\uff07", "'"),
        **dict.fromkeys("\u2122\u00ae\u00a9\u2120\u00b4\u0060\u00a8\u00b8\u00af", " "),
        "\u0131": "i",
        "\u2044": "/",
    }
)
"""Before NFKC, which would join trade marks and spaced accents to a word."""

_RAISED = re.compile(r"(?<=[^\W\d_]{3})[\u00b2\u00b3\u00b9\u2070-\u2079]+")
"""Numbers of notes behind a word: NFKC would make them its last letters."""

_FORMATTING = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]"
)
_POINTS = re.compile(
    "[\u0307\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u08d3-\u08ff]"
)
"""Hebrew points, Arabic vowel signs and tatweel, and the dot that folding leaves of a Turkish I."""

_DIGITS = re.compile(r"(?![0-9])\d")


def as_found(text: str) -> str:
    """Return a text in the form in which its words are compared.

    >>> as_found("ＡＢＣ İstanbul STRASSE Straße ٣٥ ﬁnd")
    'abc istanbul strasse strasse 35 find'
    """
    if text.isascii():
        return text.lower()
    text = _RAISED.sub(" ", text.translate(_SIGNS))
    text = unicodedata.normalize("NFKC", text).casefold().translate(_SIGNS)
    text = _POINTS.sub("", _FORMATTING.sub("", text))
    if _DIGITS.search(text):
        text = _DIGITS.sub(lambda match: str(unicodedata.decimal(match[0])), text)
    return unicodedata.normalize("NFKC", text)


@cache
def marks() -> str:
    """Return the marks of all scripts, as ranges of a character class."""
    places = (i for i in range(0x20000) if unicodedata.category(chr(i))[0] == "M")
    found = []
    for _, group in groupby(enumerate(places), key=lambda pair: pair[1] - pair[0]):
        run = [place for _, place in group]
        found.append(f"{chr(run[0])}-{chr(run[-1])}")
    return "".join(found)


def pairs(run: str) -> Iterator[str]:
    """Yield the overlapping pairs of a run of characters; one alone is itself."""
    if len(run) == 1:
        yield run
    yield from map("".join, pairwise(run))
