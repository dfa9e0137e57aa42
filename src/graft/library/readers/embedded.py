"""Embedded files: `data:` addresses, which hold the bytes of an image or another file as text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

ADDRESS = re.compile(
    r"data:[\w.+*-]*/?[\w.+*-]*(?:;[\w.+-]+(?:=[\w.+-]+)?){0,9};base64,[A-Za-z0-9+/=_%-]{64,}",
    re.IGNORECASE,
)
"""One that stands in the text by itself: bytes that nobody reads, not an example of the form."""

_ATTRIBUTE = re.compile(
    r"\b(?:src|href|srcset|poster|data)\s*=\s*[\"']?\s*(data:[^\s\"',;>]{0,100})", re.IGNORECASE
)
_ATTRIBUTES = ("src", "href", "srcset", "poster", "data", "{http://www.w3.org/1999/xlink}href")
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})")


def is_embedded(target: str) -> bool:
    """Return whether a link's target is itself the file.

    >>> is_embedded("data:image/png;base64,iVBO"), is_embedded("a/data:b")
    (True, False)
    """
    return target[:200].lstrip("<( \t\n").lower().startswith("data:")


def kind_of(target: str) -> str:
    """Return what an embedded file is counted as.

    >>> kind_of("data:image/png;base64,iVBO"), kind_of("data:text/csv,a")
    ('images', 'embedded files')
    """
    start = target[:200].lstrip("<( \t\n").lower()
    return "images" if start.startswith("data:image/") else "embedded files"


def embedded_in_tag(tag: str) -> Iterator[str]:
    """Yield the kind of every embedded file that the attributes of one HTML tag hold."""
    if "data:" in tag.lower():
        yield from map(kind_of, _ATTRIBUTE.findall(tag))


def embedded_in_tree(root: Any) -> Counter[str]:
    """Return the kinds of embedded files under an element of HTML, those in its text too."""
    found: Counter[str] = Counter()
    for element in root.iter():
        if isinstance(element.tag, str):
            values = [element.get(name) or "" for name in _ATTRIBUTES]
            found.update(kind_of(value) for value in values if is_embedded(value))
    for text in root.itertext():
        if "base64," in text:
            found.update(map(kind_of, ADDRESS.findall(text)))
    return found


def without_addresses(text: str) -> str:
    """Return Markdown without embedded files that stand in it by themselves; fences stay.

    >>> without_addresses("See data:image/png;base64," + "iVBO" * 40 + " here.")
    'See  here.'
    """
    if "base64," not in text:
        return text
    kept, fence = [], ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            fence = "" if mark and mark[1].startswith(fence) else fence
        elif mark:
            fence = mark[1]
        plain = not fence and not mark
        kept.append(ADDRESS.sub("", line) if plain else line)
    return "\n".join(kept)
