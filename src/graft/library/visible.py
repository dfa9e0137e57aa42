"""Visible: which documents and passages a search may return, decided before it ranks."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graft.core.search import Filter
from graft.core.where import Where, fields_of
from graft.library.lance import StoredTable, equals_any, scan_table
from graft.library.rows import PAIR

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Facets:
    """What is known of every document without its text, in the order of document ids.

    `row_ids` are those of the documents table. `present` is None while all of them may be shown;
    a reader of an older version learns by it which were removed since.
    """

    ids: pa.Array
    media_type: pa.Array
    access: pa.Array
    metadata: pa.Array
    titles: pa.Array
    row_ids: NDArray[np.uint64]
    present: Mask | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def principals(self) -> frozenset[str]:
        """Everybody who is named in an access list."""
        return frozenset(pc.unique(self.access.flatten()).to_pylist())

    @cached_property
    def keys(self) -> frozenset[str]:
        """Every metadata key that a document has."""
        pairs = pc.unique(self.metadata.flatten())
        return frozenset(pair.split(PAIR, 1)[0] for pair in pairs.to_pylist())

    def open_to(self, principals: frozenset[str] | None) -> Mask:
        """Return for every document whether somebody may see it, `(n,) bool`.

        `principals` None is the owner; a set sees documents that are open to all or name one of
        them in `access`. What was removed since nobody sees.
        """
        seen = np.ones(len(self), dtype=np.bool_) if self.present is None else self.present.copy()
        if principals is not None:
            open_to_all = pc.equal(pc.list_value_length(self.access), 0).to_numpy(False)
            seen &= open_to_all | _holds(self.access, principals)
        return seen

    def fitting(self, allowed: Filter) -> Mask:
        """Return for every document whether a filter lets it through, `(n,) bool`."""
        fits = np.ones(len(self), dtype=np.bool_)
        if allowed.document_ids is not None:
            named = np.zeros(len(self), dtype=np.bool_)
            rows = find_rows(self.ids, allowed.document_ids)
            named[rows[rows >= 0]] = True
            fits &= named
        if allowed.under:
            fits &= pc.starts_with(self.ids, pattern=allowed.under).to_numpy(False)
        if allowed.media_type:
            fits &= pc.equal(self.media_type, allowed.media_type).to_numpy(False)
        for key, value in allowed.metadata:
            fits &= _holds(self.metadata, {f"{key}{PAIR}{value}"})
        if allowed.where is not None:
            self._keep_where(allowed.where, fits)
        return fits

    def _keep_where(self, where: Where, seen: Mask) -> None:
        """Take out of `seen` the documents whose fields a condition is not true of."""
        rows = np.flatnonzero(seen)
        columns = (self.ids, self.titles, self.media_type, self.metadata)
        values = zip(*(column.take(pa.array(rows)).to_pylist() for column in columns), strict=True)
        for row, (id, title, media_type, pairs) in zip(rows, values, strict=True):
            metadata = dict(pair.split(PAIR, 1) for pair in pairs)
            seen[row] = where.matches(fields_of(id, title or "", media_type, metadata))

    def as_of(self, newer: Facets) -> Facets:
        """Return them with what a newer version knows: removals, and access as it is now."""
        place = pc.index_in(self.ids, value_set=newer.ids)
        present = place.is_valid().to_numpy(False)
        now = newer.access.take(place).to_pylist()
        then = self.access.to_pylist()
        access = [new if here else old for new, old, here in zip(now, then, present, strict=True)]
        return replace(self, access=pa.array(access, self.access.type), present=present)


@dataclass(frozen=True)
class Directory:
    """Every passage of one segmentation, in the order of passage ids.

    `documents` is each passage's row in the Facets, `row_ids` its row in the passages table.
    `made_from` pairs the row of each derived passage with the Facets' row of a document that it
    was made from, `(k, 2) int64`; that is -1 for one that is not in this version.
    """

    ids: pa.Array
    documents: NDArray[np.int32]
    row_ids: NDArray[np.uint64]
    made_from: Rows = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, document: int) -> Rows:
        """Return the rows of one document's passages, by its row in the Facets."""
        order, owners = self._by_document
        first, last = np.searchsorted(owners, [document, document + 1])
        return order[first:last]

    @cached_property
    def _by_document(self) -> tuple[Rows, NDArray[np.int32]]:
        # Sorted once: who goes through all documents would else go through all passages for each.
        order = np.argsort(self.documents, kind="stable")
        return order, self.documents[order]

    def rows(self, row_ids: NDArray[np.uint64]) -> Rows:
        """Return the directory's rows of rows of the passages table."""
        order, rising = self._by_address
        return order[np.searchsorted(rising, row_ids)]

    @cached_property
    def _by_address(self) -> tuple[Rows, NDArray[np.uint64]]:
        order = np.argsort(self.row_ids)
        return order, self.row_ids[order]

    def showing(self, documents: Mask) -> Mask:
        """Return which passages show nothing but these documents, `(n,) bool`.

        A derived passage shows every document that it was made from.
        """
        passages, sources = self.made_from.T
        others = (sources < 0) | ~documents[sources]
        shown = documents[self.documents]
        shown[passages[others]] = False
        return shown


