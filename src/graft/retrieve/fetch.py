"""Fetch: fills in the texts of hits, which leaves know by id alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from graft.core.document import Passage
from graft.core.protocols import PassageStore
from graft.core.search import Hit, Search
from graft.retrieve.stage import Stage


@dataclass(frozen=True)
class Fetch(Stage):
    """Sets `passage` of every hit, by one call of the store for all searches.

    Raises NotFound when a passage went away since it was found.
    """

    store: PassageStore
    name: str = "fetch"

    def __call__(self, searches: Sequence[Search]) -> list[Search]:
        texts = fetched(self.store, (hit for s in searches if not s.error for hit in s.hits))
        return [s if s.error else self._fill(s, texts) for s in searches]

    def _fill(self, search: Search, texts: dict[str, Passage]) -> Search:
        hits = tuple(replace(hit, passage=texts[hit.passage_id]) for hit in search.hits)
        line = f"{self.name}: {len(hits)} passages"
        return replace(search, hits=hits, trace=(*search.trace, line))


def fetched(store: PassageStore, hits: Iterable[Hit]) -> dict[str, Passage]:
    """Return the passages of hits by id, asking the store once for those not yet filled in."""
    held: dict[str, Passage | None] = {}
    for hit in hits:
        held[hit.passage_id] = held.get(hit.passage_id) or hit.passage
    missing = [id for id, passage in held.items() if passage is None]
    new = dict(zip(missing, store.passages(missing), strict=True)) if missing else {}
    return {id: passage or new[id] for id, passage in held.items()}
