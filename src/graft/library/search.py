"""Search: nearest vectors and matching words in one segmentation of a snapshot."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from graft.core.context import Context
from graft.core.protocols import Index, Ranked, Vectors
from graft.core.search import Filter
from graft.library.analyse import Analyser
from graft.library.fulltext import FullText
from graft.library.manifest import SpaceState
from graft.library.ranking import Best
from graft.library.snapshot import Audience, Snapshot
from graft.library.vectors import FAILED, NOTHING
from graft.library.visible import Mask, Sight, find_rows

CANDIDATES = 4
"""How many times the limit an index is asked for by words: BM25 takes the best of them."""

DECIDED = 10
"""Passages up to which an identifier is so rare that only those that hold it are found by words:
then fusion cannot put a page first that means the like of it."""


@dataclass(frozen=True)
class Askers:
    """What each search of a batch may see."""

    allowed: Sequence[Filter]
    principals: Sequence[frozenset[str] | None]

    def groups(self, snapshot: Snapshot, cut: str) -> Iterator[tuple[list[int], Sight, Audience]]:
        """Yield the places of searches that may see and return the same, with what that is."""
        same: defaultdict[tuple[Filter, frozenset[str] | None], list[int]] = defaultdict(list)
        for place, key in enumerate(zip(self.allowed, self.principals, strict=True)):
            same[key].append(place)
        for key, places in same.items():
            yield places, *snapshot.sight(cut, *key)


def nearest(
    snapshot: Snapshot, state: SpaceState, vectors: Vectors, limit: int, asked: Askers, ctx: Context
) -> list[Ranked]:
    """Return for each vector the nearest passages of a space that its search may see.

    A warning says where the index that the settings name is not used, or fails.
    """
    if reason := snapshot.index(state)[1]:
        ctx.warn("index", reason)
    cut, searcher = state.space.segmentation, snapshot.searcher(state)
    ranked: list[Ranked] = [[] for _ in vectors]
    for places, sight, _ in asked.groups(snapshot, cut):
        found = searcher.search(vectors[places], limit, sight.returned, ctx)
        for place, best in zip(places, found, strict=True):
            ranked[place] = _ranked(snapshot, cut, best)
    return ranked


def match(
    snapshot: Snapshot, cut: str, queries: Sequence[str], limit: int, asked: Askers, ctx: Context
) -> list[Ranked]:
    """Return for each query the best passages of a segmentation that its search may see.

    An index is asked for candidates only where the search sees everything: it ranks by all that
    it holds, and what crowds out what would tell of the rest.
    """
    analyser = Analyser(snapshot.manifest.stop_words)
    text, index = snapshot.full_text(cut), snapshot.matching(cut)
    ranked: list[Ranked] = [[] for _ in queries]
    for places, sight, audience in asked.groups(snapshot, cut):
        weighing = snapshot.weighing(cut, sight, audience)
        for place in places:
            terms = Counter(analyser.terms(queries[place]))
            best = NOTHING
            decided = _decided(text, analyser, queries[place], sight)
            if decided is not None:
                best = text.search(terms, limit, decided, weighing)
            elif index is not None and sight.seen is None:
                among = _candidates(snapshot, cut, index, queries[place], limit, ctx)
                among = among if sight.returned is None else among & sight.returned
                best = text.search(terms, limit, among, weighing)
            if decided is None and len(best[0]) < limit:
                best = text.search(terms, limit, sight.filtered, weighing)
            ranked[place] = _ranked(snapshot, cut, best)
    return ranked


def _decided(text: FullText, analyser: Analyser, query: str, sight: Sight) -> Mask | None:
    """Return which passages hold an identifier that a query names; None where it decides nothing.

    What may not be seen does not count: nobody learns from a ranking that it is there.
    """
    found = [text.holders(each) for each in analyser.identifiers(query)]
    if not any(map(len, found)):
        return None
    rows = np.unique(np.concatenate(found))
    if sight.seen is not None:
        rows = rows[sight.seen[rows]]
    if sight.returned is not None:
        rows = rows[sight.returned[rows]]
    if not 0 < len(rows) <= DECIDED:
        return None
    held = np.zeros(len(text.lengths), dtype=np.bool_)
    held[rows] = True
    return held


def _candidates(
    snapshot: Snapshot, cut: str, index: Index, query: str, limit: int, ctx: Context
) -> Mask:
    """Return which published passages are among an index's candidates."""
    ids = snapshot.directory(cut).ids
    among = np.zeros(len(ids), dtype=np.bool_)
    try:
        (found,) = index.match([query], CANDIDATES * limit)
    except Exception as error:  # whatever the client of a store raises: full text is here too
        ctx.warn("index", FAILED.format(type(error).__name__, error))
        return among
    rows = find_rows(ids, [id for id, _ in found])
    among[rows[rows >= 0]] = True
    return among


def _ranked(snapshot: Snapshot, cut: str, best: Best) -> Ranked:
    rows, scores = best
    directory = snapshot.directory(cut)
    documents = snapshot.document_ids.take(directory.documents[rows]).to_pylist()
    return list(zip(directory.ids.take(rows).to_pylist(), documents, scores.tolist(), strict=True))
