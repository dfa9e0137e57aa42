"""Search: one question on its way through retrieval, and the Hits it collects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from graft.core.document import Passage
from graft.core.errors import InputError
from graft.core.generation import Message
from graft.core.history import history_of
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

    def to_dict(self, rank: int) -> dict[str, Any]:
        """Return the JSON that scripts rely on; `rank` is 1-based."""
        row: dict[str, Any] = {"rank": rank, "score": self.score, "document_id": self.document_id}
        row["passage_id"] = self.passage_id
        if (held := self.passage) is not None:
            row |= {"start": held.start, "end": held.end, "text": held.text}
            row |= {"title": held.title, "page": held.page}
        row["stages"] = {n: {"rank": c.rank, "score": c.score} for n, c in self.stages.items()}
        return row


@dataclass(frozen=True)
class Search:
    """One question on its way through retrieval; stages return changed copies.

    `variants` are further phrasings that leaves also search for. `principals` is who is asking:
    None is the workspace's owner, who sees everything; a set, even an empty one, sees documents
    whose `access` is empty or shares a name with it. `error` is this search's own failure.
    """

    query: str
    variants: tuple[str, ...] = ()
    history: tuple[Message, ...] = ()
    filter: Filter = Filter()
    principals: frozenset[str] | None = None
    hits: tuple[Hit, ...] = ()
    trace: tuple[str, ...] = ()
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON that scripts rely on."""
        return {"query": self.query, "hits": hit_dicts(self.hits)}


def hit_dicts(hits: Iterable[Hit]) -> list[dict[str, Any]]:
    """Return hits as plain values, ranked from 1."""
    return [hit.to_dict(rank) for rank, hit in enumerate(hits, start=1)]


def as_search(question: str | Search) -> Search:
    """Return a question as a Search that can be asked: the owner's, or as it is with its history.

    Raises InputError for one without a word, and for a history that is none.
    """
    search = Search(question) if isinstance(question, str) else question
    if not search.query.strip():
        raise InputError("the question is empty: ask for something in at least one word")
    return replace(search, history=history_of(search.history))
