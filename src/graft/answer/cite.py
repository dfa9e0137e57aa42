"""Cite: which characters of the documents bear out each sentence of an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graft.core.answer import Citation
from graft.core.document import Passage
from graft.core.errors import NotFound
from graft.measures.marks import masked
from graft.measures.sentences import sentences
from graft.measures.source import SourceText, read_source
from graft.measures.support import Evidence, find_evidence
from graft.measures.words import folded_words, has_meaning

CITED = 0.5
"""The match from which a sentence counts as said by its evidence."""


@dataclass(frozen=True)
class Cited:
    """What holds an answer up: citations, spans of sentences without one, and support.

    `support` is the mean support of its sentences, weighted by their words, in 0..1.
    """

    citations: tuple[Citation, ...] = ()
    unsupported: tuple[tuple[int, int], ...] = ()
    support: float = 0.0


@dataclass(frozen=True)
class Stretch:
    """A part of a document's text that evidence may be quoted from."""

    passage_id: str
    document_id: str
    start: int
    text: str
    source: SourceText


def cite(
    text: str,
    passages: Sequence[Passage],
    *,
    question: str = "",
    document: Callable[[str], str] | None = None,
) -> Cited:
    """Return the evidence of each sentence of an answer in the passages it was shown.

    `document` gives a document's text by id, or raises NotFound: with it, every quote is compared
    with the stored characters, and one that differs or went away bears nothing out. Derived
    passages are cited at the spans that they were made from, and without `document` not at all.
    The answer's own marks ("[1]") belong to no sentence.
    """
    stretches = [s for passage in passages for s in _stretches(passage, document)]
    citations: list[Citation] = []
    unsupported: list[tuple[int, int]] = []
    text = masked(text)
    total, size = 0.0, 0
    for start, end in _claims(text):
        length = sum(1 for _ in folded_words(text, start, end))
        found, stretch = _best(text[start:end], stretches, question)
        while stretch is not None and not _is_stored(found, stretch, document):
            # What is stored changed since it was shown; another passage may say the same.
            stretches = [other for other in stretches if other is not stretch]
            found, stretch = _best(text[start:end], stretches, question)
        if stretch is not None and found.match >= CITED:
            citations.append(_citation((start, end), found, stretch))
        else:
            unsupported.append((start, end))
        total += found.score * length
        size += length
    return Cited(tuple(citations), tuple(unsupported), total / size if size else 0.0)


def _claims(text: str) -> list[tuple[int, int]]:
    """The sentences that say something: a list's bare number or a last "The" does not."""
    worded = [span for span in sentences(text) if any(True for _ in folded_words(text, *span))]
    return [span for span in worded if has_meaning(text[slice(*span)])] or worded


def _best(
    sentence: str, stretches: Sequence[Stretch], question: str
) -> tuple[Evidence, Stretch | None]:
    best, where = Evidence(), None
    for stretch in stretches:
        found = find_evidence(sentence, stretch.source, question=question)
        if (found.score, found.match) > (best.score, best.match):
            best, where = found, stretch
    return best, where


def _stretches(passage: Passage, document: Callable[[str], str] | None) -> list[Stretch]:
    context = " ".join([passage.title, *passage.headings])
    # A later piece of a table has its header as its last heading.
    header = next((line for line in passage.headings[-1:] if " | " in line), "")
    if not passage.made_from:
        source = read_source(passage.text, context=context, header=header)
        return [Stretch(passage.id, passage.document_id, passage.start, passage.text, source)]
    if document is None:
        return []
    found = []
    for span in passage.made_from:
        text = _stored(document, span.document_id)[span.start : span.end]
        source = read_source(text, context=context, header=header)
        found.append(Stretch(passage.id, span.document_id, span.start, text, source))
    return found


def _is_stored(found: Evidence, stretch: Stretch, document: Callable[[str], str] | None) -> bool:
    if document is None or found.match < CITED:
        return True
    start, end = stretch.start + found.start, stretch.start + found.end
    quote = stretch.text[found.start : found.end]
    return _stored(document, stretch.document_id)[start:end] == quote


def _stored(document: Callable[[str], str], id: str) -> str:
    """A document's text, and none of one that was removed since it was shown."""
    try:
        return document(id)
    except NotFound:
        return ""


def _citation(span: tuple[int, int], found: Evidence, stretch: Stretch) -> Citation:
    return Citation(
        start=span[0],
        end=span[1],
        document_id=stretch.document_id,
        passage_id=stretch.passage_id,
        source_start=stretch.start + found.start,
        source_end=stretch.start + found.end,
        quote=stretch.text[found.start : found.end],
        support=found.score,
    )
