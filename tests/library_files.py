"""Small files of many formats, made by hand, so that the tests of readers need no other package."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
A = "http://schemas.openxmlformats.org/drawingml/2006/main"
P = "http://schemas.openxmlformats.org/presentationml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
M = "http://schemas.openxmlformats.org/officeDocument/2006/math"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    """Return a ZIP container of parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def relations(items: Mapping[str, tuple[str, str]]) -> str:
    """Return a relations part: id to (kind, target)."""
    lines = "".join(
        f'<Relationship Id="{id}" Type="{R}/{kind}" Target="{target}"/>'
        for id, (kind, target) in items.items()
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{lines}</Relationships>'


def docx(body: str, **parts: str) -> bytes:
    """Return a Word document with this body; `parts` are styles, numbering, footnotes or core."""
    linked = {name: (name, f"{name}.xml") for name in parts if name != "core"}
    files = {f"word/{name}.xml": text for name, text in parts.items() if name != "core"}
    if "core" in parts:
        files["docProps/core.xml"] = parts["core"]
    return zipped({
        "word/document.xml": f'<w:document xmlns:w="{W}" xmlns:m="{M}"><w:body>{body}'
        "</w:body></w:document>",
        "word/_rels/document.xml.rels": relations(linked),
        **files,
    })  # fmt: skip


def paragraph(text: str, style: str = "", numbered: str = "", level: int = 0) -> str:
    """Return a Word paragraph; `numbered` is the id of its list."""
    list_ = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{numbered}"/></w:numPr>'
    properties = (f'<w:pStyle w:val="{style}"/>' if style else "") + (list_ if numbered else "")
    return (
        f'<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'
    )


STYLES = f"""<w:styles xmlns:w="{W}">
<w:style w:type="paragraph" w:styleId="Titel"><w:name w:val="Title"/></w:style>
<w:style w:type="paragraph" w:styleId="b1"><w:name w:val="heading 1"/></w:style>
<w:style w:type="paragraph" w:styleId="own"><w:name w:val="Own"/><w:basedOn w:val="b1"/></w:style>
<w:style w:type="paragraph" w:styleId="code"><w:name w:val="Source Code"/></w:style>
</w:styles>"""

NUMBERING = f"""<w:numbering xmlns:w="{W}">
<w:abstractNum w:abstractNumId="0">
<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>
<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/>
<w:lvlText w:val="(%2)"/></w:lvl>
</w:abstractNum>
<w:abstractNum w:abstractNumId="1">
<w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="*"/></w:lvl></w:abstractNum>
<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>
<w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>
</w:numbering>"""


def pptx(slides: Sequence[str], notes: str = "") -> bytes:
    """Return a presentation of slides, each the XML of its shapes."""
    space = f'xmlns:p="{P}" xmlns:a="{A}" xmlns:r="{R}"'
    ids = "".join(f'<p:sldId id="{256 + i}" r:id="r{i}"/>' for i in range(len(slides)))
    files = {
        "ppt/presentation.xml": f"<p:presentation {space}><p:sldIdLst>{ids}</p:sldIdLst>"
        "</p:presentation>",
        "ppt/_rels/presentation.xml.rels": relations(
            {f"r{i}": ("slide", f"slides/slide{i}.xml") for i in range(len(slides))}
        ),
    }
    for i, shapes in enumerate(slides):
        files[f"ppt/slides/slide{i}.xml"] = (
            f"<p:sld {space}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
        )
    if notes:
        files["ppt/slides/_rels/slide0.xml.rels"] = relations(
            {"n": ("notesSlide", "../notesSlides/notes0.xml")}
        )
        files["ppt/notesSlides/notes0.xml"] = (
            f"<p:notes {space}><p:cSld><p:spTree>{shape(notes, 'body')}</p:spTree></p:cSld>"
            f"</p:notes>"
        )
    return zipped(files)


def shape(text: str, placeholder: str = "") -> str:
    """Return a shape of a slide; each line of its text is a paragraph."""
    kind = f'<p:nvPr><p:ph type="{placeholder}"/></p:nvPr>' if placeholder else ""
    lines = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in text.split("\n"))
    return f"<p:sp><p:nvSpPr>{kind}</p:nvSpPr><p:txBody>{lines}</p:txBody></p:sp>"


