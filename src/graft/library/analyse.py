"""Analyse: a text as the terms that full text finds it by, whatever script it is written in.

One term a word, of letters, digits and marks; scripts that put no space between words give pairs
of characters (`scripts`). What is written as one, such as POL-358 or C++, is a term beside its
words, so that who asks for it by its name finds it first.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from hashlib import blake2b

from graft.library.scripts import FUSED, IDEOGRAPH, as_found, marks, pairs

ANALYSER = 2
"""The number of this analyser: postings that another one made are made anew."""

ENGLISH = tuple(
    re.findall(
        r"\w+",
        "a an and are as at be but by for if in into is it no not of on or such that the their "
        "then there these they this to was will with",
    )
)
"""Lucene's English stop words, which bm25s takes too."""

_SIGN = r"[-./:'+&]|,(?=\d)"
_CHUNK = rf"[.§#@]?\w+(?:(?:{_SIGN})\w+)*(?:\+\+|\#(?!\w))?"
_PLAIN_CHUNK = re.compile(_CHUNK)
_WORD = re.compile(r"[^-./:'+&,§#@]+")
_LETTER, _DIGIT = r"[^\W\d_]", r"\d"
_SEAM = re.compile(rf"(?<={_LETTER})[-./:'_+](?={_DIGIT})|(?<={_DIGIT})[-./:'_+](?={_LETTER})")
_INITIALS = re.compile(rf"{_LETTER}(?:\.{_LETTER})+")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_MEASURED = re.compile(rf"(\d+)({_LETTER}{{1,3}})")
_NAMED = re.compile(rf"{_LETTER}\w*(?:\+\+|\#)|[.@\#]{_LETTER}\w+")
_COUNTED = re.compile(rf"\d+(?:st|nd|rd|th|s|[-']?{_LETTER}{{1,3}})?|\d+(?:-{_LETTER}{{2,}})+")
_ACRONYM = re.compile(r"(?<!\w)([A-Z]{2,8})(?:[/-][A-Z]{2,8})? (\d+)(?![\w,]|\.\d)")
_MAY_NAME = re.compile(r"\d|[#@+＃＠＋]|(?<!\w)[.．]\w|(?<!['’])\b(?![ai])\w\b")
_SECTION = re.compile(r"§\s+(?=\d)")
_BRACKETS = "()[],.;:!?"
_CAPITALS = re.compile(r"[(\[]?(?:[A-Z]{2,}[\])]?[,.;:!?]*|[A-Z][\]),.;:!?]+)")
_SIMPLE = re.compile(r"[(\[\"]*([A-Za-z]{2,}|[0-9]+)[\]),.;:!?\"]*")
"""Most stretches of English: one word, with what closes a sentence."""
_LETTER_A = re.compile(r" A(?<=[a-z0-9][ ]A)(?!\S)")

Identifier = frozenset[str]
"""Terms that a passage has all of when it holds an identifier."""


Parts = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
"""The words of a stretch, the names it is asked for by beside them, and what finds it besides."""


