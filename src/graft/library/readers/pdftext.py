"""A PDF page's text as PDFium finds it: lines of print with their places, each read as it runs."""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pypdfium2 import raw

from graft.library.clean import clean_characters, plain_letters
from graft.library.readers.lines import ASIDE, PrintLine, one_baseline

Box = tuple[float, float, float, float]
"""Left, bottom, right and top, in points."""

_HYPHENS = {0x02, 0xFFFE}
_LINE_END = 0xFFFE
"""What PDFium's text of a page holds for a hyphen at a line's end."""
_LAST = 0x10FFFF
_BLANK = {10, 13, 32, 0, 0xA0}
_BOLD = re.compile(rb"bold|black|heavy|demi|-medi\b|cmbx|sfbx")
_MONO = re.compile(rb"courier|mono|consol|menlo|cmtt|typewriter|inconsolata")
_LABEL = re.compile(r"\s*([^\w\s]|\(?\w{1,3}[.)]|\d+(\.\d+)+)\s*$")
"""A bullet or number: the gap behind it separates no cells."""
_LAM, _ALEFS = 0x644, {0x622, 0x623, 0x625, 0x627}
_WORD = re.compile(r"[^\n\r \0\xa0]+[\n\r \0\xa0]*")
"""A word and the blanks behind it."""
_LEANING = 20.0
"""Degrees by which a line may lean and still run along a side of the page."""


@dataclass(frozen=True)
class Frame:
    """A page turned by `quarters` clockwise; `box` is the part of it that is shown, unturned."""

    quarters: int
    box: Box

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the page as it is seen."""
        left, bottom, right, top = self.box
        sides = right - left, top - bottom
        return sides if self.quarters % 2 == 0 else sides[::-1]

    def __call__(self, box: Box) -> Box:
        """Return a box of the page's own coordinates as it is seen, from the lower left corner."""
        x, y = self.box[0], self.box[1]
        if not (self.quarters or x or y):
            return box
        width, height = self.box[2] - x, self.box[3] - y
        left, bottom, right, top = box[0] - x, box[1] - y, box[2] - x, box[3] - y
        if self.quarters == 1:
            return bottom, width - right, top, width - left
        if self.quarters == 2:
            return width - right, height - top, width - left, height - bottom
        if self.quarters == 3:
            return height - top, left, height - bottom, right
        return left, bottom, right, top


@dataclass(frozen=True)
class PageText:
    """A page's lines, how it is seen where most are upright and the turn of those lines.

    They come first. `outside` is how many lie outside of what is shown of the page.
    """

    lines: list[PrintLine]
    frame: Frame
    turn: int = 0
    outside: int = 0


def page_text(page: Any) -> PageText:
    """Return a page's lines, each read upright.

    PDFium puts what stands at one height of the page as it is shown into one line from left to
    right, so text that runs another way is read with the page turned until it is upright. The
    page stays turned. Raises PdfiumError.
    """
    shown, box = page.get_rotation() // 90, page.get_bbox()
    text = _Characters(page)
    try:
        lines: list[PrintLine] = []
        now, outside = shown, 0
        order = [quarters for quarters, _ in text.directions.most_common()]
        for quarters in order:
            if quarters != now:
                text.close()
                page.set_rotation(90 * quarters)
                text, now = _Characters(page), quarters
            frame = Frame(quarters, box)
            found = [line for line in _lines(text, frame, (quarters - shown) % 4) if line.text]
            seen = [one for one in found if _overlaps(one, *frame.size)]
            outside += len(found) - len(seen)
            lines += one_baseline(seen)
    finally:
        text.close()
    main = order[0] if order else shown
    return PageText(lines, Frame(main, box), (main - shown) % 4, outside)


def _overlaps(line: PrintLine, width: float, height: float) -> bool:
    return line.right > 0 and line.top > 0 and line.left < width and line.bottom < height


class _Characters:
    """A page's characters: Unicode numbers, and for each how many quarters clockwise upright it."""

    def __init__(self, page: Any) -> None:
        self._page = page.get_textpage()
        self.raw = self._page.raw
        self.codes = _codes(self.raw)
        self.turns = bytearray(len(self.codes))
        self.directions: Counter[int] = Counter()
        # A word runs one way; to ask for every character costs a sixth more time.
        for word in _WORD.finditer("".join(map(chr, self.codes))):
            turn, length = self._turn(word.start()), word.end() - word.start()
            self.directions[turn % ASIDE] += length
            if turn:
                self.turns[slice(*word.span())] = bytes([turn]) * length

    def _turn(self, index: int) -> int:
        clockwise: float = raw.FPDFText_GetCharAngle(self.raw, index) * 57.29578
        if clockwise <= 0:
            return 0
        if raw.FPDFText_GetFontSize(self.raw, index) < 0:
            clockwise += 180  # type of a negative size stands on its head
        quarters = round(clockwise / 90)
        return -quarters % 4 + (ASIDE if abs(clockwise - 90 * quarters) > _LEANING else 0)

    def close(self) -> None:
        self._page.close()


