"""OpenDocument texts and presentations (odt, odp)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.readers.archives import attribute, local, open_archive
from graft.library.readers.coreproperties import typed
from graft.library.readers.extracted import Blob, Extracted, joined, paged
from graft.library.readers.odssheets import repeated
from graft.library.readers.reader import Reader
from graft.library.readers.tables import filled, pipe_table
from graft.library.readers.vocabulary import vocabulary

_SKIP = vocabulary(
    "tracked-changes sequence-decls forms table-of-content-source annotation notes title desc "
    "index-title-template"
)
MAX_DEPTH = 40


@dataclass
class _Reading:
    """List styles' numbered levels, styles' parents, hidden styles; notes, what was left out."""

    numbered: Mapping[str, frozenset[int]]
    parents: Mapping[str, str]
    hidden: frozenset[str] = frozenset()
    notes: list[str] = field(default_factory=list)
    count: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def read_opendocument(blob: Blob) -> list[Extracted]:
    """Return an OpenDocument text, or a presentation with one page a slide.

    Raises DocumentError for one that is encrypted or damaged.
    """
    with open_archive(blob) as archive:
        if "META-INF/manifest.xml" in archive.names and b"encryption-data" in archive.read(
            "META-INF/manifest.xml"
        ):
            raise DocumentError("the file is encrypted: save a copy without the password")
        root = archive.xml("content.xml")
        styles = [root] + ([archive.xml("styles.xml")] if "styles.xml" in archive.names else [])
        meta = archive.xml("meta.xml") if "meta.xml" in archive.names else None
    reading = _Reading(_numbered(styles), _parents(styles), _hidden(styles))
    properties = _properties(meta) if meta is not None else {}
    body = next((e for e in root if local(e) == "body"), None)
    content = next((e for e in body if local(e)), None) if body is not None else None
    if content is None:
        raise DocumentError("its content is missing: open it in an office program and save it")
    for e in root.iter():
        reading.left_out["images"] += local(e) == "image"
        reading.left_out["tracked deletions"] += local(e) == "deletion"
    if local(content) == "presentation":
        slides = [_slide(page, reading) for page in content if local(page) == "page"]
        return [replace(paged(slides, **properties), left_out=dict(reading.left_out))]
    blocks = list(_blocks(content, reading, 0))
    text = joined([*blocks, *reading.notes], **properties)
    return [replace(text, left_out=dict(reading.left_out))]


def _properties(meta: Any) -> dict[str, str]:
    values: dict[str, str] = {}
    keywords: list[str] = []
    for e in meta.iter():
        text = (e.text or "").strip()
        keywords += [text] if local(e) == "keyword" and text else []
        values[local(e)] = text
    return typed({
        **values,
        "creator": values.get("initial-creator") or values.get("creator", ""),
        "created": values.get("creation-date", ""),
        "modified": values.get("date", ""),
        "keywords": ", ".join(keywords),
    })  # fmt: skip


def _hidden(roots: list[Any]) -> frozenset[str]:
    """Return the names of styles whose text is not shown."""
    return frozenset(
        attribute(style, "name")
        for root in roots
        for style in root.iter()
        if local(style) == "style"
        and any(local(e) == "text-properties" and attribute(e, "display") == "none" for e in style)
    )


def _numbered(roots: list[Any]) -> dict[str, frozenset[int]]:
    found: dict[str, frozenset[int]] = {}
    for root in roots:
        for style in root.iter():
            if local(style) == "list-style":
                levels = [e for e in style if local(e) == "list-level-style-number"]
                found[attribute(style, "name")] = frozenset(
                    int(attribute(e, "level") or 1) for e in levels if attribute(e, "num-format")
                )
    return found


def _parents(roots: list[Any]) -> dict[str, str]:
    return {
        attribute(e, "name"): attribute(e, "parent-style-name")
        for root in roots
        for e in root.iter()
        if local(e) == "style"
    }


def _slide(page: Any, reading: _Reading) -> str:
    titles, rest = [], []
    for frame in page:
        kind = attribute(frame, "class")
        if local(frame) == "notes":
            notes = " ".join(
                text
                for f in frame
                if attribute(f, "class") == "notes"
                for text in _blocks(f, reading, 0)
            )
            rest += [f"Notes: {notes}"] if notes.strip() else []
        elif kind == "title":
            titles.append("# " + " ".join(" ".join(_blocks(frame, reading, 0)).split()))
        elif kind not in ("page-number", "date-time", "footer", "header"):
            rest += _blocks(frame, reading, 0)
    return "\n\n".join([t for t in titles if t.strip("# ")] + rest)


def _blocks(parent: Any, reading: _Reading, depth: int) -> Iterator[str]:
    for element in parent if depth < MAX_DEPTH else ():
        name = local(element)
        if name == "h":
            level = attribute(element, "outline-level")
            text = " ".join(_text(element, reading).split())
            if text:
                yield "#" * min(int(level) if level.isdigit() else 1, 6) + " " + text
        elif name == "p":
            yield from _paragraph(element, reading, depth)
        elif name == "list":
            lines = list(_list(element, reading, attribute(element, "style-name"), 1))
            if lines:
                yield "\n".join(lines)
        elif name == "table":
            yield pipe_table(filled(_rows(element, reading, depth)))
        elif name not in _SKIP:
            yield from _blocks(element, reading, depth + 1)


def _paragraph(element: Any, reading: _Reading, depth: int) -> Iterator[str]:
    text = _text(element, reading).strip()
    style = attribute(element, "style-name")
    style = reading.parents.get(style) or style
    if text:
        flat = " ".join(text.split())
        yield f"# {flat}" if style == "Title" else f"## {flat}" if style == "Subtitle" else text
    for child in element.iter():
        if local(child) == "text-box":
            yield from _blocks(child, reading, depth + 1)


def _text(element: Any, reading: _Reading) -> str:
    parts = [" ".join((element.text or "").split("\n"))]
    for child in element:
        name = local(child)
        if name == "s":
            count = attribute(child, "c")
            parts.append(" " * (min(int(count), 80) if count.isdigit() else 1))
        elif name == "tab":
            parts.append("\t")
        elif name == "line-break":
            parts.append("\n")
        elif name == "note":
            body = [" ".join(_blocks(e, reading, 0)) for e in child if local(e) == "note-body"]
            reading.count += 1
            reading.notes.append(f"[{reading.count}] " + " ".join(" ".join(body).split()))
            parts.append(f" [{reading.count}]")
        elif name == "annotation":
            said = [" ".join("".join(p.itertext()).split()) for p in child if local(p) == "p"]
            reading.notes += [f"Comment: {' '.join(said)}"] if any(said) else []
        elif name in ("hidden-text", "hidden-paragraph") or (
            name == "span" and attribute(child, "style-name") in reading.hidden
        ):
            reading.left_out["hidden texts"] += 1
        elif name not in ("frame", "annotation-end", "custom-shape", "rect", "g"):
            parts.append(_text(child, reading))
        parts.append((child.tail or "").replace("\n", " "))
    return "".join(parts)


def _list(element: Any, reading: _Reading, style: str, level: int) -> Iterator[str]:
    count = 0
    for item in element if level < 12 else ():
        if local(item) not in ("list-item", "list-header"):
            continue
        first = True
        for child in item:
            name = local(child)
            if name == "list":
                yield from _list(child, reading, attribute(child, "style-name") or style, level + 1)
            elif name in ("p", "h"):
                text = " ".join(_text(child, reading).split())
                if not text:
                    continue
                count += first
                number = level in reading.numbered.get(style, frozenset())
                mark = (f"{count}. " if number else "- ") if first else "    "
                yield "    " * (level - 1) + mark + text
                first = False


def _rows(table: Any, reading: _Reading, depth: int) -> list[list[tuple[str, int, int]]]:
    rows = []
    for row in table.iter():
        if local(row) != "table-row" or _owner(row) is not table:
            continue
        cells = []
        for cell in row:
            if local(cell) != "table-cell":
                continue
            text = " ".join(" ".join(_blocks(cell, reading, depth + 1)).split())
            # A cell's lone bullet, as presentations have it, is no list.
            text = text.removeprefix("- ") if text.count("- ") == 1 else text
            columns, height = (
                attribute(cell, "number-columns-spanned"),
                attribute(cell, "number-rows-spanned"),
            )
            span = int(columns) if columns.isdigit() else 1
            # Empty cells are repeated as well: what follows them must not slip.
            times = min(repeated(cell, "number-columns-repeated"), 200)
            cells += [(text, span, int(height) if height.isdigit() else 1)] * times
        if attribute(row, "visibility") == "collapse":
            reading.left_out["hidden rows"] += any(text for text, _, _ in cells)
        else:
            times = min(repeated(row, "number-rows-repeated"), 200)
            rows += [cells] * (times if any(text for text, _, _ in cells) else 1)
    return rows


def _owner(element: Any) -> Any:
    parent = element.getparent()
    while parent is not None and local(parent) != "table":
        parent = parent.getparent()
    return parent


OPENDOCUMENT = Reader(
    "opendocument",
    (
        kinds.ODT,
        kinds.ODP,
    ),
    read_opendocument,
    version="2",
)
