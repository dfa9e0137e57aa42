"""Pieces: stretches of a text that passages are made of, none longer than a passage may be."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from graft.library.segment.blocks import Block
from graft.library.segment.counts import Counts
from graft.measures.sentences import Spans, running_sentences, skip_space

# What it costs to begin a passage here, beside the square of the share that stays empty: a
# passage rather stays a fifth empty (.04) than part a list, a third (.11) than part sentences.
PART_ITEMS = 0.04
PART_ROWS = 0.08
PART_SENTENCES = 0.1
PART_CODE = 0.1
PART_FUNCTIONS = 0.02
PART_FUNCTION = 0.3
PART_LINES = 0.2
PART_WORDS = 0.5
PART_LEAD = 0.3
"""After a paragraph that ends in a colon, or before a nested item."""
PART_HEADING = 2.0

_IDEOGRAPH = "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"
_LEVELS = (
    re.compile(r"\n"),
    re.compile(r"[;:,.!?—–)\]|،؛](?=\s)|[、，；：၊៖]"),
    re.compile(rf"(?=\s)|(?<=[{_IDEOGRAPH}])(?=[^\s\u3001\u3002\uff0c\uff1a\uff1b\uff1f\uff01])"),
)
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_LINE = re.compile(r"\n")
_BEFORE_FUNCTION = (
    "abstract|async|default|export|final|internal|override|private|protected|pub|public|static"
)
_FUNCTION = re.compile(
    rf"[ \t]*(?:(?:{_BEFORE_FUNCTION})(?:\(\w+\))? +)*"
    r"(?:class|def|enum|fn|func|fun|function|impl|interface|namespace|struct|sub|trait)\b\s*[\w($<]"
)
_ABOVE_FUNCTION = re.compile(r"[ \t]*(?:@\w|#\[|#|//|/\*| \*)")
"""Lines that belong to the function below them: decorators, attributes, comments."""


@dataclass(frozen=True, slots=True)
class Piece:
    """`text[start:end]`; `penalty` is the cost of beginning a passage with it.

    `header` is the first row of the table that it continues, shown among the headings.
    """

    start: int
    end: int
    penalty: float = 0.0
    header: str = ""


def pieces(text: str, blocks: Sequence[Block], counts: Counts, limit: int) -> list[Piece]:
    """Return a section cut as finely as a passage of `limit` tokens may need it, in order.

    Leading headings stay with the piece after them.
    """
    body = [block for block in blocks if block.kind != "heading"]
    heads = blocks[: len(blocks) - len(body)]
    if not heads:
        return _small_joined([*_of_blocks(text, body, counts, limit)], counts, limit)
    start, end = heads[0].start, heads[-1].end
    size = counts.size(start, end)
    if not body or size > limit // 2:
        lead = [Piece(*span, PART_WORDS) for span in cut(text, (start, end), counts, limit)]
        found = [replace(lead[0], penalty=0.0), *lead[1:]]
        rest = list(_of_blocks(text, body, counts, limit))
        rest[:1] = [replace(piece, penalty=PART_HEADING) for piece in rest[:1]]
        return _small_joined([*found, *rest], counts, limit)
    first = list(_of_blocks(text, body[:1], counts, limit - size - 1))
    first[0] = replace(first[0], start=start, penalty=0.0)
    rest = list(_of_blocks(text, body, counts, limit, skip=1))
    return _small_joined([*first, *rest], counts, limit)


def _of_blocks(
    text: str, blocks: Sequence[Block], counts: Counts, limit: int, *, skip: int = 0
) -> Iterator[Piece]:
    for i in range(skip, len(blocks)):
        block = blocks[i]
        before = _penalty(text, blocks[i - 1], block) if i else 0.0
        found = _of_block(text, block, counts, limit)
        yield replace(found[0], penalty=before)
        yield from found[1:]


def _penalty(text: str, above: Block, block: Block) -> float:
    if block.kind == "item" and block.depth > above.depth:
        return PART_LEAD
    if above.kind == "paragraph" and text[above.end - 1] in ":：":
        return PART_LEAD
    return PART_ITEMS if block.kind == above.kind == "item" else 0.0


def _of_block(text: str, block: Block, counts: Counts, limit: int) -> list[Piece]:
    span = (block.start, block.end)
    fits = counts.size(*span) <= limit
    if block.kind == "code":
        return [Piece(*span)] if fits else _of_code(text, span, counts, limit)
    if block.kind == "table":
        return [Piece(*span)] if fits else _of_table(text, span, counts, limit)
    found = []
    for sentence in running_sentences(text, *span):
        parts = cut(text, sentence, counts, limit)
        found.append(Piece(*parts[0], PART_SENTENCES))
        found += [Piece(*part, PART_WORDS) for part in parts[1:]]
    found[0] = replace(found[0], start=block.start)
    return found


def _of_code(text: str, span: tuple[int, int], counts: Counts, limit: int) -> list[Piece]:
    found = []
    for part, penalty in _stretches(text, span):
        lines = [part] if counts.size(*part) <= limit else _split(text, part, _LINE)
        for n, line in enumerate(lines):
            words = cut(text, line, counts, limit)
            found.append(Piece(*words[0], PART_LINES if n else penalty))
            found += [Piece(*word, PART_WORDS) for word in words[1:]]
    return found


def _stretches(text: str, span: tuple[int, int]) -> Iterator[tuple[tuple[int, int], float]]:
    """Yield what stands between blank lines and between functions, and what a cut before costs."""
    lines = _split(text, span, _LINE)
    begins = _functions(text, lines)
    starts = [
        n
        for n, (start, _) in enumerate(lines)
        if n == 0 or n in begins or _BLANK_LINE.search(text, lines[n - 1][1], start)
    ]
    for n, stop in pairwise([*starts, len(lines)]):
        inside = PART_FUNCTION if text[lines[n][0]] in " \t" and begins else PART_CODE
        yield (
            (lines[n][0], lines[stop - 1][1]),
            PART_FUNCTIONS if n in begins else inside,
        )


def _functions(text: str, lines: Spans) -> set[int]:
    """Return which lines begin a function or a class, with what stands right above it."""
    found = set()
    above = None  # where the decorators and comments began that stand directly above
    for n, (start, end) in enumerate(lines):
        if n and _BLANK_LINE.search(text, lines[n - 1][1], start):
            above = None
        line = text[start:end]
        if _FUNCTION.match(line):
            found.add(n if above is None else above)
        above = (n if above is None else above) if _ABOVE_FUNCTION.match(line) else None
    return found


def _of_table(text: str, span: tuple[int, int], counts: Counts, limit: int) -> list[Piece]:
    rows = _split(text, span, _LINE)
    header = " | ".join(cell.strip() for cell in text[slice(*rows[0])].strip(" |").split("|"))
    ruled = len(rows) > 2 and not text[slice(*rows[1])].strip("|:- \t")
    if ruled and counts.size(rows[0][0], rows[2][1]) <= limit:
        rows[:3] = [(rows[0][0], rows[2][1])]
    found = []
    for n, row in enumerate(rows):
        words = cut(text, row, counts, limit)
        found.append(Piece(*words[0], PART_ROWS, header if n else ""))
        found += [Piece(*word, PART_WORDS, header) for word in words[1:]]
    return found


def _split(text: str, span: tuple[int, int], mark: re.Pattern[str]) -> Spans:
    """Return the parts between marks that hold more than space, from their lines' starts."""
    found: Spans = []
    start = span[0]
    for end in [*(match.start() for match in mark.finditer(text, *span)), span[1]]:
        part = text[start:end]
        if part.strip():
            lead = part[: len(part) - len(part.lstrip())]
            found.append((start + lead.rfind("\n") + 1, start + len(part.rstrip())))
        start = end
    return found


