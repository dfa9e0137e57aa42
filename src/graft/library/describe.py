"""Describe: the manifest of what the tables hold now, checked to be whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from graft.core.errors import FormatError, InputError
from graft.core.space import Space
from graft.library.lance import StoredTable, equals_any, scan, scan_table
from graft.library.manifest import Coding, Cut, Manifest, SpaceState, TableState, set_digest
from graft.library.tally import Tally

FEW = 1000
"""Fresh ids that are looked for among all; for more, all ids are counted."""

DOCUMENT = "documents"
PASSAGE = "passages"
"""Keys of the two tables that every library has; the others are keyed by their space's id."""


@dataclass
class Tallies:
    """What stands in each table of a library that is being written."""

    documents: Tally
    cuts: dict[str, Tally]
    spaces: dict[str, Tally]

    @classmethod
    def of(cls, manifest: Manifest) -> Tallies:
        """Return the tallies of what a manifest says."""
        documents = manifest.documents
        return cls(
            Tally.of(documents.rows, documents.digest) if documents else Tally(),
            {id: Tally.of(cut.rows, cut.digest) for id, cut in manifest.segmentations.items()},
            {s.space.id: Tally.of(s.table.rows, s.table.digest) for s in manifest.spaces},
        )

    def cut(self, segmentation: str) -> Tally:
        """Return the tally of a segmentation's passages."""
        return self.cuts.setdefault(segmentation, Tally())

    def published(self) -> None:
        """Take note that all of it is published."""
        for tally in (self.documents, *self.cuts.values(), *self.spaces.values()):
            tally.fresh = {}


def describe(
    manifest: Manifest,
    tables: Mapping[str, StoredTable],
    spaces: Sequence[tuple[Space, Coding | None]],
    tallies: Tallies,
) -> Manifest:
    """Return the manifest with the tables as they are, by the tallies of what was written.

    Raises InputError when an id stands twice in a table, when a space and its segmentation do
    not hold the same passages, or when they hold none of documents that have text.
    """
    documents = _state(tallies.documents)
    cuts = {
        id: Cut(tally.rows, tally.digest)
        for id, tally in sorted(tallies.cuts.items())
        if tally.rows
    }
    passages = passages_state(cuts)
    _check_single(tables[DOCUMENT], tallies.documents, "document", documents.rows)
    fresh = Tally(fresh={id: None for tally in tallies.cuts.values() for id in tally.fresh})
    _check_single(tables[PASSAGE], fresh, "passage", passages.rows)
    found = []
    for space, coding in spaces:
        tally = tallies.spaces[space.id]
        state = _state(tally)
        _check_single(tables[space.id], tally, "vector of passage", state.rows)
        cut = cuts.get(space.segmentation, NOTHING)
        _check_whole(space, state, cut)
        if not cut.rows and documents.rows:
            _check_empty(space, tables[DOCUMENT])
        found.append(SpaceState(space, _at(state, tables[space.id]), coding))
    return replace(
        manifest,
        documents=_at(documents, tables[DOCUMENT]),
        passages=_at(passages, tables[PASSAGE]),
        spaces=tuple(found),
        segmentations=cuts,
        counts={"documents": documents.rows, "passages": passages.rows},
    )


def document_keys(rows: pa.Table | pa.RecordBatch) -> list[str]:
    """Return what stands for documents in their digest: id, text's hash and fingerprint."""
    parts = (rows[name].to_pylist() for name in ("id", "text_hash", "fingerprint"))
    return ["\x1f".join(row) for row in zip(*parts, strict=True)]


def by_cut(rows: pa.Table | pa.RecordBatch) -> dict[str, list[str]]:
    """Return the ids of passages by their segmentation."""
    found: dict[str, list[str]] = {}
    for id, cut in zip(rows["id"].to_pylist(), rows["segmentation"].to_pylist(), strict=True):
        found.setdefault(cut, []).append(id)
    return found


def documents_state(table: StoredTable) -> TableState:
    """Return the count of documents and the digest of their ids, texts' hashes and fingerprints."""
    found = scan_table(table, ["id", "text_hash", "fingerprint"])
    return TableState("", 0, len(found), set_digest(document_keys(found)))


def cuts_of(table: StoredTable) -> dict[str, Cut]:
    """Return each segmentation's count of passages and the digest of their ids."""
    found = scan_table(table, ["id", "segmentation"])
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
    return TableState("", 0, len(ids), set_digest(ids.to_pylist()))


NOTHING = Cut(0, set_digest([]))


def _at(state: TableState, table: StoredTable) -> TableState:
    return replace(state, name=table.name, version=table.version)


def _state(tally: Tally) -> TableState:
    return TableState("", 0, tally.rows, tally.digest)


def _check_single(table: StoredTable, tally: Tally, what: str, rows: int) -> None:
    """Raise InputError where one of the fresh ids stands twice, or the table holds other rows."""
    held = table.count_rows()
    fresh = list(tally.fresh)
    if len(fresh) <= FEW and held == rows:
        found = [len(scan_table(table, ["id"], where=where)) for where in equals_any("id", fresh)]
        if sum(found) == len(fresh):
            return
    counts = pc.value_counts(scan_table(table, ["id"])["id"])
    for row in counts.to_pylist():
        if row["counts"] > 1:
            raise InputError(f"the {what} {row['values']!r} was put twice: put each once")
    if held != rows:
        raise FormatError(
            f"a table holds {held} rows where {rows} were written ({what}s), and nothing was "
            "published: ingest again, or into another folder where that does not help"
        )


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