def _codes(textpage: Any) -> list[int]:
    """Return the Unicode numbers of a page's characters, as FPDFText_GetUnicode gives them."""
    count = raw.FPDFText_CountChars(textpage)
    buffer = (ctypes.c_ushort * (count + 1))()
    if raw.FPDFText_GetText(textpage, 0, count, buffer) == count + 1:
        # One unit a character: the whole page in one call, in an eighth of the time.
        codes: list[int] = buffer[:count]
        for i in [i for i, code in enumerate(codes) if code == _LINE_END]:
            codes[i] = raw.FPDFText_GetUnicode(textpage, i)
        return codes
    return [min(raw.FPDFText_GetUnicode(textpage, i), _LAST) for i in range(count)]


def _lines(text: _Characters, frame: Frame, turn: int) -> Iterator[PrintLine]:
    codes, turns, start = text.codes, text.turns, 0
    ways = sorted(set(turns))
    # PDFium writes one mark for a hyphen and the line end behind it.
    ends = [i + (code != 10) for i, code in enumerate(codes) if code == 10 or code in _HYPHENS]
    for end in [*ends, len(codes)]:
        for way in ways:
            if way % ASIDE == frame.quarters:
                span: Sequence[int] = range(start, end)
                if len(ways) > 1:
                    span = [i for i in span if turns[i] == way]
                line = _line(text, span, frame, ASIDE if way >= ASIDE else turn)
                if line is not None:
                    yield line
        start = end


def _line(text: _Characters, span: Sequence[int], frame: Frame, turn: int) -> PrintLine | None:
    codes = text.codes
    places = [i for i in span if codes[i] not in _BLANK]
    if not places:
        return None

    rect = raw.FS_RECTF()

    def box_of(index: int) -> Box:
        if not raw.FPDFText_GetLooseCharBox(text.raw, index, rect):
            return 0.0, 0.0, 0.0, 0.0
        return frame((rect.left, rect.bottom, rect.right, rect.top))

    first, last, middle = (box_of(places[k]) for k in (0, -1, len(places) // 2))
    size = sorted(box[3] - box[1] for box in (first, last, middle))[1]
    cells = _cells(codes, span, box_of, size, (first, last))
    bold, mono = (
        all(pair) for pair in zip(*(_font(text.raw, places[k]) for k in (0, -1)), strict=True)
    )
    return PrintLine(
        " ".join(t for _, _, t in cells),
        min(first[0], last[0]),
        min(first[1], last[1]),
        max(first[2], last[2]),
        max(first[3], last[3]),
        size,
        bold,
        cells,
        frame.size[1],
        mono,
        turn,
    )


def _cells(
    codes: Sequence[int],
    span: Sequence[int],
    box_of: Callable[[int], Box],
    size: float,
    ends: tuple[Box, Box],
) -> tuple[tuple[float, float, str], ...]:
    """Return a line's parts between wide gaps."""
    cells: list[tuple[float, float, str]] = []
    text: list[str] = []
    left, previous = ends[0][0], -1
    for i in span:
        code = codes[i]
        if code in (10, 13, 0):
            continue
        if code in (32, 0xA0, 9):
            text.append(" ")
            continue
        if text and text[-1] == " " and previous >= 0:
            before, after = box_of(previous), box_of(i)
            if after[0] - before[2] > 0.8 * max(size, 4.0) and not _LABEL.match("".join(text)):
                cells.append((left, before[2], "".join(text).strip()))
                text, left = [], after[0]
        text.append("-" if code in _HYPHENS else chr(code))
        if (
            code == _LAM
            and previous == i - 1
            and codes[previous] in _ALEFS
            and box_of(previous) == box_of(i)
        ):
            # Lam and alef drawn as one sign come in the order of the page, not of the word.
            text[-2:] = [text[-1], text[-2]]
        previous = i
    cells.append((left, ends[1][2], "".join(text).strip()))
    return tuple((a, b, _clean(t)) for a, b, t in cells if t.strip())


def _clean(text: str) -> str:
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return " ".join(plain_letters(clean_characters(text)).split())


def _font(textpage: Any, index: int) -> tuple[bool, bool]:
    """Return whether a character is bold, and whether its font is monospaced."""
    buffer, flags = ctypes.create_string_buffer(96), ctypes.c_int()
    raw.FPDFText_GetFontInfo(textpage, index, buffer, 96, flags)
    name = buffer.value.lower()
    bold = raw.FPDFText_GetFontWeight(textpage, index) >= 600 or _BOLD.search(name) is not None
    return bold, bool(flags.value & 1) or _MONO.search(name) is not None
