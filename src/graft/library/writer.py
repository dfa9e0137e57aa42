"""Writer: what a job puts and removes, published as one version or not at all."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from graft.core.context import Context
from graft.core.document import Document, Passage
from graft.core.errors import InputError, NotFound
from graft.core.index import IndexChoice
from graft.core.protocols import Vectors
from graft.core.space import Coded, Space
from graft.library.analyse import ANALYSER, Analyser
from graft.library.buffers import RowBuffer, VectorBuffer
from graft.library.codes import upkeep
from graft.library.describe import DOCUMENT, PASSAGE, Tallies, by_cut, describe, document_keys
from graft.library.filling import Filling
from graft.library.indexes.lance import LanceIndex
from graft.library.lance import Database, StoredTable, equals_any, scan, scan_table
from graft.library.manifest import Coding, published, read_manifest
from graft.library.publish import clean, commit, compact, files, prune, restore
from graft.library.rows import (
    DOCUMENTS,
    PASSAGES,
    analysed,
    document_row,
    passage_row,
    signature_row,
    vector_schema,
)
from graft.library.snapshot import Snapshot
from graft.library.tally import Tally


class Writer:
    """Changes to a library; nothing of it is seen by any reader before `publish`.

    The caller holds the workspace's lock. Documents are put before their passages, passages
    before their vectors. Rows are buffered and written some thousands at a time, so memory does
    not grow with the corpus (but for the ids of the documents).
    """

    def __init__(
        self,
        folder: Path,
        ctx: Context,
        *,
        ann_from: int,
        coded: Coded = "auto",
        index: IndexChoice | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.ctx = ctx
        self.ann_from = ann_from
        self.coded: Coded = coded
        self.index = index
        self.manifest = read_manifest(folder, published(folder))
        self._database = Database(folder)
        self._filling = Filling(self._database, index, ctx) if index else None
        restore(self._database, self.manifest)
        self._files = files(folder)
        self._analyser = Analyser(self.manifest.stop_words)
        self._tables: dict[str, StoredTable] = {}
        self._tallies = Tallies.of(self.manifest)
        self._changed: set[str] = set()
        self._purging = False
        documents, passages = self.manifest.documents, self.manifest.passages
        self._tables[DOCUMENT] = (
            self._open_documents(documents.name) if documents else self._create(DOCUMENT, DOCUMENTS)
        )
        self._tables[PASSAGE] = (
            self._open_passages(passages.name) if passages else self._create(PASSAGE, PASSAGES)
        )
        self._spaces: dict[str, Space] = {}
        self._codings: dict[str, Coding | None] = {}
        self._vectors: dict[str, VectorBuffer] = {}
        for held in self.manifest.spaces:
            self._hold(held.space, self._database.open(held.table.name), held.coding)
        self._documents = RowBuffer(DOCUMENTS)
        self._passages = RowBuffer(PASSAGES)
        ids = scan_table(self._tables[DOCUMENT], ["id"])["id"].to_pylist()
        self._known: set[str] = set(ids)
        self._gone: set[str] = set()
        self._waiting: set[str] = set()

    def put_documents(
        self, documents: Iterable[Document], *, own_access: Collection[str] = ()
    ) -> None:
        """Add documents; one whose id is there replaces it, with its passages and vectors.

        `own_access` holds the ids of those that name their readers themselves. Raises
        DocumentError for a text that is not Unicode.
        """
        for document in documents:
            row = document_row(document, own_access=document.id in own_access)
            if document.id in self._waiting:
                self._flush()
            if document.id in self._known:
                self._gone.add(document.id)
            self._known.add(document.id)
            self._waiting.add(document.id)
            self._documents.put(row)
            if self._documents.full:
                self._flush()

    def put_passages(self, passages: Iterable[Passage]) -> None:
        """Add passages of documents that were put. Raises NotFound for any other document."""
        for passage in passages:
            if passage.document_id not in self._known:
                raise NotFound(
                    f"passage {passage.id} is of document {passage.document_id!r}, which is not in "
                    "the library: put the document first"
                )
            self._passages.put(passage_row(passage, self._analyser))
            if self._passages.full:
                self._flush()

    def put_vectors(self, space: Space, passages: Sequence[Passage], vectors: Vectors) -> None:
        """Add the vectors of passages to a space, `(n, dimensions) float32`.

        Raises NotFound for a space that was not added, InputError for vectors that do not fit it.
        """
        if space.id not in self._spaces:
            raise NotFound(f"there is no space {space.id}: add it before its vectors")
        wanted = (len(passages), space.dimensions)
        if vectors.shape != wanted or not np.isfinite(vectors).all():
            raise InputError(
                f"space {space.id} was given vectors of shape {vectors.shape} where finite ones of "
                f"shape {wanted} were expected: encode its passages with {space.encoder!r}"
            )
        if len(passages):
            kept = np.ascontiguousarray(vectors, dtype=np.float32)
            self._vectors[space.id].put([passage.id for passage in passages], kept)
        if self._vectors[space.id].full:
            self._flush()

    def remove(self, ids: Iterable[str]) -> int:
        """Remove documents with their passages and vectors; return how many there were."""
        self._flush()
        found = self._known & set(ids)
        self._known -= found
        self._gone |= found
        return len(found)

    def purge(self, ids: Iterable[str]) -> int:
        """Remove documents, and when published rewrite the library and delete every older version.

        Readers of older versions must open the library anew. Ids that were removed before are
        purged too.
        """
        self._purging = True
        return self.remove(ids)

    def set_access(self, access: Mapping[str, Sequence[str]]) -> None:
        """Change who may see documents. It reaches readers of every version when published.

        Raises NotFound for a document that is not there.
        """
        missing = sorted(set(access) - self._known)
        if missing:
            raise NotFound(f"there is no document {missing[0]!r}: `graft library list` shows all")
        self._flush()
        table = self._tables[DOCUMENT]
        for condition in equals_any("id", sorted(access)):
            for batch in list(scan(table, DOCUMENTS.names, where=condition)):
                rows = batch.to_pylist()
                changed = [{**row, "access": list(access[row["id"]])} for row in rows]
                data = pa.Table.from_pylist(changed, schema=DOCUMENTS)
                table.merge_insert("id").when_matched_update_all().execute(data)
                self._changed.add(DOCUMENT)

    def add_space(self, space: Space) -> None:
        """Add an empty space beside the others; one that is there is left as it is."""
        if space.id not in self._spaces:
            schema = vector_schema(space.dimensions)
            self._hold(space, self._create("vectors", schema), None)
            self._changed.add(space.id)

    def drop_space(self, space: Space) -> None:
        """Drop a space with its vectors, and its passages if no other space is made of them.

        Raises NotFound when it is not there.
        """
        if space.id not in self._spaces:
            raise NotFound(f"there is no space {space.id}: nothing was dropped")
        self._flush()
        del self._spaces[space.id], self._tables[space.id], self._vectors[space.id]
        del self._codings[space.id], self._tallies.spaces[space.id]
        self._changed.add(space.id)
        if space.segmentation not in {left.segmentation for left in self._spaces.values()}:
            for condition in equals_any("segmentation", [space.segmentation]):
                self._tables[PASSAGE].delete(condition)
            self._tallies.cuts.pop(space.segmentation, None)
            self._changed.add(PASSAGE)

    def publish(self) -> int:
        """Make all of it the library's next version, and return its number.

        Where nothing changed, nothing is published and the number is that of now. Raises
        InputError when a space lacks the vector of a passage, or all passages of documents that
        have text, and Cancelled when the job was cancelled; nothing is published then.
        """
        self._flush()
        unfilled = self._filling is not None and self._filling.lacks(self.manifest)
        recoded = any(map(self._is_due, self._spaces))
        if not (self._changed or self._purging or unfilled or recoded):
            return self.manifest.version
        with self.ctx.stage("publish"):
            if self._purging:
                self._rewrite()
            compacted, fresh = self._keep_up()
            manifest = describe(
                replace(
                    self.manifest,
                    version=self.manifest.version + 1,
                    created=self.ctx.clock(),
                    analyser=ANALYSER,
                ),
                self._tables,
                [(space, self._codings[id]) for id, space in self._spaces.items()],
                self._tallies,
            )
            if self._filling is not None:
                manifest = self._filling.fill(self.manifest, manifest)
            self.ctx.check()
            commit(self._database, manifest, self._tables.values(), old=self._files)
        self.manifest = manifest
        self._tallies.published()
        self._clean(compacted)
        if fresh:
            self._lay_down(fresh)
        self._files = files(self._database.folder)
        self._changed, self._purging = set(), False
        return manifest.version

    def _clean(self, compacted: Sequence[StoredTable]) -> None:
        try:
            if self._filling is not None:
                self._filling.clean(self.manifest, all_older=self._purging)
            clean(self._database, self.manifest, all_older=self._purging)
            for table in compacted:
                prune(table, self.ctx.clock())
        except Exception as error:  # whatever LanceDB, or the client of an index, raises
            if self._purging:
                raise
            # It is published: old files that stay are only space, and the next publish tries again.
            self.ctx.warn("publish", f"older versions could not be cleaned: {error}")

    def _create(self, kind: str, schema: pa.Schema) -> StoredTable:
        # A name of its own each time: LanceDB caches what it knows of a path.
        return self._database.create(f"{kind}-{secrets.token_hex(4)}", schema)

    def _open_documents(self, name: str) -> StoredTable:
        table = self._database.open(name)
        held = table.schema.names
        if all(field.name in held for field in DOCUMENTS):
            return table
        # Made by an older version: before documents told whose access theirs is (it was the
        # root's), or had signatures.
        self._changed.add(DOCUMENT)
        name = f"{DOCUMENT}-{secrets.token_hex(4)}"
        return self._database.create(name, DOCUMENTS, map(_brought_up, scan(table, held)))

    def _open_passages(self, name: str) -> StoredTable:
        table = self._database.open(name)
        if self.manifest.analyser == ANALYSER:
            return table
        self._changed.add(PASSAGE)
        name = f"{PASSAGE}-{secrets.token_hex(4)}"
        batches = (
            analysed(batch, self._analyser).select(PASSAGES.names)
            for batch in scan(table, PASSAGES.names)
        )
        return self._database.create(name, PASSAGES, batches)

    def _hold(self, space: Space, table: StoredTable, coding: Coding | None) -> None:
        self._spaces[space.id] = space
        self._tables[space.id] = table
        self._codings[space.id] = coding
        self._vectors[space.id] = VectorBuffer(space.dimensions)
        self._tallies.spaces.setdefault(space.id, Tally())

    def _flush(self) -> None:
        self._delete(sorted(self._gone))
        self._gone, self._waiting = set(), set()
        buffers: dict[str, RowBuffer | VectorBuffer] = {
            DOCUMENT: self._documents,
            PASSAGE: self._passages,
            **self._vectors,
        }
        for key, buffer in buffers.items():
            for batch in buffer.drain():
                self._tables[key].add(pa.Table.from_batches([batch]))
                self._count(key, batch)
                self._changed.add(key)
                if coding := self._codings.get(key):
                    self._codings[key] = replace(coding, tail=coding.tail + len(batch))

    def _count(self, key: str, batch: pa.RecordBatch) -> None:
        ids = batch["id"].to_pylist()
        if key == DOCUMENT:
            self._tallies.documents.put(ids, document_keys(batch))
        elif key == PASSAGE:
            for cut, some in by_cut(batch).items():
                self._tallies.cut(cut).put(some)
        else:
            self._tallies.spaces[key].put(ids)

    def _delete(self, documents: Sequence[str]) -> None:
        passages = self._tables[PASSAGE]
        for condition in equals_any("document_id", documents):
            rows = scan_table(passages, ["id", "segmentation"], where=condition)
            ids = rows["id"].to_pylist()
            for id in self._spaces:
                for where in equals_any("id", ids):
                    held = scan_table(self._tables[id], ["id"], where=where)["id"]
                    self._tallies.spaces[id].drop(held.to_pylist())
                LanceIndex(self._tables[id]).delete(ids)
                if coding := self._codings[id]:
                    self._codings[id] = replace(coding, deleted=coding.deleted + len(ids))
            if ids:
                for cut, some in by_cut(rows).items():
                    self._tallies.cut(cut).drop(some)
                passages.delete(condition)
                self._changed |= {PASSAGE, *self._spaces}
        for condition in equals_any("id", documents):
            columns = ["id", "text_hash", "fingerprint"]
            rows = scan_table(self._tables[DOCUMENT], columns, where=condition)
            self._tallies.documents.drop(rows["id"].to_pylist(), document_keys(rows))
            self._tables[DOCUMENT].delete(condition)
            self._changed.add(DOCUMENT)

    def _rewrite(self) -> None:
        """Copy what is left into new tables: nothing of the old ones' files stays in use."""
        for key, table in self._tables.items():
            kind = "vectors" if key in self._spaces else key
            name = f"{kind}-{secrets.token_hex(4)}"
            batches = scan(table, table.schema.names)
            self._tables[key] = self._database.create(name, table.schema, batches)
            self._changed.add(key)
        self._codings = dict.fromkeys(self._codings)

    def _keep_up(self) -> tuple[list[StoredTable], set[str]]:
        """Compact what grew untidy, and measure the codes of what is large.

        Returns the compacted tables, and the spaces whose files are to be written: those that were
        measured, and those whose rows have other addresses since.
        """
        tables = {key: table for key, table in self._tables.items() if key in self._changed}
        compacted = {key: table for key, table in tables.items() if compact(table)}
        fresh = {id for id in self._spaces if id in compacted}
        for id in self._spaces:
            if not (id in self._changed or self._is_due(id)):
                continue
            held, rows = self._codings[id], self._tallies.spaces[id].rows
            self._codings[id] = None
            if rows >= self.ann_from:
                coding = upkeep(self._tables[id], held, asked=self.coded, rows=rows, ctx=self.ctx)
                self._codings[id] = coding
                fresh |= {id} if coding is not held else set()
        codings = {id: self._codings[id] for id in fresh}
        # What is compared whole is read into memory, and leaves nothing in files.
        coded = {id for id, coding in codings.items() if coding and coding.kind != "float32"}
        return [*compacted.values()], coded

    def _is_due(self, id: str) -> bool:
        """Return whether a space is not searched as it would be were it laid now."""
        coding, rows = self._codings[id], self._tallies.spaces[id].rows
        if coding is None:
            return rows >= self.ann_from
        return rows < self.ann_from or coding.asked != self.coded

    def _lay_down(self, spaces: set[str]) -> None:
        """Write what the first search of these spaces would write, since much of it is new."""
        try:
            with closing(Snapshot(self._database.folder, self.index)) as snapshot:
                for state in snapshot.manifest.spaces:
                    if state.space.id in spaces:
                        snapshot.searcher(state)
                        snapshot.full_text(state.space.segmentation)
        except Exception as error:  # whatever LanceDB raises: the first search does it then
            self.ctx.warn("publish", f"what searches map could not be written: {error}")


def _brought_up(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return documents that an older version wrote with all columns of now."""
    rows = batch.to_pylist()
    whole = [{"own_access": None, **row, **signature_row(row["text"])} for row in rows]
    return pa.RecordBatch.from_pylist(whole, schema=DOCUMENTS)
