"""Word documents: headings by style, numbering as shown, tables, text boxes, notes, equations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.readers.archives import Archive, attribute, local, open_archive
from graft.library.readers.charts import chart_blocks
from graft.library.readers.extracted import Blob, Extracted, joined
from graft.library.readers.numbering import Numbering, read_numbering
from graft.library.readers.omml import latex
from graft.library.readers.reader import Reader
from graft.library.readers.scripts import superscript
from graft.library.readers.tables import filled, pipe_table
from graft.library.readers.text import fenced
from graft.library.readers.wordstyles import MONO, Style, read_styles

_CODE_STYLE = re.compile(
    r"^(source ?code|code|code ?block|html preformatted|preformatted( text)?)$"
)
_CODE_SIGNS = re.compile(r"[;{}=<>]|\w\(|^\s{2,}|^(def|import|return|SELECT|class|if|for)\b")
MAX_DEPTH = 40


@dataclass
class WordFile:
    """A document being read: its parts, and the notes met so far."""

    archive: Archive
    styles: dict[str, Style]
    numbering: Numbering
    relations: dict[str, tuple[str, str]]
    notes: dict[str, Any]
    default_style: str = ""
    shown: list[str] = field(default_factory=list)
    titled: bool = False


def read_docx(blob: Blob) -> list[Extracted]:
    """Return a Word document, Strict or Transitional, without its page headers and footers.

    Raises DocumentError for one that is encrypted or damaged.
    """
    with open_archive(blob) as archive:
        main = office_part(archive, "word/document.xml")
        relations = archive.relations(main)
        parts = {kind: path for kind, path in relations.values() if path in archive.names}
        styles, default = read_styles(archive.xml(parts["styles"]) if "styles" in parts else None)
        numbers = read_numbering(archive.xml(parts["numbering"]) if "numbering" in parts else None)
        notes: dict[str, Any] = {}
        for kind in ("footnote", "endnote"):
            if kind + "s" in parts:
                root = archive.xml(parts[kind + "s"])
                notes |= {f"{kind}{attribute(e, 'id')}": e for e in root if local(e) == kind}
        document = WordFile(archive, styles, numbers, relations, notes, default)
        body = next((e for e in archive.xml(main) if local(e) == "body"), None)
        if body is None:
            raise DocumentError("its main part holds no body: open it in Word and save it")
        document.titled = any(
            styles.get(attribute(e, "val"), Style()).name == "title"
            for e in body.iter()
            if local(e) == "pStyle"
        )
        blocks = _merge(list(_blocks(body, document, 0)))
        properties = core_properties(archive)
    return [joined([*blocks, *document.shown], **properties)]


def office_part(archive: Archive, usual: str) -> str:
    """Return the path of an Office file's main part."""
    if usual in archive.names:
        return usual
    found = [path for kind, path in archive.relations("").values() if kind == "officeDocument"]
    if not found or found[0] not in archive.names:
        raise DocumentError("its main part is missing: open it in an office program and save it")
    return found[0]


def core_properties(archive: Archive) -> dict[str, str]:
    """Return the title and author that an Office file carries."""
    if "docProps/core.xml" not in archive.names:
        return {}
    values = {local(e): (e.text or "").strip() for e in archive.xml("docProps/core.xml")}
    return {"title": values.get("title", ""), "author": values.get("creator", "")}


