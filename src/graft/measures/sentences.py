"""Sentences by rule: full stops of many scripts, less abbreviations, initials and decimals.

One set of rules for all: `sentences` reads a text with lines, headings and lists, as answers and
passages are; `running_sentences` a paragraph of it, as segmentation does once it knows the blocks.
"""

from __future__ import annotations

import re

Spans = list[tuple[int, int]]

WRAPPED = 45
"""A line this long without a closing mark goes on in the next one (hard-wrapped text)."""

LONGEST = 600
"""Characters after which a text without marks is cut at a space, so that no quote is endless."""

HEADING = re.compile(r"^#{1,6} .*$", re.MULTILINE)
"""A heading of Markdown, with its line."""

_LINE_END = re.compile(r"[^\S\n]*\n\s*")
_MARKER = re.compile(r"(?:[-*+•>#|]|\d{1,3}[.)]\s|[a-z]\)\s|```)")
_ANYWHERE = "。！？｡．‼⁇⁈⁉؟۔։።፧།।॥။៕។෴"
# Latin marks end before a space alone; those that nothing else is written with end anywhere:
# ideographic ones, and those of Arabic, Armenian, Ethiopic, Tibetan, Indic, Burmese and Khmer.
_END = re.compile(
    r"""(?<![.!?…‽])[.!?…‽]++["'”’»)\]*_`]*(?:\[\w{1,4}\])*(?=\s)"""
    rf"""|[{_ANYWHERE}](?<!．(?=\d))[{_ANYWHERE}!?」』”’»）】》)"'*_`]*(?:\[\w{{1,4}}\])*"""
)
_CLOSES = frozenset(f".!?:;{_ANYWHERE}")
_WORD_BEFORE = re.compile(r"[^\s(\[{\"'“‘«/*_`]+\Z")
_NEXT = re.compile(r"\s+[\"'“‘«(\[*_`¿¡]*(\S\w*)")
_DOTTED = re.compile(r"(?:\w\.)+\w")

_BEFORE_NAME = frozenset(
    """mr mrs ms dr prof st mme mlle messrs gen col capt cmdr lt sgt maj adm rev fr hon gov sen rep
    pres supt insp mt ft vs v e.g i.e eg ie cf viz resp ca c approx z.b bzw d.h vgl p.ej sr sra
    dott ing""".split()  # noqa: SIM905
)
_BEFORE_NUMBER = frozenset(
    """no nos nr p pp pg vol vols ch chap sec sect art fig figs eq eqs ref refs tab par para pt ver
    v ed app ex line ll n""".split()  # noqa: SIM905
)
_PERHAPS_LAST = frozenset(
    """etc al inc ltd co corp llc plc bros jr sr esq dept univ assn est u.s u.k u.n a.m p.m am pm
    ph.d b.c a.d m.d b.a m.a min max avg incl excl ed eds jan feb mar apr jun jul aug sep sept oct
    nov dec mon tue wed thu fri sat sun usw""".split()  # noqa: SIM905
)
_OPENERS = frozenset(
    """the a an in on at it its this that these those he she they we you i but and however if when
    while for as after before there here his her their our my your no not to by with from what who
    how why where then also since although because once so such some many most all each both
    another other""".split()  # noqa: SIM905
)


def sentences(text: str) -> Spans:
    """Return the sentences of a text with lines, in order, as spans without the space around them.

    Lines that are wrapped in mid-sentence are joined; list items, table rows and headings stand
    alone. A sentence that is too long to quote is cut. Everything between two spans is space.

    >>> text = "# Leave\\nDr. Smith came at 3.5 p.m. today. Why? Nobody knows"
    >>> [text[start:end] for start, end in sentences(text)]
    ['# Leave', 'Dr. Smith came at 3.5 p.m. today.', 'Why?', 'Nobody knows']
    """
    found: Spans = []
    start = 0
    for match in _LINE_END.finditer(text):
        if _ends_line(text, match):
            found += running_sentences(text, start, match.start())
            start = match.end()
    found += running_sentences(text, start)
    return [part for span in found for part in _quotable(text, *span)]


def running_sentences(text: str, start: int = 0, end: int | None = None) -> Spans:
    """Return the sentences of `text[start:end]`, a paragraph: a line break is a space in it.

    They hold every character that is not space.

    >>> text = "Dr. Ada paid $3.50. Why? See p. 4."
    >>> [text[a:b] for a, b in running_sentences(text)]
    ['Dr. Ada paid $3.50.', 'Why?', 'See p. 4.']
    """
    stop = len(text) if end is None else end
    found: Spans = []
    here = skip_space(text, start, stop)
    for match in _END.finditer(text, start, stop):
        if match.end() > here and _ends(text, here, match, stop):
            found.append((here, match.end()))
            here = skip_space(text, match.end(), stop)
    last = here + len(text[here:stop].rstrip())
    if last > here:
        found.append((here, last))
    return found


_SPACE = re.compile(r"\s*")


def skip_space(text: str, start: int, stop: int) -> int:
    """Return the place of the first character from `start` that is not space, or `stop`."""
    match = _SPACE.match(text, start, stop)
    return match.end() if match else start


def _ends(text: str, start: int, match: re.Match[str], stop: int) -> bool:
    marks = match[0]
    if marks[0] in _ANYWHERE:
        return True
    following = _NEXT.match(text, match.end(), stop)
    if following is None:
        return False
    word = following[1]
    if marks[0] != "." or marks.startswith(".."):
        closed = marks[-1] not in "!?"
        return not (word[0].islower() and closed)
    found = _WORD_BEFORE.search(text, max(start, match.start() - 24), match.start())
    before = found[0] if found else ""
    return _full_stop(before, word, first=found is not None and found.start() == start, marks=marks)


def _full_stop(before: str, word: str, *, first: bool, marks: str) -> bool:
    """Return whether a single dot between two words ends a sentence."""
    key = before.lower()
    opens = word.lower() in _OPENERS and not word[0].islower()
    name = key in _BEFORE_NAME and (len(key) > 1 or before.islower())  # "c. 1900", "vitamin C."
    if name or (key in _BEFORE_NUMBER and word[0].isdigit()):
        return False
    if key in _PERHAPS_LAST or _DOTTED.fullmatch(before):
        return opens
    if len(before) == 1 and before.isupper():
        return opens
    if before.isdigit() and first:  # "1. Install"
        return False
    if word[0].islower():
        return marks == "." and len(before) > 3 and before.isalpha() and before.islower()
    return True


def _ends_line(text: str, match: re.Match[str]) -> bool:
    if match[0].count("\n") > 1:
        return True
    line_start = text.rfind("\n", 0, match.start()) + 1
    line = text[line_start : match.start()].strip()
    if _MARKER.match(text, match.end()) or line[:1] in {"#", "|"}:
        return True
    return len(line) < WRAPPED or line[-1:] in _CLOSES


def _quotable(text: str, start: int, end: int) -> Spans:
    found: Spans = []
    while end - start > LONGEST:
        space = text.rfind(" ", start + 1, start + LONGEST)
        cut = space if space > 0 else start + LONGEST
        found.append((start, start + len(text[start:cut].rstrip())))
        start = skip_space(text, cut, end)
    return [*found, (start, end)]
