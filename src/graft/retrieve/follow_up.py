"""FollowUp: in a conversation, a question is also searched for beside the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from graft.core.search import Search
from graft.retrieve.stage import Stage


@dataclass(frozen=True)
class FollowUp(Stage):
    """Adds to a search with history the variant "questions before it, then its own".

    "And for interns?" alone finds little; beside "How many leave days carry over?" it finds the
    right page. `turns` is how many earlier questions are put before it. A search without history
    stays as it is.

    >>> past = {"role": "user", "content": "How many leave days carry over?"}
    >>> FollowUp()([Search("And for interns?", history=(past,))])[0].variants
    ('How many leave days carry over? And for interns?',)
    """

    turns: int = 1
    name: str = "follow-up"

    def __call__(self, searches: Sequence[Search]) -> list[Search]:
        return [s if s.error else self._add(s) for s in searches]

    def _add(self, search: Search) -> Search:
        asked = [turn["content"] for turn in search.history if turn.get("role") == "user"]
        if not asked or not search.query.strip():
            return search
        variant = " ".join([*asked[-self.turns :], search.query])
        line = f"{self.name}: 1 variant from {len(asked[-self.turns :])} earlier questions"
        return replace(search, variants=(*search.variants, variant), trace=(*search.trace, line))
