"""Dense: passages whose vectors are nearest to the query's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graft.core.protocols import Encoder, PassageStore, Ranked
from graft.core.search import Search
from graft.retrieve.leaf import Lookup, search_leaf
from graft.retrieve.stage import Stage


@dataclass(frozen=True)
class Dense(Stage):
    """The `depth` passages nearest to each query by inner product of the encoder's vectors.

    All queries and variants are encoded in one call. Raises EncoderMismatch when the store holds
    no vectors of this encoder.
    """

    store: PassageStore
    encoder: Encoder
    depth: int = 100
    name: str = "dense"

    def __call__(self, searches: Sequence[Search]) -> list[Search]:
        return search_leaf(searches, self.name, self._find)

    def _find(self, lookup: Lookup) -> list[Ranked]:
        return self.store.nearest(
            self.encoder.encode_queries(lookup.texts),
            self.depth,
            allowed=lookup.allowed,
            encoder_digest=self.encoder.digest,
            principals=lookup.principals,
        )