def _blocks(parent: Any, document: WordFile, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        return
    for element in parent:
        name = local(element)
        if name == "p":
            yield from _paragraph(element, document, depth)
        elif name == "tbl":
            yield from _table(element, document, depth)
        elif name in ("sdt", "sdtContent", "customXml", "ins", "smartTag", "moveTo"):
            yield from _blocks(element, document, depth + 1)


def _paragraph(element: Any, document: WordFile, depth: int) -> Iterator[str]:
    style, properties = _paragraph_style(element, document)
    boxes: list[Any] = []
    text = _spaced("".join(_inline(element, document, boxes, 0)))
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
            kind, path = document.relations.get(attribute(box, "id"), ("", ""))
            if kind == "chart" and path in document.archive.names:
                yield from chart_blocks(document.archive.xml(path))
        else:
            yield from _blocks(box, document, depth + 1)


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


def _inline(element: Any, document: WordFile, boxes: list[Any], depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        return
    for child in element:
        name = local(child)
        if name == "r" and _raised(child):
            yield superscript("".join(_inline(child, document, boxes, depth + 1)))
        elif name == "t":
            yield child.text or ""
        elif name in ("tab", "ptab"):
            yield "\t"
        elif name in ("br", "cr"):
            yield "" if attribute(child, "type") in ("page", "column") else "\n"
        elif name == "noBreakHyphen":
            yield "-"
        elif name == "oMathPara":
            yield "\n" + " ".join(f"$${latex(m)}$$" for m in child if local(m) == "oMath") + "\n"
        elif name == "oMath":
            yield f" ${latex(child)}$ "
        elif name in ("footnoteReference", "endnoteReference"):
            yield _note(child, name.removesuffix("Reference"), document)
        elif name == "AlternateContent":
            yield from _inline(_alternative(child), document, boxes, depth + 1)
        elif name in ("drawing", "pict", "object"):
            boxes += _boxes(child)
        elif name == "sdt":
            yield from _inline(child, document, boxes, depth + 1)
        elif name == "checkbox":
            checked = any(
                local(e) == "checked" and attribute(e, "val") in ("1", "true") for e in child
            )
            yield "[x] " if checked else "[ ] "
        elif name == "sdtPr":
            yield from _inline(
                [e for e in child if local(e) == "checkbox"], document, boxes, depth + 1
            )
        elif name not in ("pPr", "rPr", "del", "instrText", "moveFrom", "delText", "rt"):
            yield from _inline(child, document, boxes, depth + 1)


def _raised(run: Any) -> bool:
    return any(
        local(e) == "vertAlign" and attribute(e, "val") == "superscript"
        for properties in run
        if local(properties) == "rPr"
        for e in properties
    )


def _alternative(element: Any) -> Any:
    choices = {local(child): child for child in reversed(element)}
    return choices.get("Choice", choices.get("Fallback", element))


def _boxes(drawing: Any) -> list[Any]:
    """Return the text boxes and charts of a drawing; of two alternatives only the first."""
    found: list[Any] = []
    for child in drawing:
        name = local(child)
        if name in ("txbxContent", "chart"):
            found.append(child)
        elif name == "AlternateContent":
            found += _boxes(_alternative(child))
        elif name:
            found += _boxes(child)
    return found


def _note(reference: Any, kind: str, document: WordFile) -> str:
    note = document.notes.get(kind + attribute(reference, "id"))
    if note is None:
        return ""
    text = " ".join(" ".join(_blocks(note, document, MAX_DEPTH - 3)).split())
    if not text:
        return ""
    number = len(document.shown) + 1
    document.shown.append(f"[{number}] {text}")
    return f" [{number}]"


def _table(element: Any, document: WordFile, depth: int) -> Iterator[str]:
    grid: list[list[tuple[str, int, int]]] = []
    cells: list[list[Any]] = []
    above: dict[int, str] = {}
    for row in _rows(element, "tr"):
        line: list[tuple[str, int, int]] = []
        column = 0
        cells.append(_rows(row, "tc"))
        for cell in cells[-1]:
            values = {local(e): attribute(e, "val") for p in cell if local(p) == "tcPr" for e in p}
            width = int(values["gridSpan"]) if values.get("gridSpan", "").isdigit() else 1
            text = " ".join(
                " ".join(_blocks(cell, document, depth + 1)).replace("\x00", "").split()
            )
            if "vMerge" in values and values["vMerge"] != "restart":
                text = above.get(column, text)
            above[column] = text
            line.append((text.replace("| --- ", ""), min(width, 200), 1))
            column += width
        grid.append(line)
    # A table of one cell frames a paragraph.
    if len(cells) == 1 and len(cells[0]) == 1:
        yield from _blocks(cells[0][0], document, depth + 1)
        return
    yield pipe_table(filled(grid))


def _rows(parent: Any, wanted: str) -> list[Any]:
    found: list[Any] = []
    for child in parent:
        if local(child) == wanted:
            found.append(child)
        elif local(child) in ("sdt", "sdtContent", "customXml", "ins"):
            found += _rows(child, wanted)
    return found


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


DOCX = Reader("docx", (kinds.DOCX,), read_docx)
