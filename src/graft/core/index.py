"""IndexKind: one way of finding the passages of a space, and where an index of it lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from graft.core.hashing import text_hash
from graft.core.protocols import Index
from graft.core.space import Space


@dataclass(frozen=True)
class IndexPlace:
    """Which index is meant: of one space of one library.

    `name` is another for every space and library, of letters, digits and underscores: what a table
    or collection may be called. `folder` is there for an index that keeps files; `url` is the
    setting `ingest.index_url`, for one that has a server.
    """

    name: str
    folder: Path
    dimensions: int
    url: str = ""


@dataclass(frozen=True)
class IndexKind:
    """A kind of index by the name that `ingest.index` gives; `open` makes it where it is not."""

    name: str
    about: str
    open: Callable[[IndexPlace], Index]


@dataclass(frozen=True)
class IndexChoice:
    """The kind of index that the settings name, and its server."""

    kind: IndexKind
    url: str = ""

    def at(self, library: Path, space: Space) -> Index:
        """Return a space's index, empty if it was not there."""
        folder = library / "indexes" / self.kind.name
        folder.mkdir(parents=True, exist_ok=True)
        name = f"graft_{text_hash(f'{library.resolve()} {space.id}')[:16]}"
        return self.kind.open(IndexPlace(name, folder, space.dimensions, self.url))
