"""Word: the grid of tables, parts outside the main text, symbols, and what is no text."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.library.readers import Extracted, read_bytes
from graft.library.readers.symbols import symbol
from graft.library.readers.tables import pipe_table
from tests.library_files import STYLES, R, W, docx, paragraph, relations, zipped


def read(body: str, parts: dict[str, tuple[str, str | bytes]] | None = None) -> Extracted:
    """Return the text of a document; `parts` are its own, path to (kind, content)."""
    data = docx(f"<w:p xmlns:w='{W}' xmlns:r='{R}'/>" + body, styles=STYLES)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files: dict[str, str | bytes] = {n: archive.read(n) for n in archive.namelist()}
    linked = {"styles": ("styles", "styles.xml")}
    for number, (path, (kind, content)) in enumerate((parts or {}).items(), 1):
        linked[f"r{number}"] = (kind, path)
        files[f"word/{path}"] = content
    files["word/_rels/document.xml.rels"] = relations(linked)
    [found] = read_bytes("a.docx", zipped(files))
    return found


def cell(text: str, properties: str = "") -> str:
    """Return a cell of a table."""
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"


def table(*rows: str) -> str:
    """Return a table; a row is its cells, or "properties|cells"."""
    made = ""
    for row in rows:
        properties, _, cells = row.rpartition("|")
        made += f"<w:tr><w:trPr>{properties}</w:trPr>{cells}</w:tr>"
    return f"<w:tbl>{made}</w:tbl>"


HEAD = "".join(map(cell, ("Section", "Item", "2025", "2026")))


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ("<w:gridBefore w:val='1'/>|" + "".join(map(cell, ("Night", "12", "14"))),
         "|  | Night | 12 | 14 |"),
        ("<w:gridBefore w:val='2'/>|" + cell("12") + cell("14"), "|  |  | 12 | 14 |"),
        ("<w:gridAfter w:val='1'/>|" + "".join(map(cell, ("Night", "one", "12"))),
         "| Night | one | 12 |  |"),
        ("<w:gridBefore w:val='1'/>|" + cell("all", "<w:gridSpan w:val='2'/>") + cell("9"),
         "|  | all | all | 9 |"),
        (cell("x", "<w:hMerge w:val='restart'/>") + cell("", "<w:hMerge w:val='continue'/>")
         + cell("1") + cell("2"), "| x | x | 1 | 2 |"),
        (cell("", "<w:vMerge/>") + cell("b") + cell("1") + cell("2"), "| Berths | b | 1 | 2 |"),
        ("<w:gridBefore w:val='1'/>|" + cell("", "<w:vMerge/>") + cell("1") + cell("2"),
         "|  | Short | 1 | 2 |"),
    ],
)  # fmt: skip
def test_values_stand_under_their_columns(row: str, shown: str) -> None:
    first = "".join(cell(t, "<w:vMerge w:val='restart'/>") for t in ("Berths", "Short"))
    text = read(table(HEAD, first + cell("40") + cell("45"), row)).text
    assert text.split("\n")[-1] == shown


@given(st.data())
def test_any_grid_keeps_each_value_in_its_columns(data: st.DataObject) -> None:
    width = data.draw(st.integers(2, 6))
    rows, wanted = [HEAD[:0] + "".join(cell(f"h{x}") for x in range(width))], []
    for y in range(data.draw(st.integers(1, 4))):
        before = data.draw(st.integers(0, width - 1))
        column, cells, line = before, "", [""] * before
        while column < width and (column == before or data.draw(st.booleans())):
            span = data.draw(st.integers(1, width - column))
            text = f"v{y}x{column}"
            cells += cell(text, f"<w:gridSpan w:val='{span}'/>" if span > 1 else "")
            line += [text] * span
            column += span
        left = f"<w:gridAfter w:val='{width - column}'/>" if column < width else ""
        rows.append(f"<w:gridBefore w:val='{before}'/>{left}|{cells}")
        wanted.append(line)
    assert read(table(*rows)).text == pipe_table([[f"h{x}" for x in range(width)], *wanted])


INNER = docx(
    paragraph("Inner text") + "<w:p><w:del><w:r><w:delText>x</w:delText></w:r></w:del></w:p>"
)
CHUNK = f"<w:altChunk xmlns:r='{R}' r:id='r1'/>"


@pytest.mark.parametrize(
    ("path", "content", "shown"),
    [
        ("c.html", "<html><body><h1>Out</h1><p>4,120 tonnes</p></body></html>",
         "# Out\n\n4,120 tonnes"),
        ("c.xhtml", "<html xmlns='http://www.w3.org/1999/xhtml'><body><p>One</p></body></html>",
         "One"),
        ("c.txt", "Plain words\n\nand more", "Plain words\n\nand more"),
        ("c.rtf", r"{\rtf1 Rich words}", "Rich words"),
        ("c.docx", INNER, "Inner text"),
    ],
)  # fmt: skip
def test_documents_within_the_document(path: str, content: str | bytes, shown: str) -> None:
    item = read(paragraph("Before") + CHUNK + paragraph("After"), {path: ("aFChunk", content)})
    assert item.text == f"Before\n\n{shown}\n\nAfter"
    assert item.metadata.get("left_out") == ("1 tracked deletions" if path == "c.docx" else None)


def test_documents_that_cannot_be_read_are_counted() -> None:
    item = read(paragraph("Before") + CHUNK, {"c.bin": ("aFChunk", b"\x00\x01\x02" * 99)})
    assert item.text == "Before" and item.metadata["left_out"] == "1 documents within it"
    deep = docx(paragraph("deepest"))
    for _ in range(8):
        with zipfile.ZipFile(io.BytesIO(docx(paragraph("level") + CHUNK))) as archive:
            files: dict[str, str | bytes] = {n: archive.read(n) for n in archive.namelist()}
        files["word/_rels/document.xml.rels"] = relations({"r1": ("aFChunk", "c.docx")})
        deep = zipped(files | {"word/c.docx": deep})
    [found] = read_bytes("a.docx", deep)
    assert found.text.count("level") == 5
    assert found.metadata["left_out"] == "1 documents within it"


def run(inside: str, properties: str = "") -> str:
    """Return a run of a paragraph."""
    return f"<w:r><w:rPr>{properties}</w:rPr>{inside}</w:r>"


@pytest.mark.parametrize(
    ("inside", "shown"),
    [
        (run('<w:sym w:font="Wingdings" w:char="F0FE"/>'), "[x] Yes"),
        (run('<w:sym w:font="Wingdings" w:char="F0A8"/>'), "[ ] Yes"),
        (run('<w:sym w:font="Wingdings 2" w:char="F052"/>'), "[x] Yes"),
        (run("<w:t>þ</w:t>", '<w:rFonts w:ascii="Wingdings"/>'), "[x] Yes"),
        (run("<w:t>\uf061\uf0b1</w:t>", '<w:rFonts w:ascii="Symbol"/>'), "α±Yes"),
        ('<w:sdt><w:sdtPr><w14:checkbox xmlns:w14="x"><w14:checked w14:val="1"/></w14:checkbox>'
         "</w:sdtPr><w:sdtContent>" + run("<w:t>☒</w:t>") + "</w:sdtContent></w:sdt>", "[x] Yes"),
        ('<w:sdt><w:sdtPr><w14:checkbox xmlns:w14="x"><w14:checked w14:val="0"/></w14:checkbox>'
         "</w:sdtPr><w:sdtContent>" + run("<w:t>☐</w:t>") + "</w:sdtContent></w:sdt>", "[ ] Yes"),
        (run('<w:fldChar><w:ffData><w:checkBox><w:default w:val="0"/><w:checked/></w:checkBox>'
             "</w:ffData></w:fldChar>"), "[x] Yes"),
        (run('<w:fldChar><w:ffData><w:ddList><w:result w:val="1"/><w:listEntry w:val="No"/>'
             '<w:listEntry w:val="Oh "/></w:ddList></w:ffData></w:fldChar>'), "Oh Yes"),
    ],
)  # fmt: skip
def test_symbols_and_forms(inside: str, shown: str) -> None:
    assert read(f"<w:p>{inside}{run('<w:t>Yes</w:t>')}</w:p>").text == shown


def test_unknown_symbols_are_counted() -> None:
    sign = run('<w:sym w:font="Wingdings 3" w:char="F070"/><w:t>on</w:t>')
    item = read(f"<w:p>{sign}</w:p>")
    assert item.text == "on" and item.metadata["left_out"] == "1 symbols"
    assert symbol("Wingdings", 0xFC) == "✓" and symbol("Arial", 0x2612) == "[x] "


def test_hidden_text_is_no_text() -> None:
    text = "<w:t xml:space='preserve'>{}</w:t>".format
    body = "".join([
        run(text("shown ")), run(text("secret"), "<w:vanish/>"),
        run(text("kept"), '<w:vanish w:val="0"/>'), run(text("screen"), "<w:webHidden/>"),
        run(text("by style"), '<w:rStyle w:val="ghost"/>'),
    ])  # fmt: skip
    style = '<w:style w:type="character" w:styleId="ghost"><w:rPr><w:vanish/></w:rPr></w:style>'
    styles = STYLES.replace("</w:styles>", style + "</w:styles>")
    [item] = read_bytes("a.docx", docx(f"<w:p>{body}</w:p>", styles=styles))
    assert item.text == "shown keptscreen" and item.metadata["left_out"] == "2 hidden texts"


def test_deletions_are_no_text_and_insertions_are() -> None:
    body = (
        "<w:p><w:r><w:t>Fee </w:t></w:r><w:del><w:r><w:delText>9</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>12</w:t></w:r></w:ins></w:p>"
        + table(HEAD, "<w:del/>|" + "".join(map(cell, "abcd")), "".join(map(cell, "efgh")))
    )  # fmt: skip
    item = read(body)
    assert item.text.startswith("Fee 12\n\n") and "| a |" not in item.text
    assert item.metadata["left_out"] == "2 tracked deletions"


def test_comments_notes_boxes_and_alternatives() -> None:
    comments = f'<w:comments xmlns:w="{W}"><w:comment w:id="0">{paragraph("Check it")}</w:comment>'
    comments += f'<w:comment w:id="1">{paragraph("In it")}</w:comment></w:comments>'
    mark = "<w:r><w:commentReference w:id='{}'/></w:r>".format
    body = f"<w:p><w:r><w:t>Said</w:t></w:r>{mark(0)}</w:p>" + paragraph("Next")
    inner = f"<w:tc><w:p><w:r><w:t>12</w:t></w:r>{mark(1)}</w:p></w:tc>"
    body += table(cell("a") + cell("b"), cell("c") + inner)
    box = f"<w:txbxContent>{paragraph('boxed')}</w:txbxContent>"
    body += "<mc:AlternateContent xmlns:mc='m'><mc:Choice>" + paragraph("chosen") + "</mc:Choice>"
    body += "<mc:Fallback>" + paragraph("other") + "</mc:Fallback></mc:AlternateContent>"
    body += f"<w:p><w:r><w:pict><v:textbox xmlns:v='v'>{box}</v:textbox></w:pict></w:r></w:p>"
    body += "<w:p><w:r><w:pict><v:textpath xmlns:v='v' string='ART'/></w:pict></w:r></w:p>"
    assert read(body, {"comments.xml": ("comments", comments)}).text.split("\n\n") == [
        "Said", "Comment: Check it", "Next", "| a | b |\n| --- | --- |\n| c | 12 |",
        "Comment: In it", "chosen", "boxed", "ART",
    ]  # fmt: skip


def test_what_stands_outside_is_counted() -> None:
    header = f'<w:hdr xmlns:w="{W}">{paragraph("Secret")}</w:hdr>'
    body = paragraph("x") + "<w:p><w:r><w:drawing><a:blip xmlns:a='a'/></w:drawing></w:r></w:p>"
    item = read(body, {"h.xml": ("header", header), "f.xml": ("footer", "<ftr/>")})
    assert item.metadata["left_out"] == "1 images, 1 headers and footers"
