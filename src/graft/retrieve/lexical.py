"""Lexical: passages that share words with the query, by BM25."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graft.core.protocols import PassageStore, Ranked
from graft.core.search import Search
from graft.retrieve.leaf import Lookup, search_leaf
from graft.retrieve.stage import Stage


@dataclass(frozen=True)
class Lexical(Stage):
    """The `depth` best passages of each query by BM25 (Robertson et al., TREC-3)."""

    store: PassageStore
    depth: int = 100
    name: str = "bm25"

    def __call__(self, searches: Sequence[Search]) -> list[Search]:
        return search_leaf(searches, self.name, self._find)

    def _find(self, lookup: Lookup) -> list[Ranked]:
        return self.store.match(
            lookup.texts, self.depth, allowed=lookup.allowed, principals=lookup.principals
        )
