"""PDF: lines of text with their places, read by PDFium; one page of the text a page."""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pypdfium2 as pdfium
from pypdfium2 import raw

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.clean import clean_characters, join_pages, words_of
from graft.library.readers.extracted import Blob, Extracted
from graft.library.readers.furniture import without_furniture
from graft.library.readers.layout import page_blocks
from graft.library.readers.lines import PrintLine
from graft.library.readers.pdfmarks import draw, form_of, page_marks
from graft.library.readers.pdfplaces import with_marks
from graft.library.readers.pdftext import page_text
from graft.library.readers.reader import Reader

MAX_PAGES = 20_000
_NO_TITLE = re.compile(
    r"(?i)^(untitled.*|microsoft (word|powerpoint|excel)\b.*|"
    r".*\.(docx?|pptx?|xlsx?|tex|dvi|indd|pdf|qxd|rtf)|"
    r"slide 1|powerpoint presentation|document\d*|title|\W*)$"
)
_NO_VALUE = {"unspecified", "anonymous", "unknown", "(unspecified)", "(anonymous)"}
_DATE = re.compile(
    r"(?:D:)?(\d{4})-?(\d\d)?-?(\d\d)?[T ]?(\d\d)?:?(\d\d)?:?(\d\d)?"
    r"(?:([+-])(\d\d)[':]?(\d\d)?|([Zz]))?"
)
_DAMAGED = "damaged pages"
_SPECK = 10.0
"""Points: an image lower or narrower than this is a rule or a dot."""


@dataclass(frozen=True)
class _Page:
    """A page's lines, and counts of what it holds beside them."""

    lines: list[PrintLine]
    left_out: Counter[str] = field(default_factory=Counter)


def read_pdf(blob: Blob) -> list[Extracted]:
    """Return a PDF's text with the offset of each page, without running headers and footers.

    Lines are joined into paragraphs, large type becomes headings, aligned columns tables; values
    of forms stand at their labels. Raises DocumentError for a PDF that is encrypted, damaged,
    scanned, or whose letters have no meaning.
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
        with form_of(document) as form:
            read = [_page(document, number, form) for number in range(count)]
        values = document.get_metadata_dict(skip_empty=True)
        attachments = max(0, raw.FPDFDoc_GetAttachmentCount(document.raw))
        dynamic = document.get_formtype() == raw.FORMTYPE_XFA_FULL
    finally:
        document.close()
    left_out = sum((page.left_out for page in read), Counter[str]())
    left_out["attachments"] += attachments
    if left_out[_DAMAGED] == count:
        raise DocumentError("the PDF's pages are damaged: save it anew in a PDF reader")
    pages = [page.lines for page in read]
    _check_letters(pages, dynamic)
    for number, page in enumerate(pages):
        if _strange(page):
            pages[number] = []
            left_out["pages without text"] += 1
    pages, left_out["headers and footers"] = without_furniture(pages)
    known = words_of([line.text for page in pages for line in page])
    text, offsets = join_pages(list(page_blocks(pages, known)), known)
    title = " ".join(clean_characters(values.get("Title", "")).split())
    return [
        Extracted(
            "",
            text,
            "" if _NO_TITLE.match(title) else title,
            pages=offsets,
            metadata=_metadata(values, count),
            left_out=left_out,
        )
    ]


def _metadata(values: dict[str, str], pages: int) -> dict[str, str]:
    """Return a document's own properties, dates as ISO times."""
    found = {
        key: " ".join(clean_characters(values.get(key.title(), "")).split())
        for key in ("author", "subject", "keywords")
    }
    found["created"] = iso_time(values.get("CreationDate", ""))
    found["modified"] = iso_time(values.get("ModDate", ""))
    found["pages"] = str(pages)
    return {key: value for key, value in found.items() if value and value.lower() not in _NO_VALUE}


def iso_time(text: str) -> str:
    """Return a PDF's date (ISO 32000, 7.9.4) as an ISO time, "" for what is none.

    >>> iso_time("D:20171211093519-06'00'"), iso_time("D:2017"), iso_time("yesterday")
    ('2017-12-11T09:35:19-06:00', '2017-01-01', '')
    """
    found = _DATE.match(text.strip())
    if found is None:
        return ""
    year, month, day, hour, minute, second, sign, hours, minutes, _ = found.groups()
    shown = f"{year}-{month or '01'}-{day or '01'}"
    if hour:
        shown += f"T{hour}:{minute or '00'}:{second or '00'}"
        shown += f"{sign}{hours}:{minutes or '00'}" if sign else "Z" if found[10] else ""
    try:
        datetime.fromisoformat(shown)
    except ValueError:
        return ""
    return shown


def _strange(lines: list[PrintLine]) -> bool:
    """Return whether most of some lines is characters that stand for no letters."""
    text = "".join(line.text for line in lines)
    strange = sum(1 for c in text if c == "\ufffd" or "\ue000" <= c <= "\uf8ff" or c < "\t")
    return strange > 0.3 * len(text)


def _check_letters(pages: list[list[PrintLine]], dynamic: bool) -> None:
    lines = [line for page in pages for line in page]
    if not lines:
        raise DocumentError(
            f"the PDF has {len(pages)} pages and no text, as scans have: "
            "run text recognition (OCR) over it first"
        )
    if dynamic and any("please wait" in line.text.lower() for line in lines[:5]):
        raise DocumentError(
            "the PDF is an XFA form, which Adobe's reader alone draws: print it to a PDF there"
        )
    if _strange(lines):
        raise DocumentError(
            "the PDF's fonts do not say which letters they draw: run text recognition (OCR) first"
        )


def _page(document: Any, number: int, form: Any) -> _Page:
    try:
        page = document[number]
        try:
            laid = page_marks(page, form)
            if laid.drawn:
                draw(page, laid.drawn)
                page.close()
                page = document[number]
            images, objects = _images(page)
            text = page_text(page)
        finally:
            page.close()
    except pdfium.PdfiumError:
        return _Page([], Counter({_DAMAGED: 1}))
    lines = with_marks(text, laid.marks) if laid.marks else text.lines
    left_out = laid.left_out + Counter({"hidden lines": text.outside})
    if lines:
        left_out["images"] += images
    elif images or objects > 2:  # a background is one or two
        left_out["pages without text"] += 1
    return _Page(lines, left_out)


def _images(page: Any) -> tuple[int, int]:
    """Return how many images a page holds, and how many objects of its own."""
    count = max(0, raw.FPDFPage_CountObjects(page.raw))
    get, kind, handle = raw.FPDFPage_GetObject, raw.FPDFPageObj_GetType, page.raw
    others = {raw.FPDF_PAGEOBJ_TEXT, raw.FPDF_PAGEOBJ_PATH}
    found = [item for item in (get(handle, i) for i in range(count)) if kind(item) not in others]
    return sum(map(_images_of, found)), count


def _images_of(item: Any, depth: int = 0) -> int:
    kind = raw.FPDFPageObj_GetType(item)
    if kind == raw.FPDF_PAGEOBJ_FORM and depth < 3:
        count = max(0, raw.FPDFFormObj_CountObjects(item))
        return sum(_images_of(raw.FPDFFormObj_GetObject(item, i), depth + 1) for i in range(count))
    if kind != raw.FPDF_PAGEOBJ_IMAGE:
        return 0
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    raw.FPDFPageObj_GetBounds(item, left, bottom, right, top)
    return int(min(right.value - left.value, top.value - bottom.value) >= _SPECK or depth > 0)


PDF = Reader("pdf", (kinds.PDF,), read_pdf, version="2")
