"""dense: passages whose vectors are nearest to the query's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from graft.core.context import Context
from graft.core.protocols import Encoder, PassageStore, Ranked, Vectors
from graft.core.search import Search
from graft.retrieve.kind import LeafTable, StageKind
from graft.retrieve.leaf import Lookup, search_leaf
from graft.retrieve.stage import Stage


@dataclass(frozen=True)
class Dense(Stage):
    """The `depth` passages nearest to each query by inner product of the encoder's vectors.

    All queries and variants are encoded in one call, those that read like passages in another.
    Raises EncoderMismatch when the store holds no vectors of this encoder.
    """

    store: PassageStore
    encoder: Encoder
    depth: int = 100
    name: str = "dense"

    def __call__(self, searches: Sequence[Search], ctx: Context) -> list[Search]:
        return search_leaf(searches, self.name, partial(self._find, ctx=ctx), ctx)

    def _find(self, lookup: Lookup, *, ctx: Context) -> list[Ranked]:
        return self.store.nearest(
            self._encode(lookup),
            self.depth,
            allowed=lookup.allowed,
            encoder_digest=self.encoder.digest,
            principals=lookup.principals,
            ctx=ctx,
        )

    def _encode(self, lookup: Lookup) -> Vectors:
        if not any(lookup.passages):
            return self.encoder.encode_queries(lookup.texts)
        vectors = np.empty((len(lookup.texts), self.encoder.dimensions), dtype=np.float32)
        passages = np.asarray(lookup.passages)
        for encode, rows in (
            (self.encoder.encode_queries, np.flatnonzero(~passages)),
            (self.encoder.encode_passages, np.flatnonzero(passages)),
        ):
            if len(rows):
                vectors[rows] = encode([lookup.texts[row] for row in rows])
        return vectors


KIND = StageKind(
    "dense",
    LeafTable,
    lambda table, parts: Dense(parts.store, parts.encoder, table.depth or parts.depth),
    leaf=True,
)
