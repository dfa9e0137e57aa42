"""Buffers: rows that wait to be written, so that a file on disk holds thousands and not one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from graft.core.protocols import Vectors
from graft.library.rows import to_batch, vector_batch

ROWS_AT_ONCE = 8192
CHARACTERS_AT_ONCE = 1 << 24
"""A buffer is full when it holds so many rows, or texts so long."""


@dataclass
class RowBuffer:
    """Documents or passages as rows."""

    schema: pa.Schema
    rows: list[dict[str, Any]] = field(default_factory=list)
    characters: int = 0

    def put(self, row: dict[str, Any]) -> None:
        """Keep a row."""
        self.rows.append(row)
        self.characters += len(row["text"])

    @property
    def full(self) -> bool:
        """Whether it should be written."""
        return len(self.rows) >= ROWS_AT_ONCE or self.characters >= CHARACTERS_AT_ONCE

    def drain(self) -> Iterator[pa.RecordBatch]:
        """Yield what it holds as one batch, and be empty."""
        if self.rows:
            yield to_batch(self.rows, self.schema)
        self.rows, self.characters = [], 0


@dataclass
class VectorBuffer:
    """Vectors of one space."""

    dimensions: int
    ids: list[str] = field(default_factory=list)
    vectors: list[Vectors] = field(default_factory=list)

    def put(self, ids: list[str], vectors: Vectors) -> None:
        """Keep some vectors, `(n, d) float32`."""
        self.ids += ids
        self.vectors.append(vectors)

    @property
    def full(self) -> bool:
        """Whether it should be written."""
        return len(self.ids) >= ROWS_AT_ONCE

    def drain(self) -> Iterator[pa.RecordBatch]:
        """Yield what it holds as one batch, and be empty."""
        if self.ids:
            yield vector_batch(self.ids, np.concatenate(self.vectors))
        self.ids, self.vectors = [], []
