"""bm25: passages that share words with the query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from graft.core.context import Context
from graft.core.protocols import PassageStore, Ranked
from graft.core.search import Search
from graft.retrieve.kind import LeafTable, StageKind
from graft.retrieve.leaf import Lookup, search_leaf
from graft.retrieve.stage import Stage


@dataclass(frozen=True)
class BM25(Stage):
    """The `depth` best passages of each query by BM25 (Robertson et al., TREC-3)."""

    store: PassageStore
    depth: int = 100
    name: str = "bm25"

    def __call__(self, searches: Sequence[Search], ctx: Context) -> list[Search]:
        return search_leaf(searches, self.name, partial(self._find, ctx=ctx), ctx)

    def _find(self, lookup: Lookup, *, ctx: Context) -> list[Ranked]:
        return self.store.match(
            lookup.texts, self.depth, allowed=lookup.allowed, principals=lookup.principals, ctx=ctx
        )


KIND = StageKind(
    "bm25",
    LeafTable,
    lambda table, parts: BM25(parts.store, table.depth or parts.depth),
    leaf=True,
)
