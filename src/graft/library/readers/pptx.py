"""PowerPoint presentations: one page a slide, with its tables, charts and speaker's notes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.readers.archives import Archive, attribute, local, open_archive
from graft.library.readers.charts import chart_blocks
from graft.library.readers.coreproperties import core_properties, images
from graft.library.readers.diagrams import diagram_lines
from graft.library.readers.docx import office_part
from graft.library.readers.extracted import Blob, Extracted, paged
from graft.library.readers.omml import latex
from graft.library.readers.reader import Reader
from graft.library.readers.tables import filled, pipe_table

_TITLES = ("title", "ctrTitle")
_FURNITURE = ("sldNum", "dt", "ftr", "hdr", "sldImg")
MAX_DEPTH = 20


def read_pptx(blob: Blob) -> list[Extracted]:
    """Return the slides in their order, each a page under its title.

    Raises DocumentError for a presentation that is encrypted or damaged.
    """
    with open_archive(blob) as archive:
        main = office_part(archive, "ppt/presentation.xml")
        relations = archive.relations(main)
        order = [e for e in archive.xml(main).iter() if local(e) == "sldId"]
        paths = [relations.get(_relation(e), ("", ""))[1] for e in order]
        slides = [_slide(archive, path) for path in paths if path in archive.names]
        if not slides and order:
            raise DocumentError("its slides are missing: open it in PowerPoint and save it")
        properties = core_properties(archive)
        left_out = {"images": images(archive, "ppt/media/")}
    if re.match(r"(?i)powerpoint|slide ?1?$|pptx? ", properties.get("title", "")):
        properties["title"] = ""
    return [replace(paged(slides, **properties), left_out=left_out)]


def _relation(element: Any) -> str:
    """The relation's id: the attribute `id` that has a namespace (the plain one is a number)."""
    return next((str(v) for k, v in element.attrib.items() if k.endswith("}id")), "")


def _slide(archive: Archive, path: str) -> str:
    relations = archive.relations(path)
    root = archive.xml(path)
    tree = next((e for e in root.iter() if local(e) == "spTree"), None)
    shapes = list(_shapes(tree, 0)) if tree is not None else []
    shapes.sort(key=lambda shape: _placeholder(shape) not in _TITLES)
    blocks = [block for shape in shapes for block in _shape(shape, archive, relations)]
    for kind, target in relations.values():
        if kind == "comments" and target in archive.names:
            blocks += _comments(archive.xml(target))
        if kind == "notesSlide" and target in archive.names:
            notes = [
                block
                for shape in archive.xml(target).iter()
                if local(shape) == "sp" and _placeholder(shape) == "body"
                for block in _paragraphs(shape, listed=False)
            ]
            blocks += ["Notes: " + "\n".join(notes)] if notes else []
    return "\n\n".join(block for block in blocks if block.strip())


def _comments(root: Any) -> list[str]:
    found = []
    for element in root.iter():
        if local(element) in ("cm", "reply"):
            texts = [e for e in element if local(e) in ("text", "txBody")]
            text = " ".join(" ".join("".join(e.itertext()) for e in texts).split())
            found += [f"Comment: {text}"] if text else []
    return found


def _shapes(parent: Any, depth: int) -> Iterator[Any]:
    for child in parent if depth < MAX_DEPTH else ():
        name = local(child)
        if name == "grpSp":
            yield from _shapes(child, depth + 1)
        elif name == "AlternateContent":
            choices = {local(c): c for c in reversed(child)}
            yield from _shapes(choices.get("Choice", choices.get("Fallback", ())), depth + 1)
        elif name in ("sp", "graphicFrame", "cxnSp", "pic", "contentPart"):
            yield child


def _placeholder(shape: Any) -> str:
    """Return a placeholder's type; "obj" for one without a type, "" for other shapes."""
    for element in shape.iter():
        if local(element) == "ph":
            return str(element.get("type", "obj"))
        if local(element) in ("txBody", "graphic"):
            break
    return ""


def _shape(shape: Any, archive: Archive, relations: dict[str, tuple[str, str]]) -> Iterator[str]:
    kind = _placeholder(shape)
    if kind in _FURNITURE:
        return
    if local(shape) == "graphicFrame":
        yield from _frame(shape, archive, relations)
    elif kind in _TITLES:
        title = " ".join(" ".join(_paragraphs(shape, listed=False)).split())
        if title:
            yield f"# {title}"
    else:
        yield "\n".join(_paragraphs(shape, listed=kind in ("body", "obj")))


def _frame(shape: Any, archive: Archive, relations: dict[str, tuple[str, str]]) -> Iterator[str]:
    for element in shape.iter():
        name = local(element)
        if name == "tbl":
            rows = [[c for c in row if local(c) == "tc"] for row in element if local(row) == "tr"]
            yield pipe_table(filled([[_cell(c) for c in row if not _covered(c)] for row in rows]))
        elif name == "chart":
            target = relations.get(attribute(element, "id"), ("", ""))[1]
            if target in archive.names:
                yield from chart_blocks(archive.xml(target))
        elif name == "relIds":
            target = relations.get(attribute(element, "dm"), ("", ""))[1]
            if target in archive.names:
                yield "\n".join(diagram_lines(archive.xml(target)))


def _covered(cell: Any) -> bool:
    return any(cell.get(name) in ("1", "true") for name in ("hMerge", "vMerge"))


def _cell(cell: Any) -> tuple[str, int, int]:
    text = " ".join(" ".join(_paragraphs(cell, listed=False)).split())
    return text, _int(cell.get("gridSpan")), _int(cell.get("rowSpan"))


def _paragraphs(shape: Any, *, listed: bool) -> list[str]:
    found = []
    paragraphs = [p for p in shape.iter() if local(p) == "p"]
    listed = listed and sum(bool(_text(p).strip()) for p in paragraphs) > 1
    count = 0
    for paragraph in paragraphs:
        text = _text(paragraph).strip()
        if not text:
            continue
        properties = next((e for e in paragraph if local(e) == "pPr"), None)
        marks = {local(e) for e in properties} if properties is not None else set()
        level = _int(properties.get("lvl"), 0) if properties is not None else 0
        if "buAutoNum" in marks:
            count += 1
            found.append("    " * min(level, 8) + f"{count}. {text}")
        elif marks & {"buChar", "buBlip"} or (listed and "buNone" not in marks):
            found.append("    " * min(level, 8) + f"- {text}")
        else:
            count = 0
            found.append(text)
    return found


def _text(paragraph: Any) -> str:
    parts = []
    for element in paragraph.iter():
        name = local(element)
        if name == "t":
            parts.append(element.text or "")
        elif name == "br":
            parts.append(" ")
        elif name == "oMath":
            parts.append(f" ${latex(element)}$ ")
    return re.sub(r"_x000[BD]_|\s+", " ", "".join(parts))


def _int(text: str | None, default: int = 1) -> int:
    return int(text) if text and text.isdigit() and len(text) < 6 else default


PPTX = Reader("pptx", (kinds.PPTX,), read_pptx, version="2")
