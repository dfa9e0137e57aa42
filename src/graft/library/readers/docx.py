"""Word documents: headings by style, numbering as shown, tables, text boxes, notes, equations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.readers.archives import Archive, attribute, local, open_archive
from graft.library.readers.charts import chart_blocks
from graft.library.readers.coreproperties import core_properties
from graft.library.readers.diagrams import diagram_lines
from graft.library.readers.extracted import Blob, Extracted, joined
from graft.library.readers.numbering import read_numbering
from graft.library.readers.reader import Reader, reader_of
from graft.library.readers.tables import filled, pipe_table
from graft.library.readers.text import fenced
from graft.library.readers.wordfile import WordFile
from graft.library.readers.wordruns import MAX_DEPTH, alternative, inline
from graft.library.readers.wordstyles import MONO, Style, read_styles
from graft.library.readers.wordtables import children, row_marks, word_grid, word_rows

_CODE_STYLE = re.compile(
    r"^(source ?code|code|code ?block|html preformatted|preformatted( text)?)$"
)
_CODE_SIGNS = re.compile(r"[;{}=<>]|\w\(|^\s{2,}|^(def|import|return|SELECT|class|if|for)\b")
MAX_NESTED = 4
"""How deep documents may stand in each other."""


def read_docx(blob: Blob) -> list[Extracted]:
    """Return a Word document, Strict or Transitional, without its page headers and footers.

    Comments follow their paragraph or table. Hidden text, tracked deletions, images and embedded
    files are counted. Raises DocumentError for one that is encrypted or damaged.
    """
    return _read(blob, 0)


def _read(blob: Blob, nested: int) -> list[Extracted]:
    with open_archive(blob) as archive:
        main = office_part(archive, "word/document.xml")
        relations = archive.relations(main)
        parts = {kind: path for kind, path in relations.values() if path in archive.names}
        styles, default = read_styles(archive.xml(parts["styles"]) if "styles" in parts else None)
        numbers = read_numbering(archive.xml(parts["numbering"]) if "numbering" in parts else None)
        notes: dict[str, Any] = {}
        for kind in ("footnote", "endnote", "comment"):
            if kind + "s" in parts:
                root = archive.xml(parts[kind + "s"])
                notes |= {f"{kind}{attribute(e, 'id')}": e for e in root if local(e) == kind}
        document = WordFile(
            archive, styles, numbers, relations, notes, _blocks, blob, default, nested
        )
        body = next((e for e in archive.xml(main) if local(e) == "body"), None)
        if body is None:
            raise DocumentError("its main part holds no body: open it in Word and save it")
        _survey(body, document)
        blocks = _merge(list(_blocks(body, document, 0)))
        blocks += [*document.comments, *document.shown]
        properties = core_properties(archive)
    return [replace(joined(blocks, **properties), left_out=dict(document.left_out))]


def _survey(body: Any, document: WordFile) -> None:
    """See whether a document has a title, and count what is no text."""
    counts: Counter[str] = Counter()
    for e in body.iter():
        name = local(e)
        if name == "pStyle":
            style = document.styles.get(attribute(e, "val"), Style())
            document.titled |= style.name == "title"
        elif name in ("blip", "imagedata", "OLEObject"):
            counts[name] += 1
    document.left_out["images"] = counts["blip"] or counts["imagedata"]
    document.left_out["embedded files"] = counts["OLEObject"]
    for kind, path in document.relations.values():
        if kind in ("header", "footer") and path in document.archive.names:
            root = document.archive.xml(path)
            said = any(local(e) == "t" and (e.text or "").strip() for e in root.iter())
            document.left_out["headers and footers"] += said


def office_part(archive: Archive, usual: str) -> str:
    """Return the path of an Office file's main part."""
    if usual in archive.names:
        return usual
    found = [path for kind, path in archive.relations("").values() if kind == "officeDocument"]
    if not found or found[0] not in archive.names:
        raise DocumentError("its main part is missing: open it in an office program and save it")
    return found[0]


