"""What a file is, found by its content first and by its suffix where content cannot tell."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import PurePath

import olefile

from graft.core.errors import DocumentError
from graft.library.encodings import looks_binary, peek

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
ODT = "application/vnd.oasis.opendocument.text"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
ODP = "application/vnd.oasis.opendocument.presentation"
EPUB = "application/epub+zip"
DOC = "application/msword"
XLS = "application/vnd.ms-excel"
PPT = "application/vnd.ms-powerpoint"
MSG = "application/vnd.ms-outlook"
RTF = "application/rtf"
HTML = "text/html"
XML = "application/xml"
JSON = "application/json"
JSONL = "application/x-ndjson"
NOTEBOOK = "application/x-ipynb+json"
CSV = "text/csv"
TSV = "text/tab-separated-values"
EMAIL = "message/rfc822"
MBOX = "application/mbox"
MARKDOWN = "text/markdown"
RST = "text/x-rst"
ORG = "text/x-org"
ASCIIDOC = "text/asciidoc"
LATEX = "application/x-tex"
TEXT = "text/plain"

SUFFIXES = {
    ".md": MARKDOWN, ".markdown": MARKDOWN, ".mdx": MARKDOWN, ".rst": RST, ".org": ORG,
    ".adoc": ASCIIDOC, ".asciidoc": ASCIIDOC, ".asc": ASCIIDOC, ".tex": LATEX, ".latex": LATEX,
    ".html": HTML, ".htm": HTML, ".xhtml": HTML, ".mhtml": EMAIL, ".mht": EMAIL,
    ".xml": XML, ".nxml": XML, ".json": JSON, ".jsonl": JSONL, ".ndjson": JSONL,
    ".ipynb": NOTEBOOK, ".csv": CSV, ".tsv": TSV, ".tab": TSV, ".eml": EMAIL, ".mbox": MBOX,
    ".rtf": RTF, ".txt": TEXT, ".text": TEXT, ".log": TEXT,
}  # fmt: skip

_MAGIC = [
    (b"\x89PNG", "an image (PNG)"), (b"\xff\xd8\xff", "an image (JPEG)"),
    (b"GIF8", "an image (GIF)"),
    (b"BM", "an image (BMP)"), (b"II*\x00", "an image (TIFF)"), (b"MM\x00*", "an image (TIFF)"),
    (b"\x1f\x8b", "a gzip archive"), (b"BZh", "a bzip2 archive"), (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"), (b"Rar!", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"\x7fELF", "a program"), (b"MZ", "a program"), (b"\xca\xfe\xba\xbe", "a program"),
    (b"ID3", "audio"), (b"OggS", "audio"), (b"fLaC", "audio"), (b"\x1aE\xdf\xa3", "video"),
    (b"SQLite format 3", "an SQLite database"), (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"%!PS", "a PostScript file"), (b"\x00\x01\x00\x00\x00", "a font"), (b"wOF", "a font"),
]  # fmt: skip

_HEADER = re.compile(r"^([A-Za-z][A-Za-z0-9-]{1,40}):[ \t]?", re.MULTILINE)
_MAIL_HEADERS = {"from", "to", "subject", "date", "received", "message-id", "mime-version"}
_MAIL_HEADERS |= {"return-path", "delivered-to", "content-type", "reply-to", "x-mailer"}


def detect(name: str, data: bytes) -> str:
    """Return the media type of a file from its name and bytes.

    Raises DocumentError, saying what the file is, when nothing here can read it.

    >>> detect("notes.txt", b"%PDF-1.7 ...")
    'application/pdf'
    >>> detect("notes", b"# Notes")
    'text/plain'
    """
    if not data.strip(b"\x00\t\n\r ") or data in (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"):
        raise DocumentError("the file is empty: there is nothing to read")
    if b"%PDF-" in data[:1024]:
        return PDF
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _zip_kind(data)
    if data.startswith(olefile.MAGIC):
        return _ole_kind(data)
    if data.lstrip(b"\xef\xbb\xbf \r\n\t")[:5] == b"{\\rtf":
        return RTF
    _refuse_magic(data)
    if looks_binary(data):
        raise DocumentError("the file is binary and of no kind that can be read: convert it first")
    return _text_kind(PurePath(name).suffix.lower(), peek(data))


def _refuse_magic(data: bytes) -> None:
    kind = next((kind for magic, kind in _MAGIC if data.startswith(magic)), "")
    if data[4:8] == b"ftyp" or (data[:4] == b"RIFF" and data[8:12] in (b"AVI ", b"WAVE", b"WEBP")):
        kind = "an image, audio or video"
    # Two letters are no proof: "BMW" and "MZ" may begin a text.
    if kind and ((kind and data[:2] not in (b"BM", b"MZ")) or looks_binary(data)):
        raise DocumentError(f"the file is {kind}, which holds no text to read: convert it first")


def _zip_kind(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
            declared = archive.read("mimetype")[:100] if "mimetype" in names else b""
    except Exception:
        # A damaged container fails in any way its parser and decompressor can.
        raise DocumentError(
            "the file is a damaged ZIP container (an Office file cut short?): get a whole copy"
        ) from None
    declared_type = declared.decode("ascii", "replace").strip()
    for kind in (ODT, ODS, ODP, EPUB):
        if declared_type.startswith(kind):
            return kind
    for prefix, kind in (("word/", DOCX), ("ppt/", PPTX), ("xl/", XLSX)):
        if any(name.startswith(prefix) for name in names):
            return XLSB if "xl/workbook.bin" in names else kind
    if "META-INF/container.xml" in names:
        return EPUB
    raise DocumentError("the file is a ZIP archive: unpack it and ingest the files inside")


def _ole_kind(data: bytes) -> str:
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as container:
            streams = {"/".join(path) for path in container.listdir()}
    except Exception as error:
        raise DocumentError(
            "the file is a damaged Office 97 container: open it in an office program and save it"
        ) from error
    if "EncryptedPackage" in streams or "EncryptionInfo" in streams:
        raise DocumentError("the file is encrypted: save a copy without the password")
    for stream, kind in (
        ("WordDocument", DOC), ("Workbook", XLS), ("Book", XLS), ("PowerPoint Document", PPT),
        ("__properties_version1.0", MSG),
    ):  # fmt: skip
        if stream in streams:
            return kind
    raise DocumentError("the file is an Office 97 container without a document: convert it first")


def _text_kind(suffix: str, head: str) -> str:
    start = head.lstrip("\ufeff \t\r\n")
    low = start[:2000].lower()
    by_suffix = SUFFIXES.get(suffix, "")
    if re.match(
        r"(<!--.*?-->\s*)*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype html|html[\s>])", low, re.S
    ):
        return HTML if by_suffix not in (MARKDOWN, EMAIL) else by_suffix
    if by_suffix == HTML and start.startswith("<?xml") and "<html" not in low:
        return XML
    if by_suffix and by_suffix != TEXT:
        return _doubted(by_suffix, start)
    if start.startswith("<?xml"):
        return XML
    if _is_mail(start):
        return EMAIL
    if re.match(r"From \S+.*\d{4}\s*\n[A-Za-z-]+: ", start):
        return MBOX
    if not suffix and start[:1] in "[{" and _is_json(start):
        return JSON
    return TEXT


def _doubted(kind: str, start: str) -> str:
    """A suffix that its content plainly contradicts is not believed."""
    if kind in (JSON, JSONL, NOTEBOOK) and start[:1] == "<":
        return XML if start.startswith("<?xml") else HTML
    if kind in (MARKDOWN, CSV, TSV) and _is_mail(start) and "mime-version:" in start[:4000].lower():
        return EMAIL
    return kind


def _is_mail(start: str) -> bool:
    head = re.split(r"\r?\n\r?\n", start, maxsplit=1)[0]
    names = {name.lower() for name in _HEADER.findall(head)}
    strong = names & {"received", "message-id", "mime-version", "return-path"}
    enough = len(names & _MAIL_HEADERS) >= 3 or {"mime-version", "content-type"} <= names
    return bool(strong) and enough and bool(_HEADER.match(head))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
