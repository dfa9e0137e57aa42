"""Answer: text, citations as spans on both sides, and what is needed to replay it."""

from __future__ import annotations

from dataclasses import dataclass, field

from graft.core.search import Hit


@dataclass(frozen=True)
class Citation:
    """`answer.text[start:end]` is supported by `document.text[source_start:source_end]`.

    `quote` is exactly those characters of the document; `support` is in 0..1.
    """

    start: int
    end: int
    document_id: str
    passage_id: str
    source_start: int
    source_end: int
    quote: str
    support: float = 1.0


@dataclass(frozen=True)
class Answer:
    """What a question got: a cited text, or a decline that says what was looked for.

    `support` is the mean support of its sentences, weighted by their words, in 0..1: one
    unsupported sentence is marked, not a reason to decline. `unsupported` holds the answer spans
    of sentences without a citation. A remote generator's answers are not `replayable`.
    """

    question: str
    text: str
    declined: bool = False
    citations: tuple[Citation, ...] = ()
    unsupported: tuple[tuple[int, int], ...] = ()
    support: float = 0.0
    hits: tuple[Hit, ...] = ()
    prompt_ids: tuple[int, ...] = field(default=(), repr=False)
    seed: int = 0
    release: str = ""
    library_version: int = 0
    finish_reason: str = "stop"
    replayable: bool = True
    error: str = ""
