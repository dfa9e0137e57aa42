"""EPUB books: the chapters in reading order."""

from __future__ import annotations

import posixpath
from typing import Any
from urllib.parse import unquote

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.encodings import declared_charset, decode
from graft.library.readers.archives import Archive, attribute, local, open_archive
from graft.library.readers.extracted import Blob, Extracted, joined
from graft.library.readers.html import markdown_of, parse_html
from graft.library.readers.reader import Reader


def read_epub(blob: Blob) -> list[Extracted]:
    """Return a book's chapters, without its table of contents.

    Raises DocumentError for a book with copy protection, or without chapters.
    """
    with open_archive(blob) as archive:
        if "META-INF/rights.xml" in archive.names or "META-INF/encryption.xml" in archive.names:
            _refuse_protected(archive)
        package = next(
            (
                attribute(e, "full-path")
                for e in archive.xml("META-INF/container.xml").iter()
                if local(e) == "rootfile"
            ),
            "",
        )
        root = archive.xml(package)
        chapters = [_chapter(archive, path) for path in _spine(root, package, archive)]
    values = {local(e): " ".join((e.text or "").split()) for e in reversed(list(root.iter()))}
    if not any(chapters):
        raise DocumentError("the book has no chapters with text: check that it is whole")
    return [
        joined(
            chapters,
            values.get("title", ""),
            author=values.get("creator", ""),
            language=values.get("language", ""),
        )
    ]


def _refuse_protected(archive: Archive) -> None:
    if "META-INF/encryption.xml" in archive.names:
        targets = [attribute(e, "URI") for e in archive.xml("META-INF/encryption.xml").iter()]
        # Fonts are often obfuscated in free books; chapters are encrypted in protected ones.
        if not any(t.lower().endswith((".xhtml", ".html", ".htm", ".xml")) for t in targets):
            return
    raise DocumentError("the book has copy protection (DRM): ingest a copy without it")


def _spine(root: Any, package: str, archive: Archive) -> list[str]:
    folder = posixpath.dirname(package)
    items: dict[str, str] = {}
    for element in root.iter():
        if local(element) == "item" and "nav" not in attribute(element, "properties").split():
            path = posixpath.normpath(posixpath.join(folder, unquote(attribute(element, "href"))))
            items[attribute(element, "id")] = path
    order = [attribute(e, "idref") for e in root.iter() if local(e) == "itemref"]
    return [items[name] for name in order if items.get(name) in archive.names]


def _chapter(archive: Archive, path: str) -> str:
    if path.lower().endswith((".svg", ".png", ".jpg", ".jpeg", ".gif")):
        return ""
    data = archive.read(path)
    if not data.strip():
        return ""
    tree = parse_html(decode(data, declared_charset(data)))
    body = tree.find(".//body")
    return markdown_of(tree if body is None else body)


EPUB = Reader("epub", (kinds.EPUB,), read_epub)
