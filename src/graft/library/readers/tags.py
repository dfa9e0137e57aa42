"""Tags: what HTML inside Markdown leaves behind for a reader, tag by tag and block by block."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from html import unescape

from graft.library.readers.embedded import embedded_in_tag
from graft.library.readers.html import table_markdown
from graft.library.readers.spans import replace_spans
from graft.library.readers.vocabulary import vocabulary

_VOID = vocabulary("br hr wbr img input")
_OPEN = vocabulary("p li dt dd tr td th thead tbody tfoot option colgroup")
_BLOCK = vocabulary(
    "address article aside blockquote body caption center dd details dialog div dl dt fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html legend li main menu nav ol "
    "optgroup option p search section summary table tbody td tfoot th thead title tr ul"
)
_INLINE = vocabulary(
    "a abbr area audio b base basefont bdi bdo big br button canvas cite code col colgroup data "
    "datalist del dfn em embed font g i iframe img input ins kbd label link map mark meta meter "
    "noscript object output param path picture pre progress q rp rt ruby s samp select small "
    "source span strike strong style script sub sup svg template textarea time track tt u var "
    "video wbr"
)
_KNOWN = _BLOCK | _INLINE
DEEPEST = 100
"""Elements in each other up to which a block is given to the parser of HTML, which drops more."""

_COMMENT = re.compile(r"<!--")
_SILENT = re.compile(r"<(script|style|svg)\b(?:\"[^\"]*\"|'[^']*'|[^<>\"'])*>", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!doctype[^<>]*>", re.IGNORECASE)
_STRUCTURE = re.compile(r"<(table|pre|ul|ol|dl|h[1-6])\b", re.IGNORECASE)
TAG = re.compile(r"<(/?)([A-Za-z][\w:.-]*)((?:\s|/)(?:\"[^\"]*\"|'[^']*'|[^<>\"'])*+)?>")
NAMED = re.compile(r"""\b(?:title|label|text)=["']([^"'<>]{1,300})["']""")
_ASSIGNED = re.compile(r"[\w:.@-]+\s*=\s*[\"'{]")
_ALT = re.compile(r"""\balt\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_NUMBER = re.compile(r"\s*[+\-−–]?\d+\s*</sup>", re.IGNORECASE)


def tag_text(found: re.Match[str], closed: frozenset[str], *, one_line: bool) -> str | None:
    """Return what stands for a tag in the text; None when it is no tag but a word in brackets.

    `<name>` is a word, as is an HTML element that is opened alone and closed nowhere (`closed`
    are the names that are); with `one_line` a line break is a space, as in a cell.

    >>> tag_text(TAG.match("<br>"), frozenset(), one_line=True)
    ' '
    >>> tag_text(TAG.match("<String>"), frozenset(), one_line=True)
    """
    name, attributes = found[2].lower(), found[3] or ""
    if name not in _KNOWN:
        return "" if _ASSIGNED.search(attributes) else None
    if not (found[1] or attributes.strip(" /") or name in _VOID | _OPEN or name in closed):
        return None
    if name == "br":
        return " " if one_line else "\n"
    if name == "img":
        return _alternative(attributes)
    if name == "input" and "checkbox" in attributes.lower():
        return "[x] " if "checked" in attributes.lower().replace("checkbox", "") else "[ ] "
    if name == "sup" and not found[1]:
        if _NUMBER.match(found.string, found.end()):
            return "^"
        following = found.string[found.end() : found.end() + 1]
        return "" if following.isalpha() else " "
    if name in _BLOCK:
        return " " if one_line or name in ("td", "th") else "\n"
    return ""


def html_text(html: str, left_out: Counter[str], inline: Callable[[str], str]) -> str:
    """Return a block of HTML inside Markdown as text: tables, lists and code as Markdown.

    `inline` reads what holds none of these, tags and all.
    """
    left_out["comments"] += len(_COMMENT.findall(html))
    html = replace_spans(html, _COMMENT, lambda m: "-->", lambda m, inside: "")
    left_out["images"] += html.lower().count("</svg>")
    html = replace_spans(html, _SILENT, lambda m: f"</{m[1]}>", lambda m, inside: "")
    html = _DOCTYPE.sub("", html)
    lower = html.lower()
    closed = any(f"</{name.lower()}" in lower for name in set(_STRUCTURE.findall(html)))
    if closed and _depth(html) < DEEPEST:
        for tag in TAG.finditer(html):
            left_out.update(embedded_in_tag(tag[0]))
        return table_markdown(html)
    lines = [line.strip() for line in inline(html).split("\n")]
    return re.sub(r"\n{2,}", "\n", "\n".join(lines)).strip("\n")


def _depth(html: str) -> int:
    """Return how deep elements stand in each other, those aside whose end may be left out."""
    depth = deepest = 0
    for tag in TAG.finditer(html):
        if tag[2].lower() not in _VOID | _OPEN and not (tag[3] or "").endswith("/"):
            depth += -1 if tag[1] else 1
            deepest = max(deepest, depth)
    return deepest


def _alternative(attributes: str) -> str:
    found = _ALT.search(attributes)
    alternative = unescape((found[1] or found[2] or "") if found else "").strip()
    # A word or two is decoration, as in the reader of HTML.
    return f" {alternative} " if len(alternative.split()) > 3 else ""
