"""Matrix: a space's vectors and their codes in files that grow, mapped by who searches.

They are made of the space's table and may go at any time. A row of a table never changes under the
address that LanceDB gave it, so that what was published later is put behind what is there; what
was deleted stays until two fifths of the file are such, as after a compaction, or a purge replaces
the table.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from graft.core.files import flush
from graft.core.protocols import Vectors
from graft.core.space import Coded
from graft.library.codes import ROWS_AT_ONCE, Codes, Packed, decoded, encode, width
from graft.library.lance import StoredTable, locate, scan, take
from graft.library.manifest import TableState
from graft.library.rows import matrix_of
from graft.library.visible import Rows

FOLDER = "vectors"

FEW = 2000
"""Rows that are read one by one: more are found by a pass over the table."""

Addresses = NDArray[np.uint64]


@dataclass(frozen=True)
class Matrix:
    """Vectors, `(m, d) float32`, in the order they came; passage i's is row `places[i]`."""

    vectors: Vectors
    places: Rows
    codes: Codes

    def of(self, rows: Rows) -> Vectors:
        """Return the vectors of some passages."""
        return self.vectors[self.places[rows]]


def open_matrix(library: Path, table: StoredTable, wanted: Addresses, kind: Coded) -> Matrix:
    """Return the vectors of the rows of a table with these addresses, in this order.

    What is not in the files yet is put into them; where they cannot be written, all vectors are
    read into memory.
    """
    dimensions = table.schema.field("vector").type.list_size
    files = _Files(library / FOLDER / table.name, kind, dimensions)
    try:
        files.folder.parent.mkdir(exist_ok=True)
        with FileLock(files.folder.with_suffix(".lock")):
            addresses, vectors, packed = files.grown(table, wanted)
    except OSError:
        rows = [*_batches(table, np.sort(wanted))]
        addresses, vectors = (np.concatenate(parts) for parts in zip(*rows, strict=True))
        packed = encode(kind, vectors)
    places = locate(addresses, wanted)
    return Matrix(vectors, places, decoded(kind, packed, places))


def clean(library: Path, used: Collection[TableState]) -> None:
    """Throw away the files of tables that no version has any more."""
    names = {state.name for state in used}
    for path in (library / FOLDER).glob("*"):
        if path.name.removesuffix(".lock") in names:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Files:
    """The files of one table, while their lock is held.

    A row counts once its address is written, which comes after its vector and before its code:
    what a killed process left behind the last address is written over.
    """

    folder: Path
    kind: Coded
    dimensions: int

    def grown(self, table: StoredTable, wanted: Addresses) -> tuple[Addresses, Vectors, Packed]:
        """Return what they hold once all that is wanted is in them."""
        held = self._held()
        missing = np.sort(wanted[locate(held, wanted) < 0])
        dead = len(held) + len(missing) - len(wanted)
        if 5 * dead > 2 * (len(held) + len(missing)):
            self._drop()  # whoever has mapped them keeps them
            held, missing = held[:0], np.sort(wanted)
        kept = len(held)
        if len(missing):
            self.folder.mkdir(exist_ok=True)
            for addresses, vectors in _batches(table, missing):
                self._write("float32", len(held), vectors.view(np.uint8))
                held = np.concatenate([held, addresses])
            flush([self.folder / "float32"])
            held.tofile(self.folder / "addresses.new")
            flush([self.folder / "addresses.new"])
            (self.folder / "addresses.new").replace(self.folder / "addresses")
        vectors = self._map("float32", 4 * self.dimensions, len(held)).view(np.float32)
        row = width(self.kind, self.dimensions)
        # A code is of the vector in its row only where that is older than this growth.
        coded = min(self._rows(self.kind, row), kept)
        for start in range(coded, len(held), ROWS_AT_ONCE):
            self._write(self.kind, start, encode(self.kind, vectors[start : start + ROWS_AT_ONCE]))
        return held, vectors, self._map(self.kind, row, len(held))

    def _drop(self) -> None:
        """Let the folder be gone at once: half of one would be taken for a whole."""
        gone = self.folder.with_name(f"{self.folder.name}.{secrets.token_hex(4)}")
        self.folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def _held(self) -> Addresses:
        if not (self.folder / "addresses").exists():
            return np.zeros(0, dtype=np.uint64)
        held = np.fromfile(self.folder / "addresses", dtype=np.uint64)
        return held[: self._rows("float32", 4 * self.dimensions)]

    def _rows(self, name: str, row: int) -> int:
        path = self.folder / name
        return path.stat().st_size // row if path.exists() else 0

    def _write(self, name: str, start: int, rows: Packed) -> None:
        path = self.folder / name
        with path.open("r+b" if path.exists() else "wb") as file:
            file.truncate(start * rows.shape[1])
            file.seek(0, 2)
            file.write(np.ascontiguousarray(rows).data)

    def _map(self, name: str, row: int, count: int) -> Packed:
        return np.memmap(self.folder / name, np.uint8, "r", shape=(count, row)).view(np.ndarray)


def _batches(table: StoredTable, wanted: Addresses) -> Iterator[tuple[Addresses, Vectors]]:
    """Yield the rows with these addresses, which rise, and their vectors."""
    if len(wanted) <= FEW:
        yield wanted, matrix_of(take(table, wanted, ["vector"])["vector"])
        return
    for batch in scan(table, ["vector"], row_ids=True):
        addresses = batch.column("_rowid").to_numpy()
        at = np.minimum(np.searchsorted(wanted, addresses), len(wanted) - 1)
        new = wanted[at] == addresses
        yield addresses[new], matrix_of(batch.column("vector"))[new]
