"""What is laid on a PDF page and stands not in its text: values of form fields, annotations."""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pypdfium2 import raw

from graft.library.clean import clean_characters
from graft.library.readers.pdftext import Box

TICKED, EMPTY = "\u2611", "\u2610"
_COMMENTS = {
    raw.FPDF_ANNOT_TEXT, raw.FPDF_ANNOT_LINE, raw.FPDF_ANNOT_SQUARE, raw.FPDF_ANNOT_CIRCLE,
    raw.FPDF_ANNOT_POLYGON, raw.FPDF_ANNOT_POLYLINE, raw.FPDF_ANNOT_HIGHLIGHT,
    raw.FPDF_ANNOT_UNDERLINE, raw.FPDF_ANNOT_SQUIGGLY, raw.FPDF_ANNOT_STRIKEOUT,
    raw.FPDF_ANNOT_CARET, raw.FPDF_ANNOT_INK,
}  # fmt: skip
"""What carries a comment that is seen when it is opened; the mark itself says nothing."""
_MEDIA = {
    raw.FPDF_ANNOT_SOUND, raw.FPDF_ANNOT_MOVIE, raw.FPDF_ANNOT_SCREEN, raw.FPDF_ANNOT_THREED,
    raw.FPDF_ANNOT_RICHMEDIA,
}  # fmt: skip
_PASSWORD = 1 << 13
_UNSEEN = raw.FPDF_ANNOT_FLAG_HIDDEN | raw.FPDF_ANNOT_FLAG_NOVIEW


@dataclass(frozen=True)
class Mark:
    """A text laid on a page at a box of the page's own coordinates.

    `kind` is "value" of a field, "button" that is ticked or not, or "note" written on the page.
    """

    text: str
    box: Box
    kind: str = "value"


@dataclass(frozen=True)
class PageMarks:
    """What is laid on a page; what of it is no text, by kind; annotations that are only drawn."""

    marks: tuple[Mark, ...] = ()
    left_out: Counter[str] = field(default_factory=Counter)
    drawn: tuple[int, ...] = ()


@contextmanager
def form_of(document: Any) -> Iterator[Any]:
    """Give PDFium's handle of a document's form; it runs none of the form's scripts."""
    config = raw.FPDF_FORMFILLINFO(version=2)
    form = raw.FPDFDOC_InitFormFillEnvironment(document.raw, config)
    try:
        yield form
    finally:
        if form:
            raw.FPDFDOC_ExitFormFillEnvironment(form)


def page_marks(page: Any, form: Any) -> PageMarks:
    """Return what is laid on a page that a person sees, and counts of the rest.

    Values are those of the form, whatever is drawn for them: what a program filled in is often
    not drawn yet, and what is drawn may be cut off.
    """
    marks: list[Mark] = []
    left_out: Counter[str] = Counter()
    drawn: list[int] = []
    for index in range(raw.FPDFPage_GetAnnotCount(page.raw)):
        annotation = raw.FPDFPage_GetAnnot(page.raw, index)
        if not annotation:
            continue
        try:
            kind = raw.FPDFAnnot_GetSubtype(annotation)
            if kind in (raw.FPDF_ANNOT_LINK, raw.FPDF_ANNOT_POPUP):
                continue
            mark = _mark(annotation, kind, form)
            if isinstance(mark, str):
                left_out[mark] += bool(mark)
            elif mark is not None:
                marks.append(mark)
            else:
                drawn.append(index)
        finally:
            raw.FPDFPage_CloseAnnot(annotation)
    return PageMarks(tuple(marks), left_out, tuple(drawn))


def draw(page: Any, drawn: Sequence[int]) -> None:
    """Draw these annotations of a page into it, in memory, so that its text holds theirs.

    The page must be loaded anew.
    """
    for index in reversed(range(raw.FPDFPage_GetAnnotCount(page.raw))):
        if index not in drawn:
            raw.FPDFPage_RemoveAnnot(page.raw, index)
    raw.FPDFPage_Flatten(page.raw, raw.FLAT_NORMALDISPLAY)


