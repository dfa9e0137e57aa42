"""Word, PowerPoint, spreadsheets, OpenDocument, Office 97 and PDF."""

from __future__ import annotations

import zipfile
from io import BytesIO

from graft.library import detect as kinds
from graft.library.readers import Extracted, read_bytes
from tests.library_files import (
    NUMBERING,
    STYLES,
    doc,
    docx,
    msg,
    odt,
    paragraph,
    pdf,
    ppt,
    pptx,
    shape,
    xlsx,
    zipped,
)


def read(name: str, data: bytes | str) -> Extracted:
    """Return the one text of a file."""
    found = read_bytes(name, data.encode() if isinstance(data, str) else data)
    assert len(found) == 1
    return found[0]


def test_word() -> None:
    body = "".join([
        paragraph("The Handbook", "Titel"), paragraph("Leave", "own"), paragraph("Ten days."),
        paragraph("first", numbered="1"), paragraph("inner", numbered="1", level=1),
        paragraph("second", numbered="1"), paragraph("dot", numbered="2"),
        paragraph("x = 1", "code"), paragraph("y = 2", "code"),
        "<w:p><w:r><w:t>Area </w:t></w:r><m:oMath><m:sSup><m:e><m:r><m:t>r</m:t></m:r></m:e>"
        "<m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup></m:oMath></w:p>",
        "<w:p><w:r><w:t>Noted</w:t></w:r><w:r><w:footnoteReference w:id='2'/></w:r>"
        "<w:del><w:r><w:t>gone</w:t></w:r></w:del></w:p>",
        "<w:tbl><w:tr>" + "".join(f"<w:tc>{paragraph(t)}</w:tc>" for t in ("Food", "kcal"))
        + "</w:tr><w:tr><w:tc><w:tcPr><w:gridSpan w:val='2'/></w:tcPr>" + paragraph("all")
        + "</w:tc></w:tr></w:tbl>",
    ])  # fmt: skip
    notes = (
        f'<w:footnotes xmlns:w="{STYLES.split(chr(34))[1]}"><w:footnote w:id="2">'
        f"{paragraph('See 4.')}</w:footnote></w:footnotes>"
    )
    core = '<c xmlns:dc="d"><dc:title>Core title</dc:title><dc:creator>Ada</dc:creator></c>'
    item = read(
        "a.docx", docx(body, styles=STYLES, numbering=NUMBERING, footnotes=notes, core=core)
    )
    assert item.text.split("\n\n") == [
        "# The Handbook", "## Leave", "Ten days.",
        "1. first\n    - (a) inner\n2. second\n- dot", "```\nx = 1\ny = 2\n```", "Area $r^{2}$",
        "Noted [1]", "| Food | kcal |\n| --- | --- |\n| all | all |", "[1] See 4.",
    ]  # fmt: skip
    assert item.title == "Core title" and item.metadata == {"author": "Ada"}
    assert item.media_type == kinds.DOCX