def _blocks(parent: Any, document: WordFile, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        return
    for element in parent:
        name = local(element)
        if name == "p":
            yield from _paragraph(element, document, depth)
        elif name == "tbl":
            yield from _table(element, document, depth)
        elif name == "altChunk":
            yield from _chunk(element, document)
        elif name == "AlternateContent":
            yield from _blocks(alternative(element), document, depth + 1)
        elif name in ("sdt", "sdtContent", "customXml", "ins", "smartTag", "moveTo"):
            yield from _blocks(element, document, depth + 1)


def _paragraph(element: Any, document: WordFile, depth: int) -> Iterator[str]:
    style, properties = _paragraph_style(element, document)
    boxes: list[Any] = []
    text = _spaced("".join(inline(element, document, boxes, style)))
    number = properties.get("numId", style.list[0])
    level = properties.get("ilvl", "")
    place = int(level) if level.isdigit() else style.list[1]
    if text:
        outline = properties.get("outlineLvl", "")
        heading = int(outline) + 1 if outline.isdigit() and int(outline) < 9 else style.level
        label = document.numbering.label(number, place) if number not in ("", "0") else None
        code = not heading and _is_code(element, style, text)
        shown = "\x00" + text if code else _styled(text, style, heading, label, place)
        yield "#" + shown if heading and document.titled and heading < 6 else shown
    for box in boxes:
        if local(box) == "chart":
            if path := document.part(attribute(box, "id"), "chart"):
                yield from chart_blocks(document.archive.xml(path))
        elif local(box) == "relIds":
            if path := document.part(attribute(box, "dm"), "diagramData"):
                yield "\n".join(diagram_lines(document.archive.xml(path)))
        elif local(box) == "textpath":
            yield attribute(box, "string")
        else:
            yield from _blocks(box, document, depth + 1)
    yield from _comments(document)


def _styled(text: str, style: Style, heading: int, label: str | None, place: int) -> str:
    flat = " ".join(text.split())
    if style.name == "title":
        return f"# {flat}"
    if heading:
        return "#" * min(heading, 6) + " " + (f"{label} {flat}" if label else flat)
    if label is None:
        return text
    plain = re.fullmatch(r"\d+[.)]", label)
    mark = f"{label} " if plain else f"- {label} " if label else "- "
    return "    " * min(place, 8) + mark + flat


def _is_code(element: Any, style: Style, text: str) -> bool:
    """A paragraph is code by its style, or when all of it is monospaced and looks like code."""
    if _CODE_STYLE.match(style.name):
        return True
    runs = [r for r in element.iter() if local(r) == "r" and any(local(t) == "t" for t in r)]
    fonts = [
        next((attribute(f, "ascii") for f in r.iter() if local(f) == "rFonts"), "") for r in runs
    ]
    mono = all(MONO.search(font) or (not font and style.mono) for font in fonts)
    return bool(runs) and mono and _CODE_SIGNS.search(text) is not None


def _paragraph_style(element: Any, document: WordFile) -> tuple[Style, dict[str, str]]:
    values: dict[str, str] = {}
    for properties in element:
        if local(properties) == "pPr":
            for child in properties:
                if local(child) == "numPr":
                    values |= {local(e): attribute(e, "val") for e in child}
                elif local(child) in ("pStyle", "outlineLvl"):
                    values[local(child)] = attribute(child, "val")
            break
    return document.styles.get(values.get("pStyle", document.default_style), Style()), values


def _table(element: Any, document: WordFile, depth: int) -> Iterator[str]:
    rows = []
    for row in word_rows(element):
        marks = row_marks(row)
        if "del" in marks:
            document.left_out["tracked deletions"] += 1
        elif "hidden" in marks and marks["hidden"] not in ("0", "false"):
            document.left_out["hidden rows"] += 1
        else:
            rows.append(row)
    # A table of one cell frames a paragraph.
    if len(rows) == 1 and len(only := children(rows[0], "tc")) == 1:
        yield from _blocks(only[0], document, depth + 1)
        return

    def text_of(cell: Any) -> str:
        text = " ".join(_blocks(cell, document, depth + 1)).replace("\x00", "")
        return " ".join(text.split()).replace("| --- ", "")

    document.cells += 1
    grid = word_grid(rows, text_of)
    document.cells -= 1
    yield pipe_table(filled(grid))
    yield from _comments(document)


def _comments(document: WordFile) -> Iterator[str]:
    """Yield the comments met so far; those within a table come after it."""
    if document.comments and not document.cells:
        found, document.comments = document.comments, []
        yield from found


def _chunk(element: Any, document: WordFile) -> Iterator[str]:
    """Yield the text of a document of another kind that Word shows at this place."""
    path = document.part(attribute(element, "id"), "aFChunk")
    try:
        data = document.archive.read(path) if path else b""
        kind = kinds.detect(path, data) if path else ""
        if kind == kinds.DOCX and document.nested < MAX_NESTED:
            blob = replace(document.blob, name=path, data=data)
            found = _read(blob, document.nested + 1)
        else:
            reader = reader_of("", kind) if kind != kinds.DOCX else None
            found = reader.read(Blob(path, data, document.blob.limit)) if reader else []
    except DocumentError:
        found = []
    if not found:
        document.left_out["documents within it"] += 1
    for item in found:
        document.left_out.update(item.left_out)
        yield item.text


def _spaced(text: str) -> str:
    lines = (re.sub(r"[ \u00a0]{2,}", " ", line).rstrip() for line in text.split("\n"))
    return re.sub(r"\n{2,}", "\n", "\n".join(lines)).strip("\n ")


def _merge(blocks: list[str]) -> list[str]:
    """Join the lines of code and of lists, which Word keeps as paragraphs of their own."""
    merged: list[str] = []
    for block in blocks:
        code = block.startswith("\x00")
        item = re.match(r"\s*(-|\d+[.)]) ", block) is not None and "\n" not in block
        last = merged[-1] if merged else ""
        if code and last.startswith("\x00"):
            merged[-1] += "\n" + block[1:]
        elif item and re.match(r"\s*(-|\d+[.)]) ", last):
            merged[-1] += "\n" + block
        else:
            merged.append(block)
    return [fenced(block[1:]) if block.startswith("\x00") else block for block in merged]


DOCX = Reader("docx", (kinds.DOCX,), read_docx, version="2")
