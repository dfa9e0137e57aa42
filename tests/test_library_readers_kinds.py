"""A file's kind is found by content, its encoding too; bad files are refused with a reason."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.detect import detect
from graft.library.encodings import decode
from graft.library.readers import read_bytes, read_file
from tests.library_files import (
    ENCRYPTED,
    doc,
    docx,
    epub,
    msg,
    odt,
    ole,
    paragraph,
    pdf,
    pptx,
    shape,
    xlsx,
    zipped,
)


def refused(name: str, data: bytes, **options: int) -> str:
    with pytest.raises(DocumentError) as caught:
        read_bytes(name, data, **options)
    return str(caught.value)


def text_of(name: str, data: bytes) -> str:
    return read_bytes(name, data)[0].text


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.txt", pdf([[(72, 700, 12, "x")]]), kinds.PDF),
        ("a.pdf", docx(paragraph("x")), kinds.DOCX),
        ("a.doc", docx(paragraph("x")), kinds.DOCX),
        ("a", pptx([shape("x")]), kinds.PPTX),
        ("a.csv", xlsx({"S": [["x"]]}), kinds.XLSX),
        ("a.zip", epub({"c": "x"}), kinds.EPUB),
        ("a.docx", odt(""), kinds.ODT),
        ("a.docx", doc("x\r"), kinds.DOC),
        ("a.eml", msg("s", "b"), kinds.MSG),
        ("a.doc", b"{\\rtf1 x}", kinds.RTF),
        ("a.txt", b"<!DOCTYPE html><p>x", kinds.HTML),
        ("a.html", b'<?xml version="1.0"?><data><x>1</x></data>', kinds.XML),
        ("a.txt", b"From: a@b.c\nTo: d@e.f\nMIME-Version: 1.0\nSubject: s\n\nbody", kinds.EMAIL),
        ("a.txt", b"Note: one\nTo: do\n\nbody", kinds.TEXT),
        ("a.json", b"<html><body>x", kinds.HTML),
        ("a", b'{"a": 1}', kinds.JSON),
        ("a.py", b"print(1)", kinds.TEXT),
        ("a.unknown", b"MZ is how this text begins", kinds.TEXT),
    ],
)
def test_kind_is_found_by_content(name: str, data: bytes, kind: str) -> None:
    assert detect(name, data) == kind


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b" \n\t\x00", "empty"),
        (b"\xff\xfe", "empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "image"),
        (b"\x1f\x8b" + bytes(99), "gzip"),
        (bytes(range(256)) * 4, "binary"),
        (b"PK\x03\x04 cut short", "damaged"),
        (zipped({"a.md": "x"}), "unpack"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "damaged"),
        (ole({"EncryptedPackage": b"x", "EncryptionInfo": b"x"}), "password"),
        (docx("<w:p/>"), "no text"),
        (pdf([[(72, 700, 12, "x")]], trailer=ENCRYPTED), "encrypted"),
        (pdf([[], []]), "OCR"),
        (pdf([[(72, 700, 12, "x")]])[:200], "damaged"),
        (docx(paragraph("x"))[:300], "damaged"),
        (epub({"c": "x"}, encryption='<e><r URI="b/c.xhtml"/></e>'), "DRM"),
        (doc("x\r", flags=0x100), "encrypted"),
        (xlsx({"S": []}), "no text"),
    ],
)
def test_refused_with_a_reason(data: bytes, said: str) -> None:
    assert said in refused("file.bin", data)


def test_too_large_and_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x" * 100)
    with pytest.raises(DocumentError, match="limit"):
        read_file(tmp_path / "a.txt", max_bytes=99)
    with pytest.raises(DocumentError, match="regular"):
        read_file(tmp_path)
    with pytest.raises(DocumentError, match=r"regular|cannot be read"):
        read_file(tmp_path / "gone.txt")


def test_bombs_are_refused() -> None:
    bomb = docx(paragraph("x"))
    buffer = BytesIO(bomb)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/media/zeros.bin", bytes(9 << 20))
    assert len(buffer.getvalue()) < 1 << 20
    assert "unpacks to" in refused("a.docx", buffer.getvalue(), max_bytes=1 << 20)
    entities = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 10))
    laughs = f'<!DOCTYPE d [<!ENTITY e0 "ha">{entities}]><d><p>&e9;</p></d>'
    assert len(refused("a.xml", laughs.encode())) < 300
    stray = xlsx({"S": [["x"]]})
    with zipfile.ZipFile(BytesIO(stray)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = parts[sheet].replace(b"</sheetData>", far)
    assert "spans" in refused("a.xlsx", zipped(parts))


def test_external_entities_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("hidden words")
    source = f'<!DOCTYPE d [<!ENTITY s SYSTEM "{secret.as_uri()}">]><d><p>open &s;</p></d>'
    assert "hidden" not in text_of("a.xml", source.encode())


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_encodings(encoding: str) -> None:
    text = "Grüße aus Köln: 3 € für Äpfel"
    assert text_of("a.txt", text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy"),
        ("cp1251", "Все люди рождаются свободными и равными"),
        ("koi8_r", "Все люди рождаются свободными и равными"),
        ("cp1253", "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι"),
        ("cp1255", "כל בני האדם נולדו בני חורין"),
        ("cp1256", "يولد جميع الناس أحرارا"),
        ("shift_jis", "すべての人間は、生まれながらにして自由であり"),
        ("gb18030", "人人生而自由,在尊严和权利上一律平等。"),
        ("euc_kr", "모든 인간은 태어날 때부터 자유로우며"),
    ],
)
def test_guessed_encodings(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_declared_encoding_of_html() -> None:
    page = '<meta charset="iso-8859-2"><p>Zażółć gęślą jaźń'.encode("iso-8859-2")
    assert text_of("a.html", page) == "Zażółć gęślą jaźń"
