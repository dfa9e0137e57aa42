"""Check: whether a published version is whole, read from the disk and not from what it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from graft.core.hashing import text_hash
from graft.library.describe import (
    NOTHING,
    cuts_of,
    documents_state,
    passages_state,
    vectors_state,
)
from graft.library.manifest import TableState
from graft.library.rows import PASSAGE_COLUMNS
from graft.library.snapshot import Snapshot

DOCUMENTS_AT_ONCE = 256


def problems(snapshot: Snapshot) -> Iterator[str]:
    """Yield what is wrong with a version, one sentence each; nothing when it is whole.

    Counts and digests of every table are computed anew. Every passage must have its document and
    be exactly the text of its span (a derived one is exempt), and its vector in every space of
    its segmentation.
    """
    manifest = snapshot.manifest
    if manifest.documents is None or manifest.passages is None:
        return
    cuts = cuts_of(snapshot.passages)
    if cuts != dict(manifest.segmentations):
        yield f"the passages are not those published: {cuts} for {dict(manifest.segmentations)}"
    yield from _compare(manifest.documents, documents_state(snapshot.documents), "documents")
    yield from _compare(manifest.passages, passages_state(cuts), "passages")
    for state in manifest.spaces:
        found = vectors_state(snapshot.table(state.table))
        cut = cuts.get(state.space.segmentation, NOTHING)
        yield from _compare(state.table, found, f"vectors of space {state.space.id}")
        if (found.rows, found.digest) != (cut.rows, cut.digest):
            yield f"space {state.space.id} does not hold the vector of every passage"
    for segmentation in cuts:
        yield from _spans(snapshot, segmentation)


def _compare(published: TableState, found: TableState, what: str) -> Iterator[str]:
    found = replace(found, name=published.name, version=published.version)
    if found != published:
        yield f"the {what} are not those published: {found} for {published}"


def _spans(snapshot: Snapshot, segmentation: str) -> Iterator[str]:
    facets, directory = snapshot.facets(), snapshot.directory(segmentation)
    order = np.argsort(directory.documents, kind="stable")
    owners = directory.documents[order]
    if len(owners) and owners[0] < 0:
        yield f"{int((owners < 0).sum())} passages of {segmentation} have no document"
    for start in range(0, len(facets), DOCUMENTS_AT_ONCE):
        end = min(start + DOCUMENTS_AT_ONCE, len(facets))
        documents = snapshot.rows(
            snapshot.documents, facets.row_ids[start:end], ["id", "text", "text_hash"]
        )
        texts = {row["id"]: row["text"] for row in documents}
        for row in documents:
            if text_hash(row["text"]) != row["text_hash"]:
                yield f"the text of document {row['id']!r} does not fit its hash"
        left, right = np.searchsorted(owners, [start, end])
        row_ids = directory.row_ids[order[left:right]]
        for row in snapshot.rows(snapshot.passages, row_ids, PASSAGE_COLUMNS):
            text = texts[row["document_id"]]
            if not row["made_from"] and text[row["start"] : row["end"]] != row["text"]:
                yield f"passage {row['id']} is not the text of its span"
