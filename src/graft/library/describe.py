"""Describe: the manifest of what the tables hold now, checked to be whole."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from graft.core.errors import InputError
from graft.core.space import Space
from graft.library.lance import StoredTable, scan, scan_table
from graft.library.manifest import AnnIndex, Cut, Manifest, SpaceState, TableState, set_digest

DOCUMENT = "documents"
PASSAGE = "passages"
"""Keys of the two tables that every library has; the others are keyed by their space's id."""


def describe(
    manifest: Manifest,
    tables: Mapping[str, StoredTable],
    spaces: Sequence[tuple[Space, AnnIndex | None]],
    *,
    changed: Collection[str],
) -> Manifest:
    """Return the manifest with the tables as they are; those not in `changed` keep their digests.

    Raises InputError when an id stands twice in a table, when a space and its segmentation do
    not hold the same passages, or when they hold none of documents that have text.
    """
    documents, passages, cuts = manifest.documents, manifest.passages, manifest.segmentations
    if documents is None or DOCUMENT in changed:
        documents = documents_state(tables[DOCUMENT])
    if passages is None or PASSAGE in changed:
        cuts = cuts_of(tables[PASSAGE])
        passages = passages_state(cuts)
    held = {state.space.id: state.table for state in manifest.spaces}
    found = []
    for space, index in spaces:
        state = held.get(space.id)
        if state is None or space.id in changed:
            state = vectors_state(tables[space.id])
        cut = cuts.get(space.segmentation, NOTHING)
        _check_whole(space, state, cut)
        if not cut.rows and documents.rows:
            _check_empty(space, tables[DOCUMENT])
        found.append(SpaceState(space, _at(state, tables[space.id]), index))
    return replace(
        manifest,
        documents=_at(documents, tables[DOCUMENT]),
        passages=_at(passages, tables[PASSAGE]),
        spaces=tuple(found),
        segmentations=cuts,
        counts={"documents": documents.rows, "passages": passages.rows},
    )


def documents_state(table: StoredTable) -> TableState:
    """Return the count of documents and the digest of their ids, texts' hashes and fingerprints."""
    found = scan_table(table, ["id", "text_hash", "fingerprint"])
    _check_single(found["id"], "document")
    parts = (found[name].to_pylist() for name in ("id", "text_hash", "fingerprint"))
    digest = set_digest("\x1f".join(row) for row in zip(*parts, strict=True))
    return TableState("", 0, len(found), digest)


def cuts_of(table: StoredTable) -> dict[str, Cut]:
    """Return each segmentation's count of passages and the digest of their ids."""
    found = scan_table(table, ["id", "segmentation"])
    _check_single(found["id"], "passage")
    cuts = {}
    for segmentation in sorted(pc.unique(found["segmentation"]).to_pylist()):
        ids = found["id"].filter(pc.equal(found["segmentation"], segmentation))
        cuts[segmentation] = Cut(len(ids), set_digest(ids.to_pylist()))
    return cuts


def passages_state(cuts: Mapping[str, Cut]) -> TableState:
    """Return the count and digest of all passages."""
    digest = set_digest(f"{id}\x1f{cut.digest}" for id, cut in cuts.items())
    return TableState("", 0, sum(cut.rows for cut in cuts.values()), digest)


def vectors_state(table: StoredTable) -> TableState:
    """Return the count of vectors and the digest of their passages' ids."""
    ids = scan_table(table, ["id"])["id"]
    _check_single(ids, "vector of passage")
    return TableState("", 0, len(ids), set_digest(ids.to_pylist()))


NOTHING = Cut(0, set_digest([]))


def _at(state: TableState, table: StoredTable) -> TableState:
    return replace(state, name=table.name, version=table.version)


def _check_single(ids: pa.ChunkedArray, what: str) -> None:
    if pc.count_distinct(ids).as_py() < len(ids):
        counts = pc.value_counts(ids)
        twice = next(row["values"] for row in counts.to_pylist() if row["counts"] > 1)
        raise InputError(f"the {what} {twice!r} was put twice: put each once")


def _check_whole(space: Space, vectors: TableState, cut: Cut) -> None:
    if (vectors.rows, vectors.digest) != (cut.rows, cut.digest):
        raise InputError(
            f"space {space.id} holds {vectors.rows} vectors and its segmentation {cut.rows} "
            "passages, or others: put the vector of every passage before publishing"
        )


def _check_empty(space: Space, documents: StoredTable) -> None:
    for batch in scan(documents, ["id", "text"]):
        for id, text in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if text.strip():
                raise InputError(
                    f"space {space.id} holds no passage, and document {id!r} has text: cut what is "
                    "stored for it before publishing"
                )
