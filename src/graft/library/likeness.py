"""Likeness: which documents of a library say the same, by signatures that stand beside them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.library.duplicates import Group, duplicate_groups
from graft.library.lance import StoredTable, equals_any, scan_table
from graft.library.rows import SIGNATURE, signature_row
from graft.measures.similarity import PERMUTATIONS, Signature, band_rows, may_reach

MOST = 256
"""Documents that may be like those and like each other; for more, all are compared too."""

FEW = 64
"""Documents that are each compared with all others; for more, all are compared in buckets."""


@dataclass(frozen=True)
class Likeness:
    """The documents of one version, `ids` in their order; `texts_of` reads (id, text) of some."""

    table: StoredTable
    ids: Sequence[str]
    texts_of: Callable[[Sequence[str]], Iterable[tuple[str, str]]]

    def groups(self, threshold: float, among: Collection[str] | None = None) -> list[Group]:
        """Return the groups of copies; with `among`, only those that hold one of these ids."""
        wanted = set(self.ids if among is None else among)
        rows = list(range(len(self.ids)))
        if len(wanted) <= FEW:
            near = self._near([i for i in rows if self.ids[i] in wanted], threshold)
            rows = sorted(near) if len(near) <= MOST else rows
        found = duplicate_groups(self._signatures(rows), threshold)
        return [group for group in found if not wanted.isdisjoint(group.ids)]

    def _near(self, rows: Sequence[int], threshold: float) -> set[int]:
        """Return these rows, what may be like them, what may be like that, and so on."""
        plain, minima = self._compared
        height = band_rows(threshold)
        banded = PERMUTATIONS // height * height
        seen, waiting = set(rows), list(rows)
        while waiting and len(seen) <= MOST:
            row = waiting.pop()
            if not plain[row]:
                continue
            equal = (minima[:, :banded] == minima[row, :banded]).reshape(len(plain), -1, height)
            near = equal.all(axis=2).any(axis=1)
            near[near] = may_reach(minima[near], minima[row], threshold)
            near |= plain == plain[row]
            new = [i for i in np.flatnonzero(near).tolist() if i not in seen and plain[i]]
            seen.update(new)
            waiting += new
        return seen

    @cached_property
    def _compared(self) -> tuple[NDArray[np.object_], NDArray[np.uint32]]:
        """The hash and the MinHash of every document's text."""
        if "plain" in self.table.schema.names:
            read = scan_table(self.table, ["id", "plain", "minima"]).sort_by("id").combine_chunks()
            whole = read["id"].to_pylist() == self.ids and not read["plain"].null_count
            if whole and len(read):
                column = read["minima"].combine_chunks()
                start, size = 4 * PERMUTATIONS * column.offset, 4 * PERMUTATIONS * len(column)
                raw = np.frombuffer(column.buffers()[1], np.uint8)[start : start + size]
                plain = np.array(read["plain"].to_pylist(), dtype=object)
                return plain, raw.view(np.uint32).reshape(-1, PERMUTATIONS)
        found = self._read(["plain", "minima"], None)
        plain = np.array([told["plain"] for told in found], dtype=object)
        minima = np.frombuffer(b"".join(told["minima"] for told in found), dtype=np.uint32)
        return plain, minima.reshape(-1, PERMUTATIONS)

    def _signatures(self, rows: Sequence[int]) -> Iterator[tuple[str, Signature]]:
        found = self._read(SIGNATURE, rows)
        for row, told in zip(rows, found, strict=True):
            minima = np.frombuffer(told["minima"], dtype=np.uint32)
            sketch = np.frombuffer(told["sketch"], dtype=np.uint64)
            yield self.ids[row], Signature(told["plain"], minima, sketch)

    def _read(self, columns: Sequence[str], rows: Sequence[int] | None) -> list[dict[str, Any]]:
        """Return columns of some rows, or of all; what has no signature is given one."""
        ids = self.ids if rows is None else [self.ids[row] for row in rows]
        held = [name for name in columns if name in self.table.schema.names]
        if rows is None or len(ids) > len(self.ids) / 2:
            parts = [scan_table(self.table, ["id", *held])]
        else:
            parts = [
                scan_table(self.table, ["id", *held], where=where)
                for where in equals_any("id", ids)
            ]
        told = {row["id"]: row for part in parts for row in part.to_pylist()} if ids else {}
        bare = [id for id in ids if told[id].get("plain") is None]
        for id, text in self.texts_of(bare) if bare else ():
            told[id] = signature_row(text)
        return [told[id] for id in ids]
