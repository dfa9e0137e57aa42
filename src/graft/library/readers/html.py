"""HTML to Markdown: headings, paragraphs, lists, code and tables of a page's main content."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import lxml.html
from lxml import etree

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.clean import clean_characters
from graft.library.encodings import declared_charset, decoded
from graft.library.readers.boilerplate import main_content
from graft.library.readers.embedded import embedded_in_tree, without_addresses
from graft.library.readers.extracted import Blob, Extracted
from graft.library.readers.folds import unfold
from graft.library.readers.pagemeta import page_metadata
from graft.library.readers.reader import Reader
from graft.library.readers.scripts import superscript
from graft.library.readers.tables import filled, pipe_table
from graft.library.readers.text import fenced
from graft.library.readers.vocabulary import vocabulary

_SKIP = vocabulary(
    "script style template noscript head svg canvas object embed audio video iframe select "
    "button datalist map link meta base dialog input option"
)
_BLOCK = vocabulary(
    "p div section article main header footer aside nav address blockquote figure figcaption "
    "form fieldset details summary center dl dt dd hr body html legend caption optgroup "
    "hgroup search menu"
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_SPACE = re.compile(r"[ \t\n\r\f]+")
_PERMALINK = {"¶", "#", "🔗", "§"}
MAX_DEPTH = 120


def read_html(blob: Blob) -> list[Extracted]:
    """Return a page's main content as Markdown, without navigation, footers and banners."""
    found = decoded(blob.data, declared_charset(blob.data))
    tree, hidden = parse_page(found.text)
    title = page_title(tree)
    content = main_content(tree)
    left_out = {**hidden, **embedded_in_tree(content), **found.left_out}
    metadata = page_metadata(tree)
    return [Extracted("", markdown_of(content), title, metadata=metadata, left_out=left_out)]


def parse_html(text: str) -> Any:
    """Return the tree of an HTML text. Raises DocumentError when there is nothing in it."""
    return parse_page(text)[0]


def parse_page(text: str) -> tuple[Any, dict[str, int]]:
    """Return the unfolded tree of an HTML text, and what of it stays hidden (see `folds`).

    Raises DocumentError when there is nothing in it.
    """
    tree = _parsed(text)
    return tree, unfold(tree)


def _parsed(text: str) -> Any:
    text = clean_characters(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))
    # Controls, written out or as references, are kept by the parser and refused by the tree.
    text = re.sub(r"&#(?:[xX]0*1?[0-9a-fA-F]|0*[12]?\d|0*3[01]);", " ", text)
    parser = lxml.html.HTMLParser(huge_tree=True)
    try:
        tree = lxml.html.document_fromstring(text, parser)
        if any("depth" in error.message.lower() for error in parser.error_log):
            # What is nested deeper than 2048 would be lost in silence: frames without meaning go.
            text = re.sub(r"</?(?:div|span|font|b|i)\b[^<>]*>", " ", text)
            return lxml.html.document_fromstring(text)
        return tree
    except (etree.ParserError, etree.XMLSyntaxError, ValueError, AssertionError) as error:
        raise DocumentError("the HTML file holds no text: check what made it") from error


def page_title(tree: Any) -> str:
    """Return the title of a page: its `title` element, or its only first-level heading."""
    for element in tree.iter("title"):
        if isinstance(element.tag, str) and element.text and element.text.strip():
            return " ".join(element.text.split())
    tops = list(tree.iter("h1"))
    return " ".join("".join(tops[0].itertext()).split()) if len(tops) == 1 else ""


def table_markdown(fragment: str) -> str:
    """Return an HTML table as a pipe table.

    >>> table_markdown("<table><tr><th>A<th>B<tr><td>1<td>2</table>").splitlines()[2]
    '| 1 | 2 |'
    """
    try:
        return markdown_of(lxml.html.fragment_fromstring(fragment, create_parent="div"))
    except (etree.ParserError, etree.XMLSyntaxError, ValueError, AssertionError):
        return re.sub(r"<[^<>]*>", " ", fragment)


def markdown_of(element: Any) -> str:
    """Return an element's content as Markdown blocks with a blank line between them."""
    writer = _MarkdownWriter()
    _walk(element, writer, 0)
    writer.close()
    return without_addresses("\n\n".join(writer.blocks))


@dataclass
class _MarkdownWriter:
    """Blocks written so far, and the inline text of the one that is open."""

    blocks: list[str] = field(default_factory=list)
    inline: list[str] = field(default_factory=list)

    def close(self) -> str:
        """End the open paragraph and return it, or ""."""
        text = _inline("".join(self.inline))
        self.inline.clear()
        if text:
            self.blocks.append(text)
        return text


def _inline(text: str) -> str:
    # "\x0b" marks a line break that the page asked for; other white space is one space.
    lines = (_SPACE.sub(" ", line).strip() for line in text.split("\x0b"))
    return re.sub(r"\n{2,}", "\n", "\n".join(lines)).strip("\n")


def _walk(element: Any, writer: _MarkdownWriter, depth: int) -> None:
    tag = element.tag if isinstance(element.tag, str) else ""
    if depth > MAX_DEPTH:
        writer.inline.append(" ".join(element.itertext()))
    elif not tag or tag in _SKIP:
        pass
    elif tag in _HEADINGS:
        writer.close()
        title = _inline(_inside(element, depth)).replace("\n", " ").rstrip("¶#🔗 ")
        if title:
            writer.blocks.append("#" * _HEADINGS[tag] + " " + title)
    elif tag in ("pre", "textarea"):
        writer.close()
        code = "".join(_code_text(element)).replace("\x0b", "\n")
        if code.strip():
            writer.blocks.append(fenced(code, _language(element)))
    elif tag in ("ul", "ol"):
        writer.close()
        lines = _list(element, depth)
        if lines:
            writer.blocks.append("\n".join(lines))
    elif tag == "table":
        writer.close()
        _table(element, writer, depth)
    elif tag in _BLOCK:
        writer.close()
        _children(element, writer, depth)
        writer.close()
    else:
        _inline_element(element, tag, writer, depth)
    if element.tail and depth:
        writer.inline.append(element.tail.replace("\x0b", " "))


