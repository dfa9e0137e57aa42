"""Rows: how documents, passages and vectors stand in Arrow."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from graft.core.document import Document, Passage, Span
from graft.core.errors import DocumentError
from graft.core.protocols import Vectors
from graft.library.analyse import Analyser
from graft.measures.similarity import PERMUTATIONS, signature

TEXTS = pa.list_(pa.string())

DOCUMENTS = pa.schema(
    [
        ("id", pa.string()),
        ("title", pa.string()),
        ("media_type", pa.string()),
        ("uri", pa.string()),
        ("source", pa.string()),
        ("fingerprint", pa.string()),
        ("text", pa.string()),
        ("text_hash", pa.string()),
        ("access", TEXTS),
        ("pages", pa.list_(pa.int64())),
        ("metadata", TEXTS),
        ("own_access", pa.bool_()),
        ("plain", pa.string()),
        ("minima", pa.binary(4 * PERMUTATIONS)),
        ("sketch", pa.binary()),
    ]
)
"""`own_access` is true where the document names its readers itself: no root's access counts.
`plain`, `minima` and `sketch` are the text's signature (`measures.similarity`), null in what was
written before there was one."""

SIGNATURE = DOCUMENTS.names[12:]

DOCUMENT_COLUMNS = DOCUMENTS.names[:11]
"""What makes a Document."""

PASSAGES = pa.schema(
    [
        ("id", pa.string()),
        ("document_id", pa.string()),
        ("segmentation", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("text", pa.string()),
        ("title", pa.string()),
        ("headings", TEXTS),
        ("page", pa.int32()),
        ("made_from", pa.string()),
        ("postings", pa.list_(pa.uint64())),
        ("length", pa.int32()),
    ]
)
"""`postings` and `length` are the full text (see `fulltext`): deleting the row deletes them."""

INDEXED = ("text", "title", "headings")
"""What makes the text that is analysed."""

PASSAGE_COLUMNS = PASSAGES.names[:10]
"""What makes a Passage."""

PAIR = "\x1f"
"""Stands between key and value of a metadata entry."""


def vector_schema(dimensions: int) -> pa.Schema:
    """Return the schema of one space's table: passage id and vector."""
    return pa.schema([("id", pa.string()), ("vector", pa.list_(pa.float32(), dimensions))])


def vector_batch(ids: Sequence[str], vectors: Vectors) -> pa.RecordBatch:
    """Return vectors, `(n, d) float32`, as rows of their space's table."""
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).ravel(), pa.float32())
    column = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    return pa.RecordBatch.from_arrays(
        [pa.array(ids, pa.string()), column], schema=vector_schema(vectors.shape[1])
    )


def matrix_of(column: pa.Array) -> Vectors:
    """Return a fixed-size list column as `(n, d) float32`."""
    wide = column.type.list_size
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks)
    values: Vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, wide)
    return values


@dataclass(frozen=True)
class DocumentRow:
    """A document without its text; `passages` counts those of the library's segmentation."""

    id: str
    title: str
    media_type: str
    uri: str
    source: str
    fingerprint: str
    text_hash: str
    access: tuple[str, ...]
    passages: int
    own_access: bool = False


def document_row(document: Document, *, own_access: bool = False) -> dict[str, Any]:
    """Return a document as a row. Raises DocumentError for text that is not Unicode."""
    for name, text in (("id", document.id), ("title", document.title), ("text", document.text)):
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise DocumentError(
                f"the {name} of {document.id!r} holds half of a surrogate pair at character "
                f"{error.start}, which is no text: replace it"
            ) from error
    return {
        "id": document.id,
        "title": document.title,
        "media_type": document.media_type,
        "uri": document.uri,
        "source": document.source,
        "fingerprint": document.fingerprint,
        "text": document.text,
        "text_hash": document.text_hash,
        "access": list(document.access),
        "pages": list(document.pages),
        "metadata": metadata_pairs(document.metadata),
        "own_access": own_access,
        **signature_row(document.text),
    }


def signature_row(text: str) -> dict[str, Any]:
    """Return a text's signature as the columns of SIGNATURE."""
    told = signature(text)
    return {
        "plain": told.plain, "minima": told.minima.tobytes(), "sketch": told.sketch.tobytes()
    }  # fmt: skip


def metadata_pairs(metadata: Mapping[str, str]) -> list[str]:
    """Return metadata as the texts that filters compare."""
    return [f"{key}{PAIR}{value}" for key, value in metadata.items()]


def to_document(row: Mapping[str, Any]) -> Document:
    """Return a row as a document."""
    return Document(
        id=row["id"],
        text=row["text"],
        title=row["title"],
        media_type=row["media_type"],
        uri=row["uri"],
        source=row["source"],
        fingerprint=row["fingerprint"],
        access=tuple(row["access"]),
        pages=tuple(row["pages"]),
        metadata=dict(pair.split(PAIR, 1) for pair in row["metadata"]),
    )


def passage_row(passage: Passage, analyser: Analyser) -> dict[str, Any]:
    """Return a passage as a row, analysed for full text."""
    postings, length = analyser.postings(passage.indexed_text)
    made_from = [[span.document_id, span.start, span.end] for span in passage.made_from]
    return {
        "id": passage.id,
        "document_id": passage.document_id,
        "segmentation": passage.segmentation,
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "title": passage.title,
        "headings": list(passage.headings),
        "page": passage.page,
        "made_from": json.dumps(made_from) if made_from else "",
        "postings": postings,
        "length": length,
    }


def analysed(batch: pa.RecordBatch, analyser: Analyser) -> pa.RecordBatch:
    """Return passages with postings and lengths by this analyser, from the columns of INDEXED."""
    texts = zip(*(batch.column(name).to_pylist() for name in INDEXED), strict=True)
    passages = (
        Passage("", "", 0, 0, text, "", title=title, headings=tuple(headings))
        for text, title, headings in texts
    )
    found = [analyser.postings(passage.indexed_text) for passage in passages]
    made = {
        "postings": pa.array([postings for postings, _ in found], pa.list_(pa.uint64())),
        "length": pa.array([length for _, length in found], pa.int32()),
    }
    kept = {name: batch.column(name) for name in batch.schema.names if name not in made}
    return pa.RecordBatch.from_pydict({**kept, **made})


def to_passage(row: Mapping[str, Any]) -> Passage:
    """Return a row as a passage."""
    made_from = json.loads(row["made_from"]) if row["made_from"] else []
    return Passage(
        id=row["id"],
        document_id=row["document_id"],
        start=row["start"],
        end=row["end"],
        text=row["text"],
        segmentation=row["segmentation"],
        title=row["title"],
        headings=tuple(row["headings"]),
        page=row["page"],
        made_from=tuple(Span(*span) for span in made_from),
    )


def to_batch(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Return rows as one Arrow batch."""
    return pa.RecordBatch.from_pylist(list(rows), schema=schema)
