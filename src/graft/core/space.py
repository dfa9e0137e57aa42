"""Space: how documents are searched: a segmentation and one encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graft.core.hashing import value_hash

Dtype = Literal["float32", "bfloat16"]
"""The numbers that encoders and rerankers compute in."""

Coded = Literal["auto", "float32", "int8", "binary"]
"""What of a large space's vectors is compared first; "auto" is the shortest that finds enough."""


CODED_FROM = 50_000
"""Passages from which codes are compared first, where no setting says another number."""


@dataclass(frozen=True)
class Segmentation:
    """How documents are cut into passages, whatever encoder reads them.

    `method` "structure" follows headings, paragraphs, lists, tables, code and sentences;
    "whole" makes one passage a document. Limits are in `tokenizer`'s tokens and count the title
    and headings that are indexed with the text; `overlap` repeats sentences of the passage before.
    """

    method: Literal["structure", "whole"] = "structure"
    tokenizer: str = "starter"
    max_tokens: int = 250
    min_tokens: int = 40
    overlap: int = 0

    @property
    def id(self) -> str:
        """The hash that passage ids carry."""
        return value_hash(vars(self))[:12]


@dataclass(frozen=True)
class Space:
    """A segmentation and one encoder; its vectors live in a table of their own.

    `dimensions` and `encoder_digest` describe every vector in it.
    """

    segmentation: str
    encoder: str
    encoder_digest: str
    dimensions: int
    kind: Literal["dense"] = "dense"

    @property
    def id(self) -> str:
        """A short name made of the segmentation and the encoder's digest."""
        return f"{self.segmentation}-{self.encoder_digest[:12]}"
