"""PDF: lines of text with their places, read by PDFium; one page of the text a page."""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Iterator
from typing import Any

import pypdfium2 as pdfium
from pypdfium2 import raw

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.clean import clean_characters, join_pages, plain_letters, words_of
from graft.library.readers.extracted import Blob, Extracted
from graft.library.readers.layout import page_blocks, without_furniture
from graft.library.readers.lines import PrintLine, one_baseline
from graft.library.readers.reader import Reader

MAX_PAGES = 20_000
_HYPHENS = {0x02, 0xFFFE}
_BOLD = re.compile(rb"bold|black|heavy|demi|-medi\b|cmbx|sfbx")
_MONO = re.compile(rb"courier|mono|consol|menlo|cmtt|typewriter|inconsolata")
_LABEL = re.compile(r"\s*([^\w\s]|\(?\w{1,3}[.)]|\d+(\.\d+)+)\s*$")
"""A bullet or number: the gap behind it separates no cells."""
_LAM, _ALEFS = 0x644, {0x622, 0x623, 0x625, 0x627}
_NO_TITLE = re.compile(
    r"(?i)^(untitled.*|microsoft (word|powerpoint|excel)\b.*|"
    r".*\.(docx?|pptx?|xlsx?|tex|dvi|indd|pdf|qxd|rtf)|"
    r"slide 1|powerpoint presentation|document\d*|title|\W*)$"
)


def read_pdf(blob: Blob) -> list[Extracted]:
    """Return a PDF's text with the offset of each page, without running headers and footers.

    Lines are joined into paragraphs, large type becomes headings, aligned columns tables. Raises
    DocumentError for a PDF that is encrypted, damaged, scanned, or whose letters have no meaning.
    """
    try:
        document = pdfium.PdfDocument(blob.data)
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower() or "security" in str(error).lower():
            raise DocumentError("the PDF is encrypted: save a copy without the password") from error
        raise DocumentError(
            "the PDF is damaged: open it in a PDF reader and save it anew"
        ) from error
    try:
        count = len(document)
        if not 0 < count <= MAX_PAGES:
            raise DocumentError(f"the PDF has {count} pages, and 1 to {MAX_PAGES} were expected")
        pages = [_page_lines(document, number) for number in range(count)]
        values = document.get_metadata_dict(skip_empty=True)
    except pdfium.PdfiumError as error:
        raise DocumentError("a page of the PDF is damaged: save it anew in a PDF reader") from error
    finally:
        document.close()
    _check_letters(pages)
    pages = without_furniture(pages)
    known = words_of([line.text for page in pages for line in page])
    text, offsets = join_pages(list(page_blocks(pages, known)), known)
    title = " ".join(clean_characters(values.get("Title", "")).split())
    metadata = {"author": values.get("Author", ""), "pages": str(count)}
    return [
        Extracted(
            "",
            text,
            "" if _NO_TITLE.match(title) else title,
            pages=offsets,
            metadata={k: v for k, v in metadata.items() if v},
        )
    ]


def _check_letters(pages: list[list[PrintLine]]) -> None:
    text = "".join(line.text for page in pages for line in page)
    if not text.strip():
        raise DocumentError(
            f"the PDF has {len(pages)} pages and no text, as scans have: "
            "run text recognition (OCR) over it first"
        )
    strange = sum(1 for c in text if c == "\ufffd" or "\ue000" <= c <= "\uf8ff" or c < "\t")
    if strange > 0.3 * len(text):
        raise DocumentError(
            "the PDF's fonts do not say which letters they draw: run text recognition (OCR) first"
        )


def _page_lines(document: Any, number: int) -> list[PrintLine]:
    try:
        page = document[number]
    except pdfium.PdfiumError:
        return []
    try:
        width, height = page.get_size()
        rotation = page.get_rotation()
        textpage = page.get_textpage()
        try:
            lines = list(_lines(textpage.raw, _Turn(rotation, width, height)))
        finally:
            textpage.close()
    finally:
        page.close()
    return one_baseline([line for line in lines if line.text.strip()])


