"""Example sets of format 1, as format 2 has them: with grades, rejected answers, access, metadata.

A set's name is the digest of what it says. What is added says nothing new, and format 2 leaves it
out of the digest, so that every run, release and ledger entry still finds the set it names.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from graft.core.files import write_atomic

_GOLD = pa.struct(
    [
        ("document_id", pa.string()),
        ("text_hash", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("grade", pa.int64()),
    ]
)
_ADDED: tuple[tuple[str, pa.DataType], ...] = (
    ("rejected", pa.list_(pa.string())),
    ("access", pa.list_(pa.string())),
    ("metadata", pa.map_(pa.string(), pa.string())),
)


def to_2(home: Path) -> None:
    """Rewrite the sets in a workspace's folder `.graft`, in place, each under the name it has.

    A file that is damaged stays as it is: whoever reads it is told.
    """
    for path in sorted((home / "examples").glob("*.parquet")):
        try:
            table = pq.read_table(path)
        except (pa.ArrowException, OSError):
            continue
        buffer = BytesIO()
        pq.write_table(_with_columns(table), buffer, compression="zstd")
        write_atomic(path, buffer.getvalue())


def _with_columns(table: pa.Table) -> pa.Table:
    graded: list[list[dict[str, Any]]] = [
        [{**gold, "grade": 1} for gold in row] for row in table.column("gold").to_pylist()
    ]
    place = table.schema.get_field_index("gold")
    table = table.set_column(place, "gold", pa.array(graded, pa.list_(_GOLD)))
    for name, kind in _ADDED:
        table = table.append_column(name, pa.array([[]] * len(table), kind))
    return table
