"""Document and Passage: what is stored, and what is indexed, retrieved and cited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from graft.core.hashing import text_hash


@dataclass(frozen=True)
class Document:
    """One source text.

    `id` is the path relative to its source in POSIX form (a BEIR id is kept as it is). `text` is
    the cleaned text that every span counts in, in Python code points. `access` lists the
    principals that may see it; empty means everyone. `pages` holds the offset at which each page
    starts (empty when the source has no pages); `source` is the root it was ingested from.
    `fingerprint` is the hash of the source's bytes and reader version: equal means unchanged.
    """

    id: str
    text: str
    title: str = ""
    media_type: str = "text/plain"
    uri: str = ""
    source: str = ""
    fingerprint: str = ""
    access: tuple[str, ...] = ()
    pages: tuple[int, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def text_hash(self) -> str:
        """The hash of the text, which gold and passage ids refer to."""
        return text_hash(self.text)


@dataclass(frozen=True)
class Span:
    """A half-open range `[start, end)` of code points in one document's text."""

    document_id: str
    start: int
    end: int


@dataclass(frozen=True)
class Passage:
    """A half-open character span of one Document: `document.text[start:end] == text`.

    `headings` is the path of headings above it, outermost first; `page` is 1-based. A derived
    passage (a summary) carries in `made_from` the spans it was made from; citations go there.
    """

    id: str
    document_id: str
    start: int
    end: int
    text: str
    segmentation: str
    title: str = ""
    headings: tuple[str, ...] = ()
    page: int | None = None
    made_from: tuple[Span, ...] = ()

    @property
    def spans(self) -> tuple[Span, ...]:
        """Where what it says stands in documents: its own place, or what it was made from."""
        return self.made_from or (Span(self.document_id, self.start, self.end),)

    @property
    def indexed_text(self) -> str:
        """What the encoder and the full-text index see: title, headings and text in one line.

        A heading that repeats the title is left out.

        >>> Passage("p", "d", 0, 2, "Hi", "s", title="T", headings=("T", "Two")).indexed_text
        'T Two Hi'
        """
        parts = [self.title] if self.title else []
        parts += [h for h in self.headings if h != self.title]
        return " ".join([*parts, self.text])


def passage_id(document_id: str, document_hash: str, span: tuple[int, int], segments: str) -> str:
    """Return the id of a passage: a hash of document, its text hash, span and segmentation."""
    return text_hash(f"{document_id}\x1f{document_hash}\x1f{span[0]}\x1f{span[1]}\x1f{segments}")
