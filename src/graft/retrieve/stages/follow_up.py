"""follow_up: in a conversation, a question is also searched for beside the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import Field

from graft.core.context import Context
from graft.core.search import Search, Variant
from graft.core.table import Table
from graft.retrieve.kind import StageKind
from graft.retrieve.stage import Stage


@dataclass(frozen=True)
class FollowUp(Stage):
    """Adds to a search with history the variant "questions before it, then its own".

    "And for interns?" alone finds little; beside "How many leave days carry over?" it finds the
    right page, and a reranker reads it so. `turns` is how many earlier questions are put before
    it. A search without history stays as it is.

    >>> past = {"role": "user", "content": "How many leave days carry over?"}
    >>> FollowUp()([Search("And for interns?", history=(past,))], Context())[0].asked
    'How many leave days carry over? And for interns?'
    """

    turns: int = 1
    name: str = "follow_up"

    def __call__(self, searches: Sequence[Search], ctx: Context) -> list[Search]:
        return [s if s.error else self._add(s) for s in searches]

    def _add(self, search: Search) -> Search:
        asked = [turn["content"] for turn in search.history if turn.get("role") == "user"]
        if not asked or not search.query.strip():
            return search
        joined = " ".join([*asked[-self.turns :], search.query])
        line = f"{self.name}: 1 variant from {len(asked[-self.turns :])} earlier questions"
        return replace(
            search,
            variants=(*search.variants, Variant(joined)),
            standalone=joined,
            trace=(*search.trace, line),
        )


class FollowUpTable(Table):
    turns: int = Field(1, ge=1)
    """Earlier questions that are put before a question."""


KIND = StageKind("follow_up", FollowUpTable, lambda table, parts: FollowUp(table.turns))
