"""Search: nearest vectors and matching words in one segmentation of a snapshot."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graft.core.protocols import Ranked, Vectors
from graft.core.search import Filter
from graft.library.fulltext import Analyser
from graft.library.manifest import SpaceState
from graft.library.ranking import Best
from graft.library.snapshot import Audience, Snapshot
from graft.library.visible import Sight


@dataclass(frozen=True)
class Asked:
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
    snapshot: Snapshot, state: SpaceState, vectors: Vectors, limit: int, asked: Asked
) -> list[Ranked]:
    """Return for each vector the nearest passages of a space that its search may see."""
    cut, searcher = state.space.segmentation, snapshot.searcher(state)
    ranked: list[Ranked] = [[] for _ in vectors]
    for places, sight, _ in asked.groups(snapshot, cut):
        found = searcher.search(vectors[places], limit, sight.returned)
        for place, best in zip(places, found, strict=True):
            ranked[place] = _ranked(snapshot, cut, best)
    return ranked


def match(
    snapshot: Snapshot, cut: str, queries: Sequence[str], limit: int, asked: Asked
) -> list[Ranked]:
    """Return for each query the best passages of a segmentation that its search may see."""
    index, analyser = snapshot.full_text(cut), Analyser(snapshot.manifest.stop_words)
    ranked: list[Ranked] = [[] for _ in queries]
    for places, sight, audience in asked.groups(snapshot, cut):
        weighing = snapshot.weighing(cut, sight, audience)
        for place in places:
            terms = Counter(analyser.terms(queries[place]))
            found = index.search(terms, limit, sight.filtered, weighing)
            ranked[place] = _ranked(snapshot, cut, found)
    return ranked


def _ranked(snapshot: Snapshot, cut: str, best: Best) -> Ranked:
    rows, scores = best
    directory = snapshot.directory(cut)
    documents = snapshot.document_ids.take(directory.documents[rows]).to_pylist()
    return list(zip(directory.ids.take(rows).to_pylist(), documents, scores.tolist(), strict=True))