class _Turn:
    """Turns boxes of a rotated page upright; sizes are of the page as it is shown."""

    def __init__(self, rotation: int, width: float, height: float) -> None:
        self.rotation, self.width, self.height = rotation % 360, width, height

    def __call__(self, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        left, bottom, right, top = box
        if self.rotation == 90:
            return bottom, self.height - right, top, self.height - left
        if self.rotation == 180:
            return self.width - right, self.height - top, self.width - left, self.height - bottom
        if self.rotation == 270:
            return self.width - top, left, self.width - bottom, right
        return box


def _lines(textpage: Any, turn: _Turn) -> Iterator[PrintLine]:
    total = raw.FPDFText_CountChars(textpage)
    codes = [raw.FPDFText_GetUnicode(textpage, i) for i in range(total)]
    start = 0
    # PDFium writes one mark for a hyphen and the line end behind it.
    ends = [i + (code != 10) for i, code in enumerate(codes) if code == 10 or code in _HYPHENS]
    for end in [*ends, total]:
        line = _line(textpage, codes, range(start, end), turn)
        if line is not None:
            yield line
        start = end


def _line(textpage: Any, codes: list[int], span: range, turn: _Turn) -> PrintLine | None:
    places = [i for i in span if codes[i] not in (10, 13, 32, 0, 0xA0)]
    if not places:
        return None
    # Text that does not run with the page (a stamp on the margin) is no part of what is read.
    angle = raw.FPDFText_GetCharAngle(textpage, places[len(places) // 2])
    if angle >= 0 and not turn.rotation and 20 < math.degrees(angle) % 360 < 340:
        return None
    first, last, middle = (_box(textpage, places[k], turn) for k in (0, -1, len(places) // 2))
    size = sorted(box[3] - box[1] for box in (first, last, middle))[1]
    cells: list[tuple[float, float, str]] = []
    text: list[str] = []
    left, previous = first[0], -1
    for i in span:
        code = codes[i]
        if code in (10, 13, 0):
            continue
        if code in (32, 0xA0, 9):
            text.append(" ")
            continue
        if text and text[-1] == " " and previous >= 0:
            before, after = _box(textpage, previous, turn), _box(textpage, i, turn)
            if after[0] - before[2] > 0.8 * max(size, 4.0) and not _LABEL.match("".join(text)):
                cells.append((left, before[2], "".join(text).strip()))
                text, left = [], after[0]
        text.append("-" if code in _HYPHENS else chr(code) if code < 0x110000 else "\ufffd")
        if (
            code == _LAM
            and previous == i - 1
            and codes[previous] in _ALEFS
            and (_box(textpage, previous, turn) == _box(textpage, i, turn))
        ):
            # Lam and alef drawn as one sign come in the order of the page, not of the word.
            text[-2:] = [text[-1], text[-2]]
        previous = i
    cells.append((left, last[2], "".join(text).strip()))
    cleaned = tuple((a, b, _clean(t)) for a, b, t in cells if t.strip())
    bold, mono = (
        all(pair) for pair in zip(*(_font(textpage, places[k]) for k in (0, -1)), strict=True)
    )
    whole = " ".join(t for _, _, t in cleaned)
    box = (
        min(first[0], last[0]),
        min(first[1], last[1]),
        max(first[2], last[2]),
        max(first[3], last[3]),
    )
    return PrintLine(whole, *box, size, bold, cleaned, turn.height, mono)


def _clean(text: str) -> str:
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return " ".join(plain_letters(clean_characters(text)).split())


def _box(textpage: Any, index: int, turn: _Turn) -> tuple[float, float, float, float]:
    rect = raw.FS_RECTF()
    if not raw.FPDFText_GetLooseCharBox(textpage, index, rect):
        return 0.0, 0.0, 0.0, 0.0
    return turn((rect.left, rect.bottom, rect.right, rect.top))


def _font(textpage: Any, index: int) -> tuple[bool, bool]:
    """Return whether a character is bold, and whether its font is monospaced."""
    buffer, flags = ctypes.create_string_buffer(96), ctypes.c_int()
    raw.FPDFText_GetFontInfo(textpage, index, buffer, 96, flags)
    name = buffer.value.lower()
    bold = raw.FPDFText_GetFontWeight(textpage, index) >= 600 or _BOLD.search(name) is not None
    return bold, bool(flags.value & 1) or _MONO.search(name) is not None


PDF = Reader("pdf", (kinds.PDF,), read_pdf)