def xlsx(sheets: Mapping[str, Sequence[Sequence[object]]], merged: str = "") -> bytes:
    """Return a workbook of sheets of rows; `merged` is a range of the first one."""
    names = list(sheets)
    entries = "".join(
        f'<sheet name="{name}" sheetId="{i}" r:id="r{i}"/>' for i, name in enumerate(names, 1)
    )
    files: dict[str, str | bytes] = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
        "_rels/.rels": relations({"w": ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{R}"><sheets>{entries}'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": relations(
            {f"r{i}": ("worksheet", f"worksheets/sheet{i}.xml") for i in range(1, len(names) + 1)}
        ),
    }  # fmt: skip
    for i, rows in enumerate(sheets.values(), 1):
        lines = "".join(
            f'<row r="{y}">' + "".join(_cell(x, y, value) for x, value in enumerate(row)) + "</row>"
            for y, row in enumerate(rows, 1)
        )
        extra = f'<mergeCells><mergeCell ref="{merged}"/></mergeCells>' if merged and i == 1 else ""
        files[f"xl/worksheets/sheet{i}.xml"] = (
            f'<worksheet xmlns="{SHEET}"><sheetData>{lines}</sheetData>{extra}</worksheet>'
        )
    return zipped(files)


def _cell(x: int, y: int, value: object) -> str:
    if value is None:
        return ""
    place = f"{chr(65 + x)}{y}"
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'


Text = tuple[float, float, float, str]
"""x and y of a line of print, its type size, and what it says; "*" before it is bold."""


def pdf_file(objects: Sequence[bytes], trailer: str, version: str = "1.7") -> bytes:
    """Return a PDF of numbered objects, the first of which is its root."""
    out, offsets = bytearray(f"%PDF-{version}\n".encode()), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += f"trailer << /Size {len(objects) + 1} /Root 1 0 R {trailer} >>\n".encode()
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def pdf(pages: Sequence[Sequence[Text]], *, trailer: str = "", title: str = "") -> bytes:
    """Return a PDF of pages (612 by 792 points) of lines in Helvetica."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
        f"<< /Title ({title}) >>".encode("latin-1"),
    ]
    kids = []
    for lines in pages:
        content = "".join(
            f"BT /F{2 if text.startswith('*') else 1} {size} Tf {x} {y} Td "
            f"({text.removeprefix('*').replace('(', chr(92) + '(').replace(')', chr(92) + ')')}) "
            f"Tj ET\n"
            for x, y, size, text in lines
        ).encode("cp1252")
        objects.append(b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content))
        kids.append(len(objects) + 1)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R /Resources "
            b"<< /Font << /F1 3 0 R /F2 4 0 R >> >> >>" % (len(objects))
        )
    listed = " ".join(f"{kid} 0 R" for kid in kids)
    objects[1] = f"<< /Type /Pages /Kids [{listed}] /Count {len(kids)} >>".encode()
    return pdf_file(objects, f"/Info 5 0 R {trailer}", "1.4")


ENCRYPTED = (
    "/ID [<00> <00>] /Encrypt << /Filter /Standard /V 1 /R 2 /Length 40 /P -4 "
    f"/O <{'11' * 32}> /U <{'22' * 32}> >>"
)
"""What a PDF's trailer says when only a password opens it."""


def epub(chapters: Mapping[str, str], **parts: str) -> bytes:
    """Return a book of chapters: name to the HTML of its body; `parts` go to META-INF."""
    items = "".join(f'<item id="{name}" href="{name}.xhtml"/>' for name in chapters)
    spine = "".join(f'<itemref idref="{name}"/>' for name in chapters)
    return zipped({
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container xmlns="u"><rootfiles><rootfile full-path="b/p.opf"/>'
        "</rootfiles></container>",
        "b/p.opf": '<package xmlns:dc="d"><metadata><dc:title>A Book</dc:title><dc:creator>Ada'
        f"</dc:creator></metadata><manifest>{items}</manifest><spine>{spine}</spine></package>",
        **{f"b/{n}.xhtml": f"<html><body>{body}</body></html>" for n, body in chapters.items()},
        **{f"META-INF/{name}.xml": text for name, text in parts.items()},
    })  # fmt: skip


def odt(body: str, kind: str = "text") -> bytes:
    """Return an OpenDocument file with this content."""
    spaces = 'xmlns:office="o" xmlns:text="t" xmlns:table="b" xmlns:draw="d" xmlns:presentation="p"'
    return zipped({
        "mimetype": f"application/vnd.oasis.opendocument.{kind}",
        "content.xml": f"<office:document-content {spaces}><office:body><office:{kind}>{body}"
        f"</office:{kind}></office:body></office:document-content>",
    })  # fmt: skip


def ole(streams: Mapping[str, bytes]) -> bytes:
    """Return an OLE container of streams in its root, each padded to 4 KiB at least."""
    padded = {
        name: data.ljust(max(4096, -(-len(data) // 512) * 512), b"\0")
        for name, data in streams.items()
    }
    sectors, fat, starts = [], [0xFFFFFFFD], {}
    entries = -(-(len(padded) + 1) // 4)
    fat += [i + 2 for i in range(entries - 1)] + [0xFFFFFFFE]
    for name, data in padded.items():
        starts[name] = len(fat)
        count = len(data) // 512
        fat += [len(fat) + i + 1 for i in range(count - 1)] + [0xFFFFFFFE]
        sectors += [data[i : i + 512] for i in range(0, len(data), 512)]
    header = struct.pack(
        "<8s16sHHHHH6xIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 62, 3, 0xFFFE, 9, 6,
        0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0,
    )  # fmt: skip
    header = (header + struct.pack("<I", 0)).ljust(512, b"\xff")
    names = ["Root Entry", *padded]
    folder = b""
    for index, name in enumerate(names):
        wide = name.encode("utf-16-le")
        right = index + 1 if 0 < index < len(names) - 1 else 0xFFFFFFFF
        child = 1 if index == 0 and len(names) > 1 else 0xFFFFFFFF
        folder += struct.pack(
            "<64sHBBIII16sI8s8sIQ", wide, len(wide) + 2, 5 if index == 0 else 2, 1, 0xFFFFFFFF,
            right, child, b"", 0, b"", b"", starts.get(name, 0xFFFFFFFE),
            len(padded[name]) if name in padded else 0,
        )  # fmt: skip
    folder = folder.ljust(entries * 512, b"\0")
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(512, b"\xff")
    assert len(table) == 512, "one sector of allocation is enough for tests"
    return header + table + folder + b"".join(sectors)


def doc(text: str, *, flags: int = 0) -> bytes:
    """Return a Word 97 document of one piece of text; paragraphs end in a carriage return."""
    body = text.encode("utf-16-le")
    head = bytearray(0x600)
    struct.pack_into("<HH", head, 0, 0xA5EC, 0xC1)
    struct.pack_into("<H", head, 10, flags)
    struct.pack_into("<i", head, 0x4C, len(text))
    pieces = struct.pack("<II", 0, len(text)) + struct.pack("<HIH", 0, len(head), 0)
    clx = b"\x02" + struct.pack("<I", len(pieces)) + pieces
    struct.pack_into("<II", head, 0x01A2, 0, len(clx))
    return ole({"WordDocument": bytes(head) + body, "0Table": clx})


def ppt(slides: Sequence[tuple[str, str]]) -> bytes:
    """Return a PowerPoint 97 presentation of slides: title and body."""

    def record(kind: int, data: bytes, version: int = 0) -> bytes:
        return struct.pack("<HHI", version, kind, len(data)) + data

    listed = b""
    for title, body in slides:
        listed += record(0x03F3, b"\0" * 20)
        listed += record(0x0F9F, struct.pack("<I", 0)) + record(0x0FA0, title.encode("utf-16-le"))
        listed += record(0x0F9F, struct.pack("<I", 1)) + record(0x0FA8, body.encode("latin-1"))
    document = record(0x03E8, record(0x0FF0, listed, 0xF), 0xF)
    return ole({"PowerPoint Document": document})


def msg(subject: str, body: str) -> bytes:
    """Return an Outlook message."""
    return ole({
        "__properties_version1.0": b"",
        "__substg1.0_0037001F": subject.encode("utf-16-le"),
        "__substg1.0_1000001F": body.encode("utf-16-le"),
    })  # fmt: skip
