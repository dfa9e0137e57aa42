"""Shared: which other documents hold the evidence of an example, wholly or nearly.

A question on a paragraph that stands in two documents is answered by either, so a split must not
put one into training and the other into the test, however different the rest of them is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft.core.document import Document
from graft.core.example import Example, Gold
from graft.examples.sentences import window
from graft.measures.similarity import Hashes, plain_words, shingle_hashes
from graft.measures.words import content

CONTAINED = 0.8
"""Share of a paragraph's runs of three words from which a text holds it.

One other word takes three of them: a paragraph of n words may have (n - 2) / 15 other ones."""

FEWEST = 6
"""Runs of three words, which are eight words, below which a paragraph says too little to tell by.
"See below." stands everywhere."""

LONGEST = 160
"""Words of a paragraph beyond which the sentences of the evidence, and those around, stand for it.
"""

_BREAK = re.compile(r"\n[ \t]*\n\s*")


@dataclass(frozen=True)
class Evidence:
    """Paragraphs that examples rest on: the document of each, and the hashes of its shingles."""

    documents: Sequence[str]
    hashes: Sequence[Hashes]


def evidence_of(examples: Iterable[Example], documents: Mapping[str, Document]) -> Evidence:
    """Return the paragraphs that the gold of examples stands in, as `documents` have them now.

    Of gold with a span it is the paragraph of that, or where it is long its sentences; of a whole
    document all of its text, and the paragraph that has most of the question's and answers' words.
    Gold of a document that is not there, or changed since, has only what its whole text says.
    """
    found: dict[tuple[str, int, int], None] = {}
    for example in examples:
        for gold in example.gold:
            if document := documents.get(gold.document_id):
                spans = _spans(example, gold, document)
                found.update(dict.fromkeys((document.id, *span) for span in spans))
    told = [
        (id, shingle_hashes(plain_words(documents[id].text[start:end]))) for id, start, end in found
    ]
    told = [(id, hashes) for id, hashes in told if len(hashes) >= FEWEST]
    return Evidence([id for id, _ in told], [hashes for _, hashes in told])


def sharing(evidence: Evidence, texts: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield (document of a paragraph, other document that holds it), going through texts once.

    It takes the time of reading them: what is looked for is sorted, and never compared pairwise.
    """
    if not evidence.documents:
        return
    owners = np.repeat(np.arange(len(evidence.hashes)), [len(h) for h in evidence.hashes])
    hashes = np.concatenate(evidence.hashes)
    order = np.argsort(hashes, kind="stable")
    hashes, owners = hashes[order], owners[order]
    needed = CONTAINED * np.array([len(h) for h in evidence.hashes]) - 1e-9
    for id, text in texts:
        there = _counts(shingle_hashes(plain_words(text)), hashes, owners, len(needed))
        for owner in np.flatnonzero(there >= needed).tolist():
            if evidence.documents[owner] != id:
                yield evidence.documents[owner], id


def _counts(text: Hashes, hashes: Hashes, owners: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """Return how many hashes of each paragraph a text has; `hashes` are sorted."""
    first, last = np.searchsorted(hashes, text), np.searchsorted(hashes, text, side="right")
    held = np.flatnonzero(first < last)
    places = [np.arange(first[i], last[i]) for i in held.tolist()]
    found = owners[np.concatenate(places)] if places else owners[:0]
    return np.bincount(found, minlength=size)


def _spans(example: Example, gold: Gold, document: Document) -> list[tuple[int, int]]:
    text = document.text
    same = not gold.text_hash or gold.text_hash == document.text_hash
    if gold.start is not None and gold.end is not None and same:
        return _around(text, gold.start, gold.end)
    asked = content(" ".join([example.question, *example.answers]))
    best = max(_paragraphs(text), key=lambda span: len(asked & content(text[slice(*span)])))
    return [(0, len(text)), best]


def _around(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return the paragraphs that a span lies in; where they are long, its own sentences, and as
    many around them as make a paragraph."""
    inside = [(a, b) for a, b in _paragraphs(text) if a < end and start < b]
    if not inside:
        return [(start, end)]
    first, last = inside[0][0], inside[-1][1]
    if len(text[first:last].split()) <= LONGEST:
        return [(first, last)]
    part = text[first:last], start - first, end - first
    spans = [window(*part, words=words) for words in (1, LONGEST)]
    return [(first + left, first + right) for left, right in spans]


def _paragraphs(text: str) -> list[tuple[int, int]]:
    """Return where the paragraphs of a text stand: what blank lines part."""
    ends = [match.span() for match in _BREAK.finditer(text)]
    starts = [0, *(end for _, end in ends)]
    return list(zip(starts, [*(start for start, _ in ends), len(text)], strict=True))