@dataclass(frozen=True, eq=False)
class Sight:
    """What one search may see, and what of it the search may return; None is every passage.

    Scores are weighed by `seen`: what others hold shows in none of them, and a filter, which is
    no secret, changes none.
    """

    seen: Mask | None = None
    returned: Mask | None = None

    @property
    def filtered(self) -> Mask | None:
        """What may be returned of what is seen; None is all of it."""
        return None if self.returned is self.seen else self.returned


def read_facets(table: StoredTable) -> Facets:
    """Read the facets of the documents table."""
    columns = ("id", "media_type", "access", "metadata", "title")
    found = scan_table(table, columns, row_ids=True).sort_by("id").combine_chunks()
    ids, types, access, metadata, titles = (_array(found, name) for name in columns)
    return Facets(ids, types, access, metadata, titles, _array(found, "_rowid").to_numpy())


def read_directory(table: StoredTable, segmentation: str, facets: Facets) -> Directory:
    """Read the directory of one segmentation from the passages table."""
    (where,) = equals_any("segmentation", [segmentation])
    found = scan_table(table, ("id", "document_id"), where=where, row_ids=True)
    found = found.sort_by("id").combine_chunks()
    documents = pc.index_in(_array(found, "document_id"), value_set=facets.ids)
    derived = scan_table(table, ("id", "made_from"), where=f"{where} AND made_from != ''")
    sources = [
        (row["id"], span[0]) for row in derived.to_pylist() for span in json.loads(row["made_from"])
    ]
    ids = _array(found, "id")
    pairs = [
        find_rows(ids, [id for id, _ in sources]),
        find_rows(facets.ids, [source for _, source in sources]),
    ]
    return Directory(
        ids,
        documents.to_numpy().astype(np.int32),
        _array(found, "_rowid").to_numpy(),
        np.stack(pairs, axis=1),
    )


def find_rows(ids: pa.Array, wanted: Collection[str]) -> Rows:
    """Return where each wanted id stands in sorted `ids`, -1 where it does not."""
    if not len(ids) or not wanted:
        return np.full(len(wanted), -1, dtype=np.int64)
    # No stored id holds half of a surrogate pair, and Arrow takes none.
    asked = pa.array([id.encode("utf-8", "backslashreplace").decode() for id in wanted])
    places = pc.search_sorted(ids, asked).to_numpy(False).astype(np.int64)
    places = np.minimum(places, len(ids) - 1)
    return np.where(pc.equal(ids.take(pa.array(places)), asked).to_numpy(False), places, -1)


def _holds(lists: pa.Array, values: Collection[str]) -> Mask:
    """Return for each list whether it holds one of the values."""
    hit = pc.is_in(lists.flatten(), value_set=pa.array(sorted(values), pa.string()))
    owners = pc.list_parent_indices(lists).filter(hit).to_numpy()
    held = np.zeros(len(lists), dtype=np.bool_)
    held[owners] = True
    return held


def _array(table: pa.Table, name: str) -> pa.Array:
    chunks = table[name].combine_chunks()
    return pa.concat_arrays(chunks.chunks) if isinstance(chunks, pa.ChunkedArray) else chunks
