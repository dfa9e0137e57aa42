"""Passages: spans of a document that are indexed, retrieved and cited."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from graft.core.document import Document, Passage, passage_id
from graft.core.errors import ConfigError
from graft.core.protocols import Tokenizer
from graft.core.space import Segmentation
from graft.library.segment.blocks import blocks
from graft.library.segment.counts import Counts
from graft.library.segment.header import Headers, HeadingPath
from graft.library.segment.pack import pack
from graft.library.segment.pieces import PART_WORDS, Piece, cut, pieces
from graft.library.segment.sections import Section, merge_small, sections

SPECIAL_TOKENS = 2
"""What an encoder puts around a text, such as [CLS] and [SEP]."""

SMALLEST = 16
"""Tokens that a passage must be allowed to have."""

SLACK = 8
"""A passage this near to its limit is counted anew as it will be indexed: with most tokenizers a
text's first word may take other tokens than in its place."""


def segment(
    document: Document, segmentation: Segmentation, tokenizer: Tokenizer
) -> Iterator[Passage]:
    """Yield the passages of a document, in order: `document.text[start:end] == passage.text`.

    Every visible character is in a passage, and without overlap in one alone. Title, headings,
    text and two special tokens take at most `segmentation.max_tokens`; where title and headings
    would take more than a third, the outer headings go first, then the ends of the rest. A word
    is cut only when it is longer than a passage. "whole" gives one passage of any length. A
    document without visible text has none. Raises ConfigError for limits that cannot be kept.

    >>> from graft.models.tokenizer import load_tokenizer
    >>> document = Document("d", "# Leave\\n\\nFive days carry over.\\n")
    >>> [p.text for p in segment(document, Segmentation(), load_tokenizer("words"))]
    ['# Leave\\n\\nFive days carry over.']
    """
    _check(segmentation)
    text = document.text
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    if start >= end:
        return
    make = _Maker(document, segmentation.id)
    if segmentation.method == "whole":
        yield make.passage(start, end, document.title, ())
        return
    cutter = _Cutter(make, segmentation, tokenizer)
    found = sections(blocks(text, document.media_type))
    small = segmentation.min_tokens
    for section in merge_small(found, cutter.counts, small, room=cutter.room):
        yield from cutter.passages(section)


def _check(segmentation: Segmentation) -> None:
    longest, overlap = segmentation.max_tokens, segmentation.overlap
    if longest < SMALLEST:
        raise ConfigError(f"segment.max_tokens is {longest}: give at least {SMALLEST}")
    if not 0 <= overlap <= longest // 3:
        raise ConfigError(
            f"segment.overlap is {overlap} and may be at most a third of segment.max_tokens "
            f"({longest}): lower it"
        )


class _Maker:
    """Makes the passages of one document."""

    def __init__(self, document: Document, segmentation: str) -> None:
        self.document = document
        self.segmentation = segmentation
        self._hash = document.text_hash

    def passage(self, start: int, end: int, title: str, headings: HeadingPath) -> Passage:
        document = self.document
        return Passage(
            id=passage_id(document.id, self._hash, (start, end), self.segmentation),
            document_id=document.id,
            start=start,
            end=end,
            text=document.text[start:end],
            segmentation=self.segmentation,
            title=title,
            headings=headings,
            page=max(bisect_right(document.pages, start), 1) if document.pages else None,
        )


class _Cutter:
    """Cuts sections of one document into passages."""

    def __init__(self, make: _Maker, segmentation: Segmentation, tokenizer: Tokenizer) -> None:
        self.make = make
        self.text = make.document.text
        self.limit = segmentation.max_tokens - SPECIAL_TOKENS
        self.overlap = segmentation.overlap
        self.tokenizer = tokenizer
        self.counts = Counts(self.text, tokenizer)
        self.headers = Headers(make.document.title, tokenizer, self.limit // 3)

    def room(self, path: HeadingPath, table: str = "") -> int:
        """Return the tokens that a passage under these headings has for its text."""
        return self.limit - self.headers.size(*self.headers.fit(path, table))

    def passages(self, section: Section) -> Iterator[Passage]:
        start, end = section.span
        room = self.room(section.path)
        if self.counts.size(start, end) <= room:
            yield from self._fitting(start, end, section.path)
            return
        found = pieces(self.text, section.blocks, self.counts, room - self.overlap)
        rooms = {table: self.room(section.path, table) for table in {p.header for p in found}}
        ranges = pack(
            found, self.counts, lambda i: rooms[found[i].header] - (self.overlap if i else 0)
        )
        for n, (first, last) in enumerate(ranges):
            begin = self._repeated(found, first, ranges[n - 1][0] + 1) if n else first
            span = (found[begin].start, found[last - 1].end)
            yield from self._fitting(*span, section.path, found[begin].header)

    def _repeated(self, found: list[Piece], first: int, least: int) -> int:
        """Return where the whole sentences begin that the overlap repeats before `first`."""
        begin = first
        for i in range(first - 1, least - 1, -1):
            if self.counts.size(found[i].start, found[first - 1].end) > self.overlap:
                break
            if found[i].penalty != PART_WORDS:
                begin = i
        return begin

    def _fitting(
        self, start: int, end: int, path: HeadingPath, table: str = ""
    ) -> Iterator[Passage]:
        """Yield one passage, or several when counting it as indexed shows that it is too long."""
        size = self.counts.size(start, end)
        if table and size > self.room(path, table):
            table = ""
        passage = self.make.passage(start, end, *self.headers.fit(path, table))
        in_word = not (self._space(start - 1) and self._space(end))
        if in_word or size > self.room(path, table) - SLACK:
            excess = len(self.tokenizer.offsets(passage.indexed_text)) - self.limit
            if excess > 0 and end - start > 1:
                for part in self._shorter((start, end), size - excess):
                    yield from self._fitting(*part, path, table)
                return
        yield passage

    def _shorter(self, span: tuple[int, int], size: int) -> list[tuple[int, int]]:
        parts = cut(self.text, span, self.counts, max(size, 1))
        if len(parts) > 1:
            return parts
        middle = (span[0] + span[1]) // 2
        return [(span[0], middle), (middle, span[1])]

    def _space(self, place: int) -> bool:
        return not 0 <= place < len(self.text) or self.text[place].isspace()