def _children(element: Any, writer: _MarkdownWriter, depth: int) -> None:
    if element.text and isinstance(element.tag, str):
        writer.inline.append(element.text.replace("\x0b", " "))
    for child in element:
        _walk(child, writer, depth + 1)


def _inside(element: Any, depth: int) -> str:
    """Return all text of an element in one line, whatever blocks it holds."""
    writer = _MarkdownWriter()
    _children(element, writer, depth)
    writer.close()
    return " ".join(writer.blocks)


def _inline_element(element: Any, tag: str, writer: _MarkdownWriter, depth: int) -> None:
    if tag == "br":
        writer.inline.append("\x0b")
    elif tag in ("code", "tt", "kbd", "samp") and not len(element):
        text = element.text_content().strip()
        writer.inline.append(f"`{text}`" if text and "`" not in text else text)
    elif tag == "img":
        alt = (element.get("alt") or "").strip()
        # Formulas and figures carry their text here; a word or two is decoration.
        if "math" in (element.get("class") or "") or len(alt.split()) > 3:
            writer.inline.append(f" {alt} ")
    elif tag == "math":
        notes = [n for n in element.iter() if str(n.get("encoding", "")).endswith("x-tex")]
        source = (notes[0].text or "").strip() if notes else ""
        plain = " ".join("".join(element.itertext()).split())
        writer.inline.append(f" ${source}$ " if source else f" {plain} ")
    elif tag == "sup":
        before = len(writer.inline)
        _children(element, writer, depth)
        writer.inline[before:] = [
            superscript("".join(writer.inline[before:]), linked=len(element) > 0)
        ]
    elif tag == "a" and (element.text_content() or "").strip() in _PERMALINK:
        pass
    else:
        _children(element, writer, depth)


def _code_text(element: Any) -> list[str]:
    parts = [element.text or ""]
    for child in element:
        tag = child.tag if isinstance(child.tag, str) else ""
        if tag == "br":
            parts.append("\n")
        elif tag and tag not in _SKIP and "linenos" not in (child.get("class") or ""):
            parts += _code_text(child)
        parts.append(child.tail or "")
    return parts


def _language(element: Any) -> str:
    inner = element[0] if len(element) and element[0].tag == "code" else element
    around = element.getparent()
    outer = around.getparent() if around is not None else None
    names = " ".join(e.get("class") or "" for e in (inner, element, around, outer) if e is not None)
    found = re.search(r"(?:language|lang|highlight|brush|sourceCode)[-: ]+([A-Za-z0-9+#]+)", names)
    return found.group(1) if found and found.group(1) not in ("source", "text", "default") else ""


def _list(element: Any, depth: int) -> list[str]:
    lines: list[str] = []
    start = element.get("start") or ""
    number = int(start) if start.isdigit() and len(start) < 7 else 1
    for child in element:
        tag = child.tag if isinstance(child.tag, str) else ""
        if not tag or tag in _SKIP:
            continue
        if tag in ("ul", "ol"):
            lines += ["    " + line for line in _list(child, depth + 1)]
            continue
        writer = _MarkdownWriter()
        if depth < MAX_DEPTH:
            _children(child, writer, depth + 1)
        else:
            writer.inline.append(" ".join(child.itertext()))
        writer.close()
        if not writer.blocks:
            continue
        mark = f"{number}. " if element.tag == "ol" else "- "
        number += 1
        first, *rest = "\n".join(writer.blocks).split("\n")
        lines.append(mark + first.lstrip("# ") if first[:1] == "#" else mark + first)
        lines += ["    " + line if line.strip() else line for line in rest]
    return lines


def _table(element: Any, writer: _MarkdownWriter, depth: int) -> None:
    rows = [row for row in element.iter("tr") if _owner(row) is element]
    cells = [[c for c in row if c.tag in ("td", "th")] for row in rows]
    nested = any(True for _ in element.iterdescendants("table"))
    # A table with another inside, or a single cell, lays out a page and holds no data.
    if nested or max((len(row) for row in cells), default=0) < 2:
        for cell in (cell for row in cells for cell in row):
            writer.close()
            _children(cell, writer, depth + 1)
        writer.close()
        return
    for caption in element.iterchildren("caption"):
        writer.blocks += [text for text in [_inline(_inside(caption, depth))] if text]
    grid = [
        [(_cell(c, depth), _span(c, "colspan"), _span(c, "rowspan")) for c in row] for row in cells
    ]
    table = pipe_table(filled(grid))
    if table:
        writer.blocks.append(table)


def _cell(cell: Any, depth: int) -> str:
    return _inside(cell, depth + 1).replace("\n", " ")


def _owner(row: Any) -> Any:
    parent = row.getparent()
    while parent is not None and parent.tag != "table":
        parent = parent.getparent()
    return parent


def _span(cell: Any, name: str) -> int:
    value = cell.get(name) or ""
    return int(value) if value.isdigit() and len(value) < 6 else 1


HTML = Reader("html", (kinds.HTML,), read_html, "2")