def cut(text: str, span: tuple[int, int], counts: Counts, limit: int) -> Spans:
    """Return a span in parts of about one size, `limit` tokens at most.

    Cuts after a line, else a clause, else a word; within a word only when it alone is too long.
    """
    start, end = span
    found: Spans = []
    while (size := counts.size(start, end)) > limit:
        furthest = counts.reach(start, limit)
        ideal = counts.reach(start, -(-size // -(-size // limit)))
        place = _place(text, start, min(ideal, furthest), furthest)
        found.append((start, start + len(text[start:place].rstrip())))
        start = skip_space(text, place, end)
    found.append((start, end))
    return found


def _place(text: str, start: int, ideal: int, furthest: int) -> int:
    """Return where to cut: the place nearest to `ideal`, on the best level that has one."""
    least = start + (ideal - start) // 2
    for mark in _LEVELS:
        places = [match.end() for match in mark.finditer(text, least, furthest + 1)]
        places = [place for place in places if least < place <= furthest]
        if places:
            return min(places, key=lambda place: abs(place - ideal))
    # any space will do before a word is cut
    spaces = [match.start() for match in re.finditer(r"\s", text[start + 1 : least + 1])]
    if spaces:
        return start + 1 + spaces[-1]
    place = ideal
    while start + 1 < place < len(text) and unicodedata.category(text[place])[0] == "M":
        place -= 1  # a mark stays with its letter
    return place if place > start + 1 else ideal


def _small_joined(found: Sequence[Piece], counts: Counts, limit: int) -> list[Piece]:
    """Join pieces of a few tokens to the next: it bounds the ways in which they can be packed."""
    small = limit // 32
    joined: list[Piece] = []
    for piece in found:
        last = joined[-1] if joined else None
        if (
            last is not None
            and counts.size(last.start, last.end) < small
            and counts.size(last.start, piece.end) <= limit
        ):
            joined[-1] = replace(last, end=piece.end)
        else:
            joined.append(piece)
    return joined
