"""XML: articles (JATS, DocBook), patents (USPTO), feeds, and any other as "name: value" lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from graft.library import detect as kinds
from graft.library.encodings import declared_charset, decode
from graft.library.readers.archives import attribute, local, parse_xml
from graft.library.readers.extracted import Blob, Extracted, joined
from graft.library.readers.html import read_html
from graft.library.readers.reader import Reader
from graft.library.readers.scripts import superscript
from graft.library.readers.tables import filled, pipe_table
from graft.library.readers.text import fenced
from graft.library.readers.vocabulary import vocabulary

_TITLE = vocabulary("article-title invention-title title-of-invention B540")
_HEADING = vocabulary("title heading head H label-title bridgehead")
_SECTION = vocabulary(
    "sec section sect1 sect2 sect3 sect4 chapter appendix app abstract ack ref-list boxed-text "
    "subdoc-abstract SDOAB part div refsect1 sidebar note-section notes"
)
_PARAGRAPH = vocabulary(
    "p para simpara paragraph PARA claim CLM attrib disp-formula caption verse-line fn kwd-group "
    "mixed-citation element-citation description summary"
)
_LIST = vocabulary("list itemizedlist orderedlist ul ol def-list variablelist simplelist")
_CODE = vocabulary("programlisting screen code preformat literallayout pre")
_SKIP = vocabulary(
    "journal-meta permissions history pub-date article-id self-uri counts custom-meta-group "
    "contrib-group author-notes aff title-group article-categories kwd-group funding-group volume "
    "issue fpage lpage elocation-id graphic inline-graphic media object-id "
    "us-bibliographic-data-grant us-bibliographic-data-application "
    "subdoc-bibliographic-information SDOBI subdoc-drawings drawings SDODR SDOCR us-chemistry "
    "us-math us-sequence-list-doc mathematica-file image img EMI CHEMICAL colspec style "
    "script sub-article response pub-id contrib-id info indexterm index supplementary-material"
)
_ABSTRACTS = vocabulary("abstract subdoc-abstract SDOAB")
_CLAIMS = vocabulary("claims us-claim-statement subdoc-claims SDOCL")
_APART = vocabulary(
    "p para claim-text label title CLMSTEP name surname given-names year source article-title "
    "volume break br pub-id fpage lpage collab"
)
MAX_DEPTH = 100


def read_xml(blob: Blob) -> list[Extracted]:
    """Return XML as Markdown when it has paragraphs, and as "name: value" lines when it is data.

    Raises DocumentError for what is not XML, and for entities that expand without end.
    """
    root = parse_xml(blob.data)
    name = local(root)
    if name == "html":
        return read_html(Blob(blob.name, decode(blob.data, declared_charset(blob.data)).encode()))
    title = next((_inline(e) for e in root.iter() if local(e) in _TITLE), "")
    if not any(
        local(e) in ("p", "para", "simpara", "paragraph", "PARA", "claim") for e in root.iter()
    ):
        return [Extracted("", "\n".join(_records(root, 0)))]
    blocks = [f"# {title}"] if title else []
    people = "; ".join(dict.fromkeys(_names(root)))
    blocks += [people] if people else []
    top = 1 if title else 0
    if name == "article":
        parts = [e for e in root.iter() if local(e) == "abstract"]
        parts += [e for e in root if local(e) in ("body", "back")] or [root]
    else:
        # Patents open with data on the application; the abstract is read first, as papers do.
        parts = [e for e in root.iter() if local(e) in _ABSTRACTS]
        parts += [e for e in root if local(e) not in _ABSTRACTS]
    for part in parts:
        blocks += _blocks([part], top, 0)
    return [joined(blocks, title, author=people[:500])]


def _names(root: Any) -> Iterator[str]:
    for person in root.iter():
        if local(person) == "contrib" and attribute(person, "contrib-type") in ("author", ""):
            for name in person.iter():
                if local(name) == "name":
                    given = [_inline(e) for e in name if local(e) == "given-names"]
                    yield " ".join([*given, *(_inline(e) for e in name if local(e) == "surname")])
                    break


def _blocks(elements: Any, level: int, depth: int) -> Iterator[str]:
    for element in elements if depth < MAX_DEPTH else ():
        name = local(element)
        if not name or name in _SKIP or (name in _TITLE and depth > 0 and name != "article-title"):
            continue
        if name in _ABSTRACTS or name in _CLAIMS:
            headed = any(local(e) in _HEADING for e in element)
            if not headed and any(True for _ in _blocks(element, level, depth + 1)):
                yield "#" * min(level + 1, 6) + (" Abstract" if name in _ABSTRACTS else " Claims")
            yield from _blocks(element, level + 1, depth + 1)
        elif name in _SECTION:
            yield from _blocks(element, level + 1, depth + 1)
        elif name in _HEADING:
            label = next(
                (_inline(e) for e in element.itersiblings(preceding=True) if local(e) == "label"),
                "",
            )
            text = f"{label} {_inline(element)}".strip()
            if text:
                yield "#" * max(1, min(level, 6)) + f" {text}"
        elif name in _LIST:
            yield "\n".join(_list(element, 0))
        elif name in _CODE and ("\n" in (element.text or "") or name != "code"):
            yield fenced("".join(element.itertext()))
        elif name in ("table", "tgroup"):
            yield _table(element)
        elif name == "ref":
            text = " ".join(_inline(e) for e in element if local(e) != "label")
            yield f"- {' '.join(text.split())}" if text.strip() else ""
        elif name in _PARAGRAPH:
            yield from _paragraph(element, level, depth)
        elif name != "label":
            if (element.text or "").strip() or any((c.tail or "").strip() for c in element):
                yield _inline(element)
            else:
                yield from _blocks(element, level, depth + 1)


def _paragraph(element: Any, level: int, depth: int) -> Iterator[str]:
    inner = _LIST | {"table", "table-wrap", "tables", "disp-quote", "fig", "boxed-text"}
    inside = [e for e in element.iter() if e is not element and local(e) in inner]
    text = _inline(element, skip=frozenset(map(id, inside)))
    if text:
        yield text
    taken: set[int] = set()
    for block in inside:
        if not any(id(parent) in taken for parent in block.iterancestors()):
            taken.add(id(block))
            yield from _blocks([block], level, depth + 1)


def _inline(element: Any, skip: frozenset[int] = frozenset()) -> str:
    return " ".join("".join(_pieces(element, skip, 0)).split())


def _pieces(element: Any, skip: frozenset[int], depth: int) -> Iterator[str]:
    yield element.text or ""
    for child in element if depth < MAX_DEPTH else ():
        kind = local(child)
        if kind and id(child) not in skip and kind not in ("graphic", "colspec", "number"):
            if kind == "tex-math":
                yield _formula("".join(child.itertext()))
            elif kind in ("sup", "SP", "superscript"):
                yield superscript("".join(_pieces(child, skip, depth + 1)), linked=len(child) > 0)
            elif kind != "math" or not any(local(e) == "tex-math" for e in element):
                apart = " " if kind in _APART else ""
                yield apart
                yield from _pieces(child, skip, depth + 1)
                yield apart
        yield child.tail or ""


def _formula(text: str) -> str:
    body = re.search(r"\\begin\{document\}(.*?)\\end\{document\}", text, re.DOTALL)
    inner = (body.group(1) if body else text).strip().strip("$").strip()
    return f" ${inner}$ " if inner else ""


def _list(element: Any, depth: int) -> Iterator[str]:
    numbered = local(element) in ("orderedlist", "ol") or attribute(element, "list-type") == "order"
    count = 0
    for item in element if depth < 8 else ():
        if local(item) not in (
            "list-item",
            "listitem",
            "li",
            "item",
            "def-item",
            "varlistentry",
            "member",
        ):
            continue
        count += 1
        nested = [e for e in item.iter() if e is not item and local(e) in _LIST]
        text = _inline(item, skip=frozenset(map(id, nested)))
        yield "    " * depth + (f"{count}. " if numbered else "- ") + text
        for child in nested:
            if not any(parent in nested for parent in child.iterancestors()):
                yield from _list(child, depth + 1)


def _table(element: Any) -> str:
    rows = [row for row in element.iter() if local(row) in ("tr", "row")]
    grid = [[_cell(c) for c in row if local(c) in ("td", "th", "entry")] for row in rows]
    return pipe_table(filled(grid))


def _cell(cell: Any) -> tuple[str, int, int]:
    columns, rows = attribute(cell, "colspan"), attribute(cell, "rowspan")
    first, last = attribute(cell, "namest"), attribute(cell, "nameend")
    width = int(columns) if columns.isdigit() and len(columns) < 4 else 1
    if first[-1:].isdigit() and last[-1:].isdigit():
        width = max(1, int(last[-1]) - int(first[-1]) + 1)
    return _inline(cell), width, int(rows) if rows.isdigit() and len(rows) < 4 else 1


def _records(element: Any, depth: int) -> Iterator[str]:
    """Yield data as indented lines; the records of a list stand apart."""
    name = local(element)
    if not name:
        return
    values = [
        f"{key.rpartition('}')[2]}: {value}" for key, value in element.attrib.items() if value
    ]
    text = " ".join((element.text or "").split())
    indent = "  " * min(depth, 20)
    children = [child for child in element if local(child)]
    if not children:
        line = " ".join(filter(None, [text, f"({', '.join(values)})" if values else ""]))
        if line:
            yield f"{indent}{name}: {line}"
        return
    yield f"{indent}{name}:" + (f" {text}" if text else "")
    for value in values:
        yield f"{indent}  {value}"
    for number, child in enumerate(children if depth < MAX_DEPTH else []):
        if number and depth == 0 and len(child):
            yield ""
        yield from _records(child, depth + 1)
        tail = " ".join((child.tail or "").split())
        if tail:
            yield f"{indent}  {tail}"


XML = Reader("xml", (kinds.XML,), read_xml)
