"""FakeIndex: an index in memory that can be told to lie, as real ones do when they are behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from graft.core.index import IndexKind, IndexPlace
from graft.core.protocols import Candidates, Vectors
from graft.measures.similarity import plain_words

Lie = Literal["", "deleted", "duplicates", "stale", "nothing", "raises", "forgets", "ill"]


@dataclass
class FakeIndex:
    """Compares everything it holds. `asked` counts the queries it was given.

    `lie` makes it return what was "deleted", "duplicates", "stale" scores or "nothing"; it
    "raises", "forgets" half of what is put, or says that it is "ill".
    """

    lie: Lie = ""
    held: dict[str, tuple[NDArray[np.float32], str]] = field(default_factory=dict)
    gone: dict[str, tuple[NDArray[np.float32], str]] = field(default_factory=dict)
    asked: int = 0

    capabilities = frozenset({"nearest", "match"})

    def put(self, ids: Sequence[str], vectors: Vectors, texts: Sequence[str]) -> None:
        rows = zip(ids, zip(vectors, texts, strict=True), strict=True)
        self.held |= dict(list(rows)[:: 2 if self.lie == "forgets" else 1])

    def delete(self, ids: Sequence[str]) -> None:
        self.gone |= {id: self.held.pop(id) for id in ids if id in self.held}

    def nearest(self, vectors: Vectors, limit: int) -> list[Candidates]:
        return [
            self._best({id: float(v @ query) for id, (v, _) in self._found().items()}, limit)
            for query in vectors
        ]

    def match(self, queries: Sequence[str], limit: int) -> list[Candidates]:
        found = []
        for query in queries:
            asked = set(plain_words(query))
            shared = {
                id: len(asked & set(plain_words(text))) for id, (_, text) in self._found().items()
            }
            found.append(self._best({id: float(n) for id, n in shared.items() if n}, limit))
        return found

    def count(self, ids: Sequence[str] | None = None) -> int:
        return len(self.held) if ids is None else len(self.held.keys() & set(ids))

    def health(self) -> str:
        return "it was told to be ill: tell it otherwise" if self.lie == "ill" else ""

    def _found(self) -> dict[str, tuple[NDArray[np.float32], str]]:
        self.asked += 1
        if self.lie == "raises":
            raise ConnectionError("the server is gone")
        return self.gone | self.held if self.lie == "deleted" else self.held

    def _best(self, scores: dict[str, float], limit: int) -> Candidates:
        best = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
        if self.lie == "duplicates":
            best = [pair for pair in best for _ in range(2)]
        if self.lie == "stale":
            return [(id, float(place)) for place, (id, _) in enumerate(best[:limit])]
        return [] if self.lie == "nothing" else best[:limit]


@dataclass
class FakeIndexes:
    """A kind of index, named "fake", that keeps every index it opened.

    >>> kind = FakeIndexes().kind
    >>> kind.name
    'fake'
    """

    lie: Lie = ""
    opened: dict[str, FakeIndex] = field(default_factory=dict)

    @property
    def kind(self) -> IndexKind:
        return IndexKind("fake", "in memory, for tests", self._open)

    @property
    def asked(self) -> int:
        """How many queries its indexes were given."""
        return sum(index.asked for index in self.opened.values())

    def _open(self, place: IndexPlace) -> FakeIndex:
        index = self.opened.setdefault(place.name, FakeIndex())
        index.lie = self.lie
        return index
