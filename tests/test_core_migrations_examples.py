"""Example sets of the first version: what opens them, and by which id."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graft.core.errors import FormatError
from graft.core.example import Example, Gold
from graft.core.migrations.examples import to_2
from graft.examples.store import ExampleSet, read, write
from graft.loop.sets import load_examples
from graft.wire import open_workspace

ID = "69da0abedf88b375"
"""What the first version called the set below: runs, releases and the ledger hold it."""

_GOLD = [
    ("document_id", pa.string()), ("text_hash", pa.string()), ("start", pa.int64()),
    ("end", pa.int64()),
]  # fmt: skip
SCHEMA_1 = pa.schema(
    [
        ("id", pa.string()), ("question", pa.string()), ("answers", pa.list_(pa.string())),
        ("gold", pa.list_(pa.struct(_GOLD))), ("kind", pa.string()), ("origin", pa.string()),
        ("split", pa.string()), ("group", pa.string()),
        ("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
    ]
)  # fmt: skip

EXAMPLES = (
    Example(
        "1", "When did the war end?", ("1848", "in 1848"), (Gold("a.md", "h", 3, 7),), group="a.md"
    ),
    Example("2", "Who was the king of it?", (), (), "unanswerable", "made", "dev", "a.md"),
    Example(
        "3", "And why?", ("Greed.",), (Gold("b.md"), Gold("c.md")), "conversation", "chat.jsonl",
        "test-new", "b.md",
        ({"role": "user", "content": "Who?"}, {"role": "assistant", "content": "He."}),
    ),
)  # fmt: skip


def rows() -> list[dict[str, object]]:
    """The examples as the first version wrote them."""
    return [
        {
            "id": e.id, "question": e.question, "answers": list(e.answers), "kind": e.kind,
            "gold": [{name: getattr(gold, name) for name, _ in _GOLD} for gold in e.gold],
            "origin": e.origin, "split": e.split, "group": e.group, "messages": list(e.messages),
        }
        for e in EXAMPLES
    ]  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder `.graft` of a workspace of format 1 that holds nothing but the set."""
    home = tmp_path / ".graft"
    (home / "examples").mkdir(parents=True)
    (home / "format").write_text("1\n")
    (home / "examples" / "latest").write_text(f"{ID}\n")
    about = {b"graft": json.dumps({"library_version": 4, "dropped": {"copied": 2}})}
    table = pa.Table.from_pylist(rows(), schema=SCHEMA_1).replace_schema_metadata(about)
    pq.write_table(table, home / "examples" / f"{ID}.parquet")
    return home


def test_a_set_of_the_first_version_is_read_by_the_id_that_everything_names(home: Path) -> None:
    workspace = open_workspace(home.parent)
    for name in (ID, ID[:5], ""):
        found = load_examples(workspace, name)
        assert (found.id, found.examples) == (ID, EXAMPLES)
        assert (found.library_version, found.dropped) == (4, {"copied": 2})
    assert sorted(path.name for path in (home / "examples").iterdir()) == [
        f"{ID}.parquet",
        "latest",
    ]


def test_the_same_examples_get_the_same_id_today(tmp_path: Path) -> None:
    assert write(tmp_path, ExampleSet(EXAMPLES, library_version=9)).stem == ID


def test_a_damaged_set_does_not_stop_the_others(home: Path) -> None:
    (home / "examples" / "bad.parquet").write_bytes(b"PAR1")
    to_2(home)
    assert read(home / "examples").id == ID
    with pytest.raises(FormatError, match="damaged"):
        read(home / "examples", "bad")


def test_a_workspace_without_sets_has_nothing_to_rewrite(tmp_path: Path) -> None:
    to_2(tmp_path)
    assert list(tmp_path.iterdir()) == []
