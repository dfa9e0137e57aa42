"""Tally: the count and the set digest of a table's keys, kept while rows are put and taken away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from graft.library.manifest import key_digest

MODULUS = 1 << 128


@dataclass
class Tally:
    """What stands in a table: how many rows, and the sum of their keys' digests.

    `fresh` holds the ids that were put since the last publish.
    """

    rows: int = 0
    total: int = 0
    fresh: dict[str, None] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: int, digest: str) -> Tally:
        """Return the tally of what a manifest says."""
        return cls(rows, int(digest, 16))

    @property
    def digest(self) -> str:
        """The set digest of all keys (see `manifest.set_digest`)."""
        return f"{self.total:032x}"

    def put(self, ids: Sequence[str], keys: Iterable[str] | None = None) -> None:
        """Count rows in, by their ids or by longer keys that begin with them."""
        self.rows += len(ids)
        self.total = (self.total + sum(map(key_digest, keys or ids))) % MODULUS
        self.fresh |= dict.fromkeys(ids)

    def drop(self, ids: Sequence[str], keys: Iterable[str] | None = None) -> None:
        """Count rows out."""
        self.rows -= len(ids)
        self.total = (self.total - sum(map(key_digest, keys or ids))) % MODULUS
        for id in ids:
            self.fresh.pop(id, None)
