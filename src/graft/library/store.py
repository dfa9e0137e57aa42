"""Library: the versioned store of documents, passages and spaces, as one version of it reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import compress, repeat
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graft.core.context import Context
from graft.core.document import Document, Passage
from graft.core.errors import EncoderMismatch, InputError, NotFound
from graft.core.index import IndexChoice
from graft.core.protocols import Ranked, Vectors
from graft.core.search import Filter
from graft.core.space import CODED_FROM, Coded, Space
from graft.library.check import problems
from graft.library.duplicates import Group
from graft.library.embedded import Embedded
from graft.library.lance import equals_any, scan, scan_table
from graft.library.likeness import Likeness
from graft.library.manifest import SpaceState, published
from graft.library.rows import (
    DOCUMENT_COLUMNS,
    PASSAGE_COLUMNS,
    DocumentRow,
    to_document,
    to_passage,
)
from graft.library.search import Askers, match, nearest
from graft.library.snapshot import Snapshot
from graft.library.visible import find_rows
from graft.library.writer import Writer

__all__ = ["Library", "Writer"]

DOCUMENTS_AT_ONCE = 256
"""Documents read together with their texts."""


class Library:
    """The documents, passages and vectors of the version that was published at opening.

    It finds candidates and does not rank: only `retrieve` does. A search goes over one
    segmentation: the only one, or the one named by `using`. Later publishes change nothing here,
    but that removed documents, and those whose access was taken away, are hidden at once.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Library.open(Path(folder)) as library:
    ...     library.version, library.document_ids()
    (0, [])
    """

    def __init__(self, snapshot: Snapshot, segmentation: str = "") -> None:
        self._snapshot = snapshot
        self._segmentation = segmentation

    @classmethod
    def open(
        cls, folder: Path, *, segmentation: str = "", index: IndexChoice | None = None
    ) -> Library:
        """Open the published version of the library in `folder`, empty before the first.

        `index` is where candidates come from, the library's own tables by default.
        Raises FormatError when it is damaged, or was written by a newer Graft.
        """
        return cls(Snapshot(folder, index)).using(segmentation)

    def using(self, segmentation: str) -> Library:
        """Return the same version, searched by this segmentation; "" is the only one there is."""
        return Library(self._snapshot, segmentation)

    def close(self) -> None:
        """Let a writer clean this version once nobody else reads it."""
        self._snapshot.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def version(self) -> int:
        """The number of the version this reads; 0 is the empty library."""
        return self._snapshot.manifest.version

    @property
    def spaces(self) -> tuple[Space, ...]:
        """Every space, each complete."""
        return tuple(state.space for state in self._snapshot.manifest.spaces)

    @property
    def space_states(self) -> tuple[SpaceState, ...]:
        """Every space with its codes, if it has some, and what was measured of them."""
        return self._snapshot.manifest.spaces

    @property
    def segmentations(self) -> tuple[str, ...]:
        """The ids of the segmentations there are passages of."""
        return tuple(self._snapshot.manifest.segmentations)

    @property
    def counts(self) -> Mapping[str, int]:
        """What was published with this version; `passages` are those of its segmentation."""
        manifest = self._snapshot.manifest
        chosen = manifest.segmentations.get(self._chosen())
        return {**manifest.counts, **({"passages": chosen.rows} if chosen else {})}

    def stale(self) -> bool:
        """Return whether another version has been published since."""
        return published(self._snapshot.folder) != self.version

    def nearest(
        self,
        vectors: Vectors,
        limit: int,
        *,
        allowed: Sequence[Filter],
        encoder_digest: str,
        principals: Sequence[frozenset[str] | None],
        ctx: Context | None = None,
    ) -> list[Ranked]:
        """Return for each query vector, `(n, d) float32`, its nearest passages by inner product.

        Raises EncoderMismatch when no space was made by `encoder_digest`.
        """
        state = self._space_of(encoder_digest)
        if vectors.shape[1:] != (state.space.dimensions,):
            raise InputError(
                f"queries have shape {vectors.shape} where (n, {state.space.dimensions}) was "
                f"expected: encode them with {state.space.encoder!r}"
            )
        asked = Askers(allowed, principals)
        return nearest(self._snapshot, state, vectors, limit, asked, ctx or Context())

    def match(
        self,
        queries: Sequence[str],
        limit: int,
        *,
        allowed: Sequence[Filter],
        principals: Sequence[frozenset[str] | None],
        ctx: Context | None = None,
    ) -> list[Ranked]:
        """Return for each query its best passages by BM25; any text is a query."""
        if not self.segmentations:
            return [[] for _ in queries]
        asked = Askers(allowed, principals)
        return match(self._snapshot, self._cut(), queries, limit, asked, ctx or Context())

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        """Return the passages with these ids, in this order. Raises NotFound."""
        wanted = list(dict.fromkeys(ids))
        found: dict[str, Passage] = {}
        for cut in sorted(self.segmentations, key=lambda cut: cut != self._segmentation):
            missing = [id for id in wanted if id not in found]
            if missing:
                directory = self._snapshot.directory(cut)
                rows = find_rows(directory.ids, missing)
                found |= {p.id: p for p in self._passages(cut, rows[rows >= 0])}
        for id in wanted:
            if id not in found:
                raise NotFound(
                    f"there is no passage {id!r} in version {self.version}: search again"
                )
        return [found[id] for id in ids]

    def document(self, document_id: str) -> Document:
        """Return one document with its text. Raises NotFound."""
        return next(self.documents([document_id]))

    def documents(self, ids: Sequence[str] | None = None) -> Iterator[Document]:
        """Yield documents with their texts, in the order of `ids`; by default all, by id.

        Raises NotFound for an id that is not there.
        """
        wanted = self.document_ids() if ids is None else list(ids)
        for start in range(0, len(wanted), DOCUMENTS_AT_ONCE):
            some = wanted[start : start + DOCUMENTS_AT_ONCE]
            facets, rows = self._snapshot.facets(), self._document_rows(some)
            found = self._snapshot.rows(
                self._snapshot.documents, facets.row_ids[rows], DOCUMENT_COLUMNS
            )
            for row, values in zip(rows.tolist(), found, strict=True):
                yield to_document({**values, "access": facets.access[row].as_py()})

    def document_ids(self) -> list[str]:
        """Return the ids of all documents, sorted."""
        if self._snapshot.manifest.documents is None:
            return []
        facets = self._snapshot.facets()
        ids: list[str] = facets.ids.to_pylist()
        if facets.present is None:
            return ids
        return [id for id, here in zip(ids, facets.present, strict=True) if here]

    @cached_property
    def embedded(self) -> Embedded:
        """What this version has encoded already."""
        return Embedded(self._snapshot)

    def duplicates(self, threshold: float, among: Collection[str] | None = None) -> list[Group]:
        """Return the groups of documents that say the same, in the order of their first ids.

        With `among`, only those that hold one of these ids. See `library.duplicates`.
        """
        if self._snapshot.manifest.documents is None:
            return []

        def texts_of(ids: Sequence[str]) -> Iterator[tuple[str, str]]:
            return ((document.id, document.text) for document in self.documents(ids))

        likeness = Likeness(self._snapshot.documents, self.document_ids(), texts_of)
        return likeness.groups(threshold, among)

    @property
    def metadata_keys(self) -> frozenset[str]:
        """The keys of all documents' metadata."""
        known = self._snapshot.manifest.documents is not None
        return self._snapshot.facets().keys if known else frozenset()

    def seen_by(self, ids: Collection[str], principals: frozenset[str] | None) -> dict[str, bool]:
        """Return of each of these documents that is there whether an asker may see it now."""
        if self._snapshot.manifest.documents is None:
            return {}
        facets, wanted = self._snapshot.facets(), pa.array(sorted(ids), pa.string())
        rows = pc.fill_null(pc.index_in(wanted, value_set=facets.ids), -1).to_pylist()
        seen = facets.open_to(principals)
        here = facets.open_to(None)
        found = zip(wanted.to_pylist(), rows, strict=True)
        return {id: bool(seen[row]) for id, row in found if row >= 0 and here[row]}

    def document_rows(self, *, counted: bool = True) -> Iterator[DocumentRow]:
        """Yield all documents without their texts, by id; `counted` tells their passages."""
        if self._snapshot.manifest.documents is None:
            return
        facets = self._snapshot.facets()
        counts = np.zeros(len(facets), dtype=np.int64)
        if counted and self._chosen() in self.segmentations:
            owners = self._snapshot.directory(self._chosen()).documents
            counts = np.bincount(owners, minlength=len(facets))
        documents = self._snapshot.documents
        columns = ["id", "title", "media_type", "uri", "source", "fingerprint", "text_hash"]
        owned = "own_access" in documents.schema.names
        table = scan_table(documents, [*columns, *["own_access"] * owned]).sort_by("id")
        # Column by column: ten times as fast as a dict and a list for every row.
        told = [table[name].to_pylist() for name in columns]
        told += [map(tuple, facets.access.to_pylist()), counts.tolist()]
        told += [map(bool, table["own_access"].to_pylist()) if owned else repeat(False)]
        present = repeat(True) if facets.present is None else facets.present.tolist()
        yield from (DocumentRow(*row) for row in compress(zip(*told, strict=False), present))

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield (id, text) of all documents, by id."""
        return ((document.id, document.text) for document in self.documents())

    def passages_of(self, document_id: str, segmentation: str = "") -> list[Passage]:
        """Return a document's passages in the order of its text. Raises NotFound."""
        (document,) = self._document_rows([document_id])
        if not self.segmentations:
            return []
        cut = self._cut(segmentation)
        rows = self._snapshot.directory(cut).of(int(document))
        return sorted(self._passages(cut, rows), key=lambda p: (p.start, p.end, p.id))

    def iter_passages(self, segmentation: str = "") -> Iterator[Passage]:
        """Yield every passage of a segmentation, batch by batch, in no particular order."""
        if not self.segmentations:
            return
        (where,) = equals_any("segmentation", [self._cut(segmentation)])
        facets = self._snapshot.facets()
        here = None if facets.present is None else set(self.document_ids())
        for batch in scan(self._snapshot.passages, PASSAGE_COLUMNS, where=where):
            for row in batch.to_pylist():
                if here is None or row["document_id"] in here:
                    yield to_passage(row)

    def check(self) -> list[str]:
        """Read everything and return what is wrong with this version, nothing when it is whole."""
        told = [self._snapshot.index(state)[1] for state in self.space_states]
        return [*problems(self._snapshot), *filter(None, told)]

    @contextmanager
    def writer(
        self, ctx: Context, *, ann_from: int = CODED_FROM, coded: Coded = "auto"
    ) -> Iterator[Writer]:
        """Write the library's next version; the caller holds the workspace's lock.

        This reader stays at its version: open the library again to read what was published.
        `ann_from` is the number of passages from which codes of a space's vectors are compared
        first, and `coded` which.
        """
        held = self._snapshot
        yield Writer(held.folder, ctx, ann_from=ann_from, coded=coded, index=held.choice)

    def _chosen(self) -> str:
        """Return the segmentation this reads, "" while it is not said which of several."""
        held = self.segmentations
        return self._segmentation or (held[0] if len(held) == 1 else "")

    def _cut(self, segmentation: str = "") -> str:
        """Return the segmentation to read: this one, the library's own, or the only one."""
        wanted, held = segmentation or self._chosen(), self.segmentations
        if wanted and wanted not in held:
            raise NotFound(
                f"no document is cut by segmentation {wanted} (there is {', '.join(held)}): "
                "`graft ingest` cuts them by the settings"
            )
        if not wanted:
            raise InputError(
                f"the library is cut in {len(held)} ways ({', '.join(held)}): name one with `using`"
            )
        return wanted

    def _space_of(self, digest: str) -> SpaceState:
        states = self._snapshot.manifest.spaces
        fitting = [
            state
            for state in states
            if state.space.encoder_digest == digest
            and self._segmentation in ("", state.space.segmentation)
        ]
        if len(fitting) > 1:
            self._cut()
        if len(fitting) != 1:
            held = ", ".join(f"{s.space.encoder} ({s.space.encoder_digest[:12]})" for s in states)
            raise EncoderMismatch(
                f"the query comes from the encoder {digest[:12]} and the vectors of this "
                f"segmentation from {held or 'none yet'}: where the model's files changed, "
                "`graft ingest` embeds anew; another setting goes into graft.toml, and into use "
                "by `graft release promote --config`"
            )
        return fitting[0]

    def _document_rows(self, ids: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        known = self._snapshot.manifest.documents is not None
        facets = self._snapshot.facets() if known else None
        rows = find_rows(facets.ids, ids) if facets else np.full(len(ids), -1)
        if facets is not None and facets.present is not None:
            rows[~facets.present[rows]] = -1
        for id, row in zip(ids, rows.tolist(), strict=True):
            if row < 0:
                raise NotFound(f"there is no document {id!r}: `graft library list` shows all")
        return rows

    def _passages(
        self, cut: str, rows: np.ndarray[tuple[int], np.dtype[np.int64]]
    ) -> list[Passage]:
        directory, facets = self._snapshot.directory(cut), self._snapshot.facets()
        if facets.present is not None:
            rows = rows[facets.present[directory.documents[rows]]]
        # A column that says the same of all rows takes LanceDB three times as long as a text: of
        # ten of a million passages 5 ms each for these, which are known but of derived passages.
        known = {"segmentation": cut, "made_from": ""}
        if np.isin(rows, directory.made_from[:, 0]).any():
            del known["made_from"]
        columns = [name for name in PASSAGE_COLUMNS if name not in known]
        passages, row_ids = self._snapshot.passages, directory.row_ids[rows]
        found = self._snapshot.rows(passages, row_ids, columns)
        return [to_passage({**row, **known}) for row in found]