def _mark(annotation: Any, kind: int, form: Any) -> Mark | str | None:
    """Return a mark, the name of what is left out ("" for nothing), or None for drawn text."""
    seen = not raw.FPDFAnnot_GetFlags(annotation) & _UNSEEN
    if kind == raw.FPDF_ANNOT_WIDGET:
        found = _field(annotation, form)
        box = _box(annotation)
        if isinstance(found, Mark) and not (seen and box[2] - box[0] > 1 and box[3] - box[1] > 1):
            return "hidden fields" if found.kind == "value" or found.text == TICKED else ""
        return found if seen else ""
    if kind == raw.FPDF_ANNOT_FILEATTACHMENT:
        return "attachments"
    if kind in _MEDIA:
        return "media"
    text = _text(annotation, b"Contents")
    drawn = kind == raw.FPDF_ANNOT_FREETEXT and not text
    if drawn or kind in (raw.FPDF_ANNOT_STAMP, raw.FPDF_ANNOT_WATERMARK):
        return None if seen else ""
    if not text:
        return ""
    if kind == raw.FPDF_ANNOT_FREETEXT and seen:
        return Mark(text, _box(annotation), "note")
    return "comments" if kind in _COMMENTS or kind == raw.FPDF_ANNOT_FREETEXT else ""


def _field(annotation: Any, form: Any) -> Mark | str | None:
    kind = raw.FPDFAnnot_GetFormFieldType(form, annotation) if form else -1
    box = _box(annotation)
    if kind == raw.FPDF_FORMFIELD_SIGNATURE:
        return None
    if kind == raw.FPDF_FORMFIELD_PUSHBUTTON:
        return "buttons"
    if kind in (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON):
        state = _text(annotation, b"AS")
        if not state and kind == raw.FPDF_FORMFIELD_CHECKBOX:  # as programs leave it that fill in
            state = _read(raw.FPDFAnnot_GetFormFieldValue, form, annotation)
        ticked = raw.FPDFAnnot_IsChecked(form, annotation) or state not in ("", "Off")
        return Mark(TICKED if ticked else EMPTY, box, "button")
    if kind in (raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX):
        value = ", ".join(filter(None, _chosen(annotation, form)))
        if value:
            return Mark(value, box)
    value = _read(raw.FPDFAnnot_GetFormFieldValue, form, annotation) if form else ""
    value = value or _text(annotation, b"V")
    if not value:
        return None if raw.FPDFAnnot_HasKey(annotation, b"AP") else ""
    if form and raw.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD:
        return "hidden fields"
    return Mark(value, box)


def _chosen(annotation: Any, form: Any) -> Iterator[str]:
    """Yield what the chosen options of a list are called; its value may be a code."""
    for i in range(max(0, raw.FPDFAnnot_GetOptionCount(form, annotation))):
        if raw.FPDFAnnot_IsOptionSelected(form, annotation, i):
            yield _read(raw.FPDFAnnot_GetOptionLabel, form, annotation, i)


def _box(annotation: Any) -> Box:
    rect = raw.FS_RECTF()
    raw.FPDFAnnot_GetRect(annotation, rect)
    return rect.left, rect.bottom, rect.right, rect.top


def _text(annotation: Any, key: bytes) -> str:
    return _read(raw.FPDFAnnot_GetStringValue, annotation, key)


def _read(call: Callable[..., int], *given: Any) -> str:
    """Return the text of a call that fills a buffer with UTF-16 and gives its length in bytes."""
    length = call(*given, None, 0)
    if length <= 2:
        return ""
    buffer = (ctypes.c_ushort * (length // 2 + 1))()
    call(*given, buffer, length)
    text = bytes(buffer)[: length - 2].decode("utf-16-le", "replace")
    return "\n".join(" ".join(line.split()) for line in clean_characters(text).split("\n")).strip()
