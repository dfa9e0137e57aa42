"""PowerPoint 97-2003 presentations (ppt): the text records of [MS-PPT]."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.readers.extracted import Blob, Extracted, paged
from graft.library.readers.ole import open_ole, stream
from graft.library.readers.reader import Reader

_DOCUMENT, _SLIDE, _SLIDE_LIST, _PERSIST = 0x03E8, 0x03EE, 0x0FF0, 0x03F3
_HEADER, _WIDE, _NARROW, _OUTLINE = 0x0F9F, 0x0FA0, 0x0FA8, 0x0F9E
_TITLES = (0, 6)
_BODY = 1
MAX_DEPTH = 30

Text = tuple[int, str]
"""A text and what it is: 0 and 6 titles, 1 body, others free text."""


def read_powerpoint97(blob: Blob) -> list[Extracted]:
    """Return the slides' texts, each slide a page. Raises DocumentError for a damaged file."""
    with open_ole(blob) as container:
        if container.exists("EncryptedSummary") or container.exists("EncryptedSummaryInformation"):
            raise DocumentError("the file is encrypted: save a copy without the password")
        data = stream(container, "PowerPoint Document")
        outline = [t for kind, body in _records(data) if kind == _DOCUMENT for t in _outlines(body)]
        slides = [list(_slide(body)) for kind, body in _records(data) if kind == _SLIDE]
        pages = []
        for index in range(max(len(outline), len(slides))):
            own = slides[index] if index < len(slides) else []
            listed = outline[index] if index < len(outline) else []
            # A placeholder's text may stand in both places.
            twice = Counter(listed) & Counter(own)
            pages.append(_page([*listed, *(Counter(own) - twice).elements()]))
    return [paged(pages)]


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    for _, kind, body in _headed(data):
        yield kind, body


def _headed(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    position = 0
    while position + 8 <= len(data):
        version, kind, length = struct.unpack_from("<HHI", data, position)
        yield version, kind, data[position + 8 : position + 8 + length]
        position += 8 + length


def _outlines(document: bytes) -> Iterator[list[Text]]:
    """Yield the placeholder texts of each slide; lists of masters and notes have other numbers."""
    for version, kind, body in _headed(document):
        if kind == _SLIDE_LIST and version >> 4 == 0:
            texts: list[Text] | None = None
            part = 4
            for inner, content in _records(body):
                if inner == _PERSIST:
                    if texts is not None:
                        yield texts
                    texts = []
                elif inner == _HEADER and len(content) >= 4:
                    part = struct.unpack_from("<I", content)[0]
                elif inner in (_WIDE, _NARROW) and texts is not None:
                    texts.append((part, _decoded(inner, content)))
            if texts is not None:
                yield texts


def _slide(data: bytes, depth: int = 0) -> Iterator[Text]:
    part = 4
    for version, kind, body in _headed(data):
        if kind == _HEADER and len(body) >= 4:
            part = struct.unpack_from("<I", body)[0]
        elif kind in (_WIDE, _NARROW):
            yield part, _decoded(kind, body)
        elif version & 0xF == 0xF and depth < MAX_DEPTH:
            yield from _slide(body, depth + 1)


def _decoded(kind: int, body: bytes) -> str:
    return body.decode("utf-16-le" if kind == _WIDE else "latin-1", "replace")


def _page(texts: list[Text]) -> str:
    blocks: list[str] = []
    for part, text in texts:
        lines = [line.strip() for line in text.replace("\x0b", " ").split("\r") if line.strip()]
        if part in _TITLES and lines:
            blocks.insert(0, "# " + " ".join(lines))
        elif part == _BODY and len(lines) > 1:
            blocks.append("\n".join(f"- {line}" for line in lines))
        elif lines and lines != ["*"]:
            blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


POWERPOINT97 = Reader("powerpoint97", (kinds.PPT,), read_powerpoint97)
