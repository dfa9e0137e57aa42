"""Example: the hinge. `examples` writes it; `tune` and `evaluate` read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from graft.core.document import Span
from graft.core.generation import Message

Split = Literal["train", "dev", "test-seen", "test-new"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test-seen", "test-new")

Kind = Literal["extractive", "free", "unanswerable", "conversation"]

OWNER_ALONE = ("",)
"""The `access` of what no one name may see whole: "" is nobody's name, and the owner sees all."""


@dataclass(frozen=True)
class Gold:
    """Where the evidence stands: a document as it was (`text_hash`), and its span if known.

    Gold is resolved to passages when it is used, so that cutting documents anew breaks nothing.
    `grade` says how relevant it is, as qrels do: 1 or more.
    """

    document_id: str
    text_hash: str = ""
    start: int | None = None
    end: int | None = None
    grade: int = 1

    @property
    def span(self) -> Span | None:
        """Where in the document it stands; None for the whole of it."""
        if self.start is None or self.end is None:
            return None
        return Span(self.document_id, self.start, self.end)


@dataclass(frozen=True)
class Example:
    """A question with its accepted answers and its evidence.

    `answers` is empty for an unanswerable question and for one that only retrieval is judged on;
    `rejected` are answers that must not be preferred to these. `group` is the unit that splits and
    bootstraps keep whole: the document, or a cluster of near-duplicate documents. `origin` names
    where it came from ("made", or a file's name). `access` names those who may see every document
    it was made from; empty means everyone. `metadata` is what else its source says of it.
    """

    id: str
    question: str
    answers: tuple[str, ...] = ()
    gold: tuple[Gold, ...] = ()
    kind: Kind = "extractive"
    origin: str = ""
    split: Split = "train"
    group: str = ""
    messages: tuple[Message, ...] = ()
    rejected: tuple[str, ...] = ()
    access: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def answerable(self) -> bool:
        """Whether the documents hold an answer to it."""
        return self.kind != "unanswerable"

    @property
    def grades(self) -> dict[str, int]:
        """How relevant each gold document is, by its best gold: qrels of documents.

        >>> Example("q", "?", gold=(Gold("a"), Gold("b"), Gold("a", grade=3))).grades
        {'a': 3, 'b': 1}
        """
        found: dict[str, int] = {}
        for gold in self.gold:
            found[gold.document_id] = max(gold.grade, found.get(gold.document_id, 0))
        return found


def on_gold(spans: Iterable[Span], gold: Iterable[Gold]) -> bool:
    """Whether any of the spans lies on any of the gold: the one test of what counts as evidence.

    Gold without a span is the whole document; one with a span is met by a character in common.
    What is derived from spans (a summary) lies where these do: see `Passage.spans`.

    >>> on_gold([Span("a", 0, 5)], [Gold("a", start=4, end=9)])
    True
    >>> on_gold([Span("a", 0, 5), Span("b", 0, 5)], [Gold("a", start=5, end=9)])
    False
    """
    held = list(spans)
    return any(_meets(span, item) for item in gold for span in held)


def _meets(span: Span, gold: Gold) -> bool:
    place = gold.span
    if span.document_id != gold.document_id or place is None:
        return span.document_id == gold.document_id
    return span.start < place.end and place.start < span.end
