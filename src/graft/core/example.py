"""Example: the hinge. `examples` writes it; `tune` and `evaluate` read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graft.core.generation import Message

Split = Literal["train", "dev", "test-seen", "test-new"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test-seen", "test-new")

Kind = Literal["extractive", "free", "unanswerable", "conversation"]


@dataclass(frozen=True)
class Gold:
    """Where the evidence stands: a document as it was (`text_hash`), and its span if known.

    Gold is resolved to passages when it is used, so that cutting documents anew breaks nothing.
    """

    document_id: str
    text_hash: str = ""
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True)
class Example:
    """A question with its accepted answers and its evidence.

    `answers` is empty for an unanswerable question and for one that only retrieval is judged on.
    `group` is the unit that splits and bootstraps keep whole: the document, or a cluster of
    near-duplicate documents. `origin` names where it came from ("made", or a file's name).
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

    @property
    def answerable(self) -> bool:
        """Whether the documents hold an answer to it."""
        return self.kind != "unanswerable"