@dataclass(frozen=True)
class Analyser:
    """Turns text into terms: folded words without stop words and without stems.

    >>> Analyser().terms("The Library's 2 doors, re-opened in R")
    ['library', '2', 'doors', 're', 'opened', 'r']
    >>> Analyser().terms("POL-358 in C++ for 东京都")
    ['pol', '358', 'pol358', 'c', 'c++', '东京', '京都']
    """

    stop_words: tuple[str, ...] = ENGLISH

    @cached_property
    def _stopped(self) -> frozenset[str]:
        return _stopped_of(self.stop_words)

    @cached_property
    def _known(self) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
        return _known_of(self.stop_words)

    def terms(self, text: str) -> list[str]:
        """Return the terms that a query asks for, in order, repeats included."""
        found = []
        for stretch in _stretches(text):
            words, names, _ = _parts(stretch, self._stopped)
            found += [*words, *names]
        return found + ["A"] * self._letters_a(text)

    def postings(self, text: str) -> tuple[list[int], int]:
        """Return what a passage's row keeps: its postings, and its length in words.

        What stands beside the words, to be found by, adds nothing to the length.
        """
        known, length = self._known, 0
        counts: dict[int, int] = {}
        for stretch, n in Counter(_stretches(text)).items():
            words, beside = known.get(stretch) or self._learn(stretch)
            for word in words:
                counts[word] = counts.get(word, 0) + n
                length += n
            for name in beside:
                counts[name] = counts.get(name, 0) + n
        if n := self._letters_a(text):
            counts[term_hash("A")] = counts.get(term_hash("A"), 0) + n
            length += n
        return [term | (n if n < MOST else MOST) for term, n in counts.items()], length

    def identifiers(self, query: str) -> list[Identifier]:
        """Return what a query is about by name, each as terms that a passage has all of.

        >>> [sorted(each) for each in Analyser().identifiers("Is POL-358 in ISO 27001?")]
        [['pol358'], ['27001', 'iso']]
        >>> [sorted(each) for each in Analyser().identifiers("vitamin D")]
        [['d', 'vitamin']]
        """
        if not _MAY_NAME.search(query):
            return []
        terms = set(self.terms(query))
        found, own = list[Identifier](), set[str]()
        marked = [stretch for stretch in _stretches(query) if not stretch.isalpha()]
        for chunk in (chunk for stretch in marked for chunk in _read(stretch)[1]):
            if name := _identifier(chunk):
                found.append(frozenset({name}))
                own |= set().union(*_of_chunk(chunk))
        for pair in _ACRONYM.findall(query):
            found.append(frozenset(map(str.lower, pair)))
            own |= found[-1]
        if len(terms - own) > REST:
            return []
        short = any(len(term) == 1 or term[0].isdigit() for term in terms)
        if not found and short and len(terms) <= WHOLE:
            return [frozenset(terms)]
        return found

    def _learn(self, stretch: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        words, names, inside = _parts.__wrapped__(stretch, self._stopped)
        found = tuple(map(term_hash, words)), tuple(map(term_hash, (*names, *inside)))
        if len(stretch) <= LONGEST:
            if len(self._known) >= KNOWN:
                self._known.clear()
            self._known[stretch] = found
        return found

    def _letters_a(self, text: str) -> int:
        """Return how often a capital A stands inside a sentence: there it is no article."""
        if "a" not in self._stopped or " A" not in text:
            return 0
        return len(_LETTER_A.findall(text))


WHOLE = 2
"""Terms up to which a query with a number, or a letter alone, is an identifier as it stands."""

REST = 5
"""Terms beside its identifiers up to which a query is about them: a longer one only mentions them
(chosen on scifact's train questions)."""

KNOWN = 1 << 17
LONGEST = 48
"""Stretches whose terms are kept, and their characters at most."""


@cache
def _known_of(stop_words: tuple[str, ...]) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
    return {}


@cache
def _stopped_of(stop_words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(stop_words)


@lru_cache(maxsize=1 << 14)
def _parts(stretch: str, stopped: frozenset[str]) -> Parts:
    if simple := _SIMPLE.fullmatch(stretch):
        word = simple[1].lower()
        if word not in stopped:
            return (word,), (), ()
        if not simple[1].isupper():
            return (), (), ()
    runs, chunks = _read(stretch)
    words, names, inside = list[str](), list[str](), list[str]()
    for chunk in chunks:
        said, named, besides = _of_chunk(chunk)
        words += said
        names += named
        inside += besides
    words = [word for word in words if word not in stopped]
    for run in runs:
        words += pairs(run)
        inside += IDEOGRAPH.findall(run) if len(run) > 1 else []
    if stretch != "A" and _CAPITALS.fullmatch(stretch):
        # Vitamin A, the IT desk: in capitals a stop word is none.
        bare = stretch.strip(_BRACKETS)
        words += [bare] if bare.lower() in stopped else []
    return tuple(words), tuple(names), tuple(inside)


def _stretches(text: str) -> list[str]:
    """Return what stands between spaces; a section's sign goes with its number."""
    return (_SECTION.sub("§", text) if "§" in text else text).split()


def _read(text: str) -> tuple[list[str], list[str]]:
    """Return the runs of scripts without spaces, and the chunks that words are joined in."""
    text = as_found(text)
    if text.isascii():
        return [], _PLAIN_CHUNK.findall(text)
    runs = FUSED.findall(text)
    return runs, _marked_chunk().findall(FUSED.sub(" ", text) if runs else text)


@cache
def _marked_chunk() -> re.Pattern[str]:
    return re.compile(_CHUNK.replace(r"\w+", rf"\w[\w{marks()}]*"))


def _of_chunk(chunk: str) -> Parts:
    if chunk.isalpha():
        return (chunk,), (), ()
    if _INITIALS.fullmatch(chunk):
        return (chunk.replace(".", ""),), (), ()
    words = []
    for match in _WORD.finditer(chunk):
        beside = chunk[max(match.start() - 1, 0) : match.end() + 1]
        # What an apostrophe cuts off is no word: the library's, don't, l'eau.
        if len(match[0]) > 1 or "'" not in beside or match[0].isdigit():
            words.append(match[0])
    names, inside = [], list[str]()
    bare = chunk.lstrip(".@")
    if _GROUPED.fullmatch(bare):
        names.append(bare.replace(",", ""))
    elif any(map(str.isdigit, chunk)):
        names.append(_SEAM.sub("", bare))
    if found := _NAMED.fullmatch(chunk):
        names.append(found[0])
    for word in words:
        if measured := _MEASURED.fullmatch(word):
            names += measured.groups()
        if "_" in word:
            inside += filter(None, word.split("_"))
    return tuple(words), tuple(name for name in names if name not in words), tuple(inside)


def _identifier(chunk: str) -> str:
    """Return the term of a chunk that is an identifier: letters and digits, v1.2.3, C++, §12."""
    if _NAMED.fullmatch(chunk):
        return chunk
    digits = any(map(str.isdigit, chunk))
    if not digits or _COUNTED.fullmatch(chunk):
        return ""
    name = _SEAM.sub("", chunk.lstrip(".@"))
    letters = any(map(str.isalpha, name))
    return name if letters or name[0] in "§#" or name.count(".") > 1 else ""


COUNT_BITS = 7
MOST = (1 << COUNT_BITS) - 1
"""A posting is one integer: the upper 57 bits of a term's hash, then its count up to 127."""


@lru_cache(maxsize=1 << 18)
def term_hash(term: str) -> int:
    """Return a term's hash in the upper 57 of 64 bits, the lower ones zero."""
    data = term.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big") & ~MOST