def test_word_strict_and_text_box_once() -> None:
    box = (
        "<w:p><w:r><mc:AlternateContent xmlns:mc='m'><mc:Choice><w:drawing><w:txbxContent>"
        + paragraph("boxed") + "</w:txbxContent></w:drawing></mc:Choice><mc:Fallback><w:pict>"
        "<w:txbxContent>" + paragraph("boxed") + "</w:txbxContent></w:pict></mc:Fallback>"
        "</mc:AlternateContent></w:r></w:p>"
    )  # fmt: skip
    strict = docx(box)
    with zipfile.ZipFile(BytesIO(strict)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    old, new = b"http://schemas.openxmlformats.org/", b"http://purl.oclc.org/ooxml/"
    parts["word/document.xml"] = parts["word/document.xml"].replace(old, new)
    assert read("a.docx", zipped(parts)).text == "boxed"


def test_slides_are_pages() -> None:
    slides = [
        shape("One\nTwo", "body") + shape("Title", "title") + shape("7", "sldNum"),
        shape("Free"),
    ]
    item = read("a.pptx", pptx(slides, notes="Say this"))
    assert item.text == "# Title\n\n- One\n- Two\n\nNotes: Say this\n\nFree"
    assert item.text[item.pages[1] :] == "Free" and item.pages[0] == 0


def test_sheets() -> None:
    rows = [["Ducks by year", None, None], ["Year", "Lake", "Sea"], [2019, 120, 80.5], [],
            ["Foot", None, None]]  # fmt: skip
    item = read("a.xlsx", xlsx({"Birds": rows, "Empty": [], "B": [["x|y", "z"]]}))
    assert item.text == (
        "## Birds\n\nDucks by year\n\n| Year | Lake | Sea |\n| --- | --- | --- |\n"
        "| 2019 | 120 | 80.5 |"
        "\n\nFoot\n\n## B\n\n| x\\|y | z |\n| --- | --- |"
    )
    merged = read("a.xlsx", xlsx({"S": [["A", "B"], ["m", None], ["c", "d"]]}, merged="A2:B2"))
    assert "| m | m |" in merged.text


def test_pdf_pages_headings_and_furniture() -> None:
    pages = [
        [
            (72, 760, 9, "Annual Report"), (72, 700, 20, f"Chapter {n}"),
            (72, 660, 11, "The treaty is an inter-"),
            (72, 646, 11, "national one that all of them sign"),
            (72, 632, 11, "and keep."), (72, 590, 11, f"Second paragraph number {n} stands here."),
            (300, 30, 9, f"Page {n} of 4"),
        ]
        for n in range(1, 5)
    ]  # fmt: skip
    item = read("a.pdf", pdf(pages, title="Report of 2023"))
    assert item.title == "Report of 2023"
    assert len(item.pages) == 4
    for n, start in enumerate(item.pages, 1):
        assert item.text[start:].startswith(
            f"# Chapter {n}\n\nThe treaty is an international one that all of them sign and "
            f"keep.\n\n"
            f"Second paragraph number {n} stands here."
        )
    assert "Annual Report" not in item.text and "Page" not in item.text


def test_pdf_list_table_bold_and_empty_page() -> None:
    first = [
        (72, 740, 11, "Body text that is long enough to be the usual size of type here."),
        (72, 700, 11, "*Benefits"),
        (72, 680, 11, "Text under it goes on for a while, as text does."),
        (72, 640, 11, "• one"), (72, 626, 11, "• two that is"), (82, 612, 11, "longer"),
        (72, 560, 11, "Food"), (200, 560, 11, "kcal"), (72, 546, 11, "Leaves"),
        (200, 546, 11, "50"),
        (72, 532, 11, "Berries"), (200, 532, 11, "150"),
    ]  # fmt: skip
    item = read("a.pdf", pdf([first, [], [(72, 700, 11, "Last page.")]], title="Untitled"))
    assert item.text.split("\n\n") == [
        "Body text that is long enough to be the usual size of type here.", "## Benefits",
        "Text under it goes on for a while, as text does.", "- one\n- two that is longer",
        "| Food | kcal |\n| --- | --- |\n| Leaves | 50 |\n| Berries | 150 |", "Last page.",
    ]  # fmt: skip
    assert item.text[item.pages[2] :] == "Last page." and item.pages[1] == item.pages[2]
    assert item.title == "Benefits"


def test_office_97() -> None:
    assert (
        read("a.doc", doc("First.\rSee \x13HYPERLINK x\x14here\x15.\r")).text
        == "First.\n\nSee here."
    )
    item = read("a.ppt", ppt([("One", "a\rb"), ("Two", "c")]))
    assert item.text == "# One\n\n- a\n- b\n\n# Two\n\nc" and len(item.pages) == 2
    assert read("a.msg", msg("Hello", "The body.")).text == "# Hello\n\nThe body."


def test_open_document() -> None:
    body = (
        "<text:h text:outline-level='2'>Leave</text:h><text:p>Ten<text:s text:c='1'/>days.</text:p>"
        "<text:list><text:list-item><text:p>one</text:p></text:list-item></text:list>"
        "<table:table><table:table-row><table:table-cell><text:p>A</text:p></table:table-cell>"
        "<table:table-cell><text:p>B</text:p></table:table-cell></table:table-row></table:table>"
    )
    assert (
        read("a.odt", odt(body)).text
        == "## Leave\n\nTen days.\n\n- one\n\n| A | B |\n| --- | --- |"
    )
    slide = (
        "<draw:page><draw:frame presentation:class='title'><text:p>T</text:p>"
        "</draw:frame></draw:page>"
    )
    assert read("a.odp", odt(slide * 2, "presentation")).pages == (0, 5)
