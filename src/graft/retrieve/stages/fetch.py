"""fetch: fills in the texts of hits, which leaves know by id alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from graft.core.context import Context
from graft.core.document import Passage
from graft.core.errors import NotFound
from graft.core.protocols import PassageStore
from graft.core.search import Hit, Search
from graft.core.table import Table
from graft.retrieve.kind import StageKind
from graft.retrieve.stage import Stage


@dataclass(frozen=True)
class Fetch(Stage):
    """Sets `passage` of every hit, by one call of the store for all searches.

    It ends every pipeline, whether it is named there or not. A hit whose passage went away since
    it was found is left out.
    """

    store: PassageStore
    name: str = "fetch"

    def __call__(self, searches: Sequence[Search], ctx: Context) -> list[Search]:
        texts = fetched(self.store, (hit for s in searches if not s.error for hit in s.hits))
        return [s if s.error else self._fill(s, texts) for s in searches]

    def _fill(self, search: Search, texts: dict[str, Passage]) -> Search:
        hits = filled(search.hits, texts)
        line = f"{self.name}: {len(hits)} passages{gone(len(search.hits) - len(hits))}"
        return replace(search, hits=hits, trace=(*search.trace, line))


KIND = StageKind("fetch", Table, lambda table, parts: Fetch(parts.store))


def fetched(store: PassageStore, hits: Iterable[Hit]) -> dict[str, Passage]:
    """Return the passages of hits by id, asking the store once for those not yet filled in.

    Passages that went away since they were found are left out.
    """
    held: dict[str, Passage | None] = {}
    for hit in hits:
        held[hit.passage_id] = held.get(hit.passage_id) or hit.passage
    new = _stored(store, [id for id, passage in held.items() if passage is None])
    texts = {id: passage or new.get(id) for id, passage in held.items()}
    return {id: passage for id, passage in texts.items() if passage is not None}


def filled(hits: Sequence[Hit], texts: dict[str, Passage]) -> tuple[Hit, ...]:
    """Return the hits that have a text, with it."""
    return tuple(
        replace(hit, passage=texts[hit.passage_id]) for hit in hits if hit.passage_id in texts
    )


def gone(count: int) -> str:
    """Return how a line of a trace says that so many hits were left out."""
    return f", {count} removed since they were found" if count else ""


def _stored(store: PassageStore, ids: Sequence[str]) -> dict[str, Passage]:
    """Return the passages that are there; few are missing, so halves are asked for, not each."""
    if not ids:
        return {}
    try:
        return dict(zip(ids, store.passages(ids), strict=True))
    except NotFound:
        middle = len(ids) // 2
        return _stored(store, ids[:middle]) | _stored(store, ids[middle:]) if middle else {}
