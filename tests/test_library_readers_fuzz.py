"""Nothing but DocumentError comes out of a reader, whatever goes in, and it comes out soon."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.readers import read_bytes
from tests.library_files import (
    NUMBERING,
    STYLES,
    doc,
    docx,
    epub,
    msg,
    odt,
    paragraph,
    pdf,
    ppt,
    pptx,
    shape,
    xlsx,
)
from tests.pdf_files import IMAGE, Page, field, lines, look, note, pdf_of

pytestmark = pytest.mark.slow

FORM = Page(
    lines(72, 720, "Name:", "Power:") + lines(20, 300, "Side", degrees=90) + IMAGE, "/Rotate 90",
    [field("a", "Tx", (220, 710, 420, 730), f"/V (Ann) /AP << /N {look('Ann')} >>"),
     field("b", "Btn", (220, 700, 235, 715), "/V /Yes /AS /Yes"),
     note("Stamp", (300, 400, 500, 420), f"/AP << /N {look('APPROVED')} >>")],
)  # fmt: skip
_SUFFIXES = [*kinds.SUFFIXES, ".pdf", ".docx", ".pptx", ".xlsx", ".doc", ".xls",
             ".ppt", ".msg", ".odt",
             ".epub", ".py", ""]  # fmt: skip
_SAMPLES = [
    docx(paragraph("text") * 3, styles=STYLES, numbering=NUMBERING), pptx([shape("a\nb", "body")]),
    xlsx({"S": [["a", 1], ["b", 2]]}), pdf([[(72, 700, 12, "text")]]), epub({"c": "<p>x"}),
    odt("<text:p>x</text:p>"), doc("First.\rSecond.\r"), ppt([("a", "b")]), msg("s", "b"),
    pdf_of([FORM, "(x) Tj"], attached=1),
    b"{\\rtf1 {\\b x}\\par y}", b"<html><table><tr><td>1<td>2</table><ul><li>x",
    b"From: a\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--",
    b'{"a": [1, {"b": "c"}]}', b"<article><p>x</p></article>",
    b"a\n=\n\n.. code:: x\n\n  y\n\n+--+\n|a |\n+--+",
    b"\\section{a}\\begin{tabular}{l}a&b\\end{tabular}$x$",
]  # fmt: skip


def survives(name: str, data: bytes) -> None:
    try:
        for item in read_bytes(name, data, max_bytes=1 << 20):
            assert item.text.strip()
            assert list(item.pages) == sorted(item.pages)
            assert all(0 <= page <= len(item.text) for page in item.pages)
            item.text.encode()
    except DocumentError as error:
        assert str(error)


_FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@_FUZZ
@given(st.sampled_from(_SUFFIXES), st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_random_bytes(suffix: str, data: bytes) -> None:
    survives("file" + suffix, data)


@_FUZZ
@given(
    st.sampled_from(_SAMPLES), st.sampled_from(_SUFFIXES), st.data(),
)  # fmt: skip
def test_damaged_files(sample: bytes, suffix: str, data: st.DataObject) -> None:
    damaged = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    survives("file" + suffix, bytes(damaged[: data.draw(st.integers(1, len(damaged)))]))
    survives("file" + suffix, bytes(damaged))


@pytest.mark.parametrize(
    "suffix", [".md", ".html", ".rst", ".org", ".adoc", ".tex", ".csv", ".rtf"]
)
def test_marks_that_nothing_closes_cost_no_more_than_their_length(suffix: str) -> None:
    marks = [
        "[",
        "<!--",
        "<table>",
        "{{< ",
        "[[a",
        "` a `` ",
        "\\begin{a",
        "$ x",
        "[a](",
        "\n-\n==",
    ]
    for mark in marks:
        text = mark * (30_000 // len(mark))
        started = time.process_time()
        survives("a" + suffix, ("{\\rtf1 " * (suffix == ".rtf") + text).encode())
        # Quadratic patterns took 17 s for as much.
        assert time.process_time() - started < 5, mark
