"""Search: one question on its way through retrieval, and the Hits it collects."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from graft.core.document import Passage
from graft.core.errors import InputError
from graft.core.where import Where


@dataclass(frozen=True)
class Filter:
    """Which documents a search may return; an empty filter lets all through.

    `document_ids` names them; `under` is a prefix of the document id (a folder); `media_type` is
    exact; `metadata` holds pairs that must all be equal; `where` is a condition on its fields.
    """

    document_ids: frozenset[str] | None = None
    under: str = ""
    media_type: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    where: Where | None = None


@dataclass(frozen=True)
class Contribution:
    """What one stage gave a hit: its 1-based rank there and its score there."""

    rank: int
    score: float


@dataclass(frozen=True)
class Hit:
    """One retrieved passage: higher `score` is better; `stages` says who found it.

    Leaves know ids alone; `passage` is filled by the stage that first needs its text.
    """

    passage_id: str
    document_id: str
    score: float
    stages: Mapping[str, Contribution] = field(default_factory=dict)
    passage: Passage | None = None


@dataclass(frozen=True)
class Variant:
    """A further text to search for beside a query.

    `kind` says what it reads like: an encoder takes a "question" as it takes queries, and a
    "passage" (a made-up answer: Gao et al., ACL 2023) as it takes passages. `leaves` names those
    that search for it; empty is all. `weight` is what it counts in the fusion within a leaf, where
    the query itself counts 1; with 0 it is not searched for. Raises InputError for a weight that
    is negative or no number.
    """

    text: str
    kind: Literal["question", "passage"] = "question"
    leaves: tuple[str, ...] = ()
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise InputError(
                f"a variant's weight is {self.weight}: give a number that is not negative"
            )


@dataclass(frozen=True)
class Search:
    """One question on its way through retrieval; stages return changed copies.

    `variants` are further texts that leaves also search for. `standalone` is the question as it
    reads without what was said before it, where a stage has written it so. `principals` is who is
    asking: None is the workspace's owner, who sees everything; a set, even an empty one, sees
    documents whose `access` is empty or shares a name with it. `error` is this search's own
    failure.
    """

    query: str
    variants: tuple[Variant, ...] = ()
    standalone: str = ""
    history: tuple[Mapping[str, str], ...] = ()
    filter: Filter = Filter()
    principals: frozenset[str] | None = None
    hits: tuple[Hit, ...] = ()
    trace: tuple[str, ...] = ()
    error: str = ""

    @property
    def asked(self) -> str:
        """What is asked, as one who knows nothing of the conversation can read it."""
        return self.standalone or self.query
