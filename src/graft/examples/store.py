"""Store: an ExampleSet as one Parquet file named by the digest of its contents."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from graft.core.errors import FormatError, InputError, NotFound
from graft.core.example import SPLITS, Example, Gold
from graft.core.files import write_atomic
from graft.core.generation import Message
from graft.core.hashing import value_hash
from graft.examples.check import check
from graft.examples.split import counts
from graft.examples.vouched import MAKER

LATEST = "latest"
"""The name that stands for the set written last, and of the file that says which that is."""

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("question", pa.string()),
        ("answers", pa.list_(pa.string())),
        (
            "gold",
            pa.list_(
                pa.struct(
                    [
                        ("document_id", pa.string()),
                        ("text_hash", pa.string()),
                        ("start", pa.int64()),
                        ("end", pa.int64()),
                        ("grade", pa.int64()),
                    ]
                )
            ),
        ),
        ("kind", pa.string()),
        ("origin", pa.string()),
        ("split", pa.string()),
        ("group", pa.string()),
        ("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        ("rejected", pa.list_(pa.string())),
        ("access", pa.list_(pa.string())),
        ("metadata", pa.map_(pa.string(), pa.string())),
    ]
)
_ABOUT = b"graft"
_LATER = frozenset({"rejected", "access", "metadata"})


@dataclass(frozen=True)
class ExampleSet:
    """Examples with how they came to be: what was dropped by reason, and the library they are of.

    `id` is the digest of the examples alone, whatever their order.
    """

    examples: tuple[Example, ...]
    library_version: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The hash of the examples' contents, 16 hex characters.

        Fields that the first version did not have count only where they say something, so that a
        set of that time keeps the id by which runs, releases and the ledger name it.
        """
        rows = sorted(map(_told, self.examples), key=lambda row: str(row["id"]))
        return value_hash(rows)[:16]

    @property
    def counts(self) -> dict[str, int]:
        """How many examples each split has."""
        return counts(self.examples)

    @property
    def makers(self) -> dict[str, dict[str, int]]:
        """How many examples of each split each maker made, where one did."""
        of: dict[str, list[Example]] = {}
        for example in self.examples:
            if MAKER in example.metadata:
                of.setdefault(example.metadata[MAKER], []).append(example)
        return {name: counts(made) for name, made in sorted(of.items())}

    def split(self, name: str) -> tuple[Example, ...]:
        """Return the examples of one split. Raises InputError for a name that is no split."""
        if name not in SPLITS:
            raise InputError(f"there is no split {name!r}: the splits are {', '.join(SPLITS)}")
        return tuple(example for example in self.examples if example.split == name)


def write(folder: Path, examples: ExampleSet) -> Path:
    """Write a set to `folder`/ID.parquet and make it the latest; both are atomic.

    Raises LeakError when its splits leak, and InputError when it is empty.
    """
    if not examples.examples:
        raise InputError("there are no examples to store: none came, or every one was dropped")
    check(examples.examples)
    about = {"library_version": examples.library_version, "dropped": dict(examples.dropped)}
    rows = [
        {**asdict(example), "metadata": sorted(example.metadata.items())}
        for example in examples.examples
    ]
    table = pa.Table.from_pylist(rows, schema=SCHEMA).replace_schema_metadata(
        {_ABOUT: json.dumps(about)}
    )
    path = folder / f"{examples.id}.parquet"
    write_atomic(path, parquet(table))
    write_atomic(folder / LATEST, examples.id + "\n")
    return path


def read(folder: Path, name: str = LATEST) -> ExampleSet:
    """Return the set with this id (or the beginning of it), or the latest, checked for leaks.

    Raises NotFound when there is none, FormatError for a damaged file, LeakError when a question
    or a document stands on two sides of the splits.
    """
    path = _path(folder, name)
    try:
        table = pq.read_table(path)
        about = json.loads((table.schema.metadata or {}).get(_ABOUT, b"{}"))
        examples = tuple(map(example_of, table.to_pylist()))
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path} is damaged ({error}): make the examples anew") from error
    found = ExampleSet(examples, about.get("library_version", 0), about.get("dropped", {}))
    if found.id != path.stem:
        raise FormatError(f"{path} holds other examples than its name says: make them anew")
    check(found.examples)
    return found


def parquet(table: pa.Table) -> bytes:
    """Return a table as the bytes of a Parquet file."""
    buffer = BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def the_one(name: str, held: Sequence[str], *, what: str, maker: str) -> str:
    """Return the id that is, or begins with, a name; `maker` is the command that makes `what`.

    Raises NotFound unless there is just one.

    >>> the_one("ab", ["abc", "bcd"], what="example sets", maker="graft examples build")
    'abc'
    """
    matching = [id for id in held if name and id.startswith(name)]
    if len(matching) != 1:
        known = ", ".join(held) or f"none yet: `{maker}` makes one"
        raise NotFound(f"{len(matching)} {what} are named {name!r}: there is {known}")
    return matching[0]


def ids(folder: Path) -> list[str]:
    """Return the ids of the sets in a folder, sorted."""
    return sorted(path.stem for path in folder.glob("*.parquet"))


def _path(folder: Path, name: str) -> Path:
    if name == LATEST:
        try:
            name = (folder / LATEST).read_text(encoding="utf-8").strip()
        except FileNotFoundError as error:
            raise NotFound(
                "there are no examples yet: run `graft examples build` or `graft examples import`"
            ) from error
    id = the_one(name, ids(folder), what="example sets", maker="graft examples build")
    return folder / f"{id}.parquet"


def _told(example: Example) -> dict[str, Any]:
    row = {name: value for name, value in asdict(example).items() if value or name not in _LATER}
    gold = [
        {name: value for name, value in item.items() if (name, value) != ("grade", 1)}
        for item in row["gold"]
    ]
    return {**row, "gold": gold}


def example_of(row: Mapping[str, Any]) -> Example:
    """Return the example of a row with the columns of `SCHEMA`."""
    messages = [Message(role=turn["role"], content=turn["content"]) for turn in row["messages"]]
    return Example(
        id=row["id"],
        question=row["question"],
        answers=tuple(row["answers"]),
        gold=tuple(Gold(**gold) for gold in row["gold"]),
        kind=row["kind"],
        origin=row["origin"],
        split=row["split"],
        group=row["group"],
        messages=tuple(messages),
        rejected=tuple(row["rejected"]),
        access=tuple(row["access"]),
        metadata=dict(row["metadata"]),
    )
