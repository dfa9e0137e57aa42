"""Extracted: what a reader gives for one text, and Blob: what it is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graft.core.errors import DocumentError
from graft.library.clean import clean_text, join_pages


@dataclass(frozen=True)
class Blob:
    """A file's name and bytes; `limit` is the most bytes that it may unpack to in memory."""

    name: str
    data: bytes = field(repr=False)
    limit: int = 512 << 20


@dataclass(frozen=True)
class Extracted:
    """One text of a file: Markdown-like where the source has structure.

    `suffix_id` tells the texts of one file apart ("" when it has one). `pages` holds the offset
    at which each page starts. `access` lists the principals that the source itself names.
    `left_out` counts by kind (plural words: "images", "comments", "hidden lines") what the file
    holds and the text does not.
    """

    suffix_id: str
    text: str = field(repr=False)
    title: str = ""
    media_type: str = ""
    pages: tuple[int, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    access: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)


def joined(parts: Iterable[str], title: str = "", **metadata: str) -> Extracted:
    """Return an Extracted of clean blocks with a blank line between them."""
    text = "\n\n".join(part for part in map(clean_text, parts) if part.strip())
    return Extracted("", text, title, metadata={k: v for k, v in metadata.items() if v})


def paged(pages: Sequence[str], title: str = "", **metadata: str) -> Extracted:
    """Return an Extracted of clean pages, and where each starts.

    >>> paged(["One.", "", "Three."]).pages
    (0, 6, 6)
    """
    text, offsets = join_pages(pages)
    kept = {k: v for k, v in metadata.items() if v}
    return Extracted("", text, title, pages=offsets, metadata=kept)


def access_of(value: Any) -> tuple[str, ...]:
    """Return the principals that an `access` field names; none means everyone.

    Raises DocumentError for anything but a name or a list of names: an access list that cannot
    be understood must not make its document public.

    >>> access_of(["sales", "legal"])
    ('sales', 'legal')
    """
    if value is None:
        return ()
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(n, str) and n.strip() for n in names):
        raise DocumentError(
            f"its access list is {value!r}, and a list of names was expected: "
            'write it as "access": ["name", ...]'
        )
    return tuple(name.strip() for name in names)
