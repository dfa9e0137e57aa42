from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from graft.core.errors import FormatError, InputError, LeakError, NotFound
from graft.core.example import SPLITS, Example, Gold
from graft.examples.store import LATEST, ExampleSet, ids, read, write
from graft.examples.vouched import MAKER

EXAMPLES = (
    Example(
        "1", "When did the war end?", ("1848", "in 1848"), (Gold("a.md", "h", 3, 7),), group="a.md"
    ),
    Example("2", "Who was the king of it?", (), (), "unanswerable", "made", "dev", "a.md"),
    Example(
        "3",
        "And why?",
        ("Greed.",),
        (Gold("b.md"), Gold("c.md")),
        "conversation",
        "chat.jsonl",
        "test-new",
        "b.md",
        ({"role": "user", "content": "Who?"}, {"role": "assistant", "content": "He."}),
    ),
)


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    held = ExampleSet(EXAMPLES, library_version=4, dropped={"copied": 2})
    path = write(tmp_path, held)
    assert path == tmp_path / f"{held.id}.parquet"
    assert read(tmp_path) == held
    assert read(tmp_path, held.id[:6]) == held
    assert held.counts == {"train": 1, "dev": 1, "test-seen": 0, "test-new": 1}
    assert [example.id for example in held.split("dev")] == ["2"]


def test_grades_rejected_answers_access_and_metadata_are_kept_and_make_another_set(
    tmp_path: Path,
) -> None:
    ids = {ExampleSet(EXAMPLES).id}
    graded = replace(EXAMPLES[0], gold=(replace(EXAMPLES[0].gold[0], grade=3),))
    for example in (
        graded,
        replace(EXAMPLES[0], rejected=("1849", "in May")),
        replace(EXAMPLES[0], access=("board", "hr")),
        replace(EXAMPLES[0], metadata={"type": "date", "asker": "ann"}),
    ):
        held = ExampleSet((example, *EXAMPLES[1:]))
        write(tmp_path, held)
        assert read(tmp_path) == held
        ids.add(held.id)
    assert len(ids) == 5


def test_a_set_counts_what_each_maker_made_in_each_split() -> None:
    made = replace(EXAMPLES[0], metadata={MAKER: "reason"})
    held = ExampleSet((made, *EXAMPLES[1:]))
    assert held.makers == {"reason": {**dict.fromkeys(SPLITS, 0), made.split: 1}}
    assert ExampleSet(EXAMPLES).makers == {}


def test_the_id_is_that_of_the_contents_whatever_their_order() -> None:
    held = ExampleSet(EXAMPLES)
    assert ExampleSet(EXAMPLES[::-1], library_version=9).id == held.id
    changed = (replace(EXAMPLES[0], answers=("1849",)), *EXAMPLES[1:])
    assert ExampleSet(changed).id != held.id


def test_the_latest_is_the_one_written_last(tmp_path: Path) -> None:
    first, second = ExampleSet(EXAMPLES[:1]), ExampleSet(EXAMPLES[:2])
    for held in (first, second, first):
        write(tmp_path, held)
    assert read(tmp_path).id == first.id
    assert ids(tmp_path) == sorted({first.id, second.id})


def test_a_leak_is_found_when_examples_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, ExampleSet(EXAMPLES))
    leaky = ExampleSet((EXAMPLES[0], replace(EXAMPLES[0], id="9", split="dev")))
    with pytest.raises(LeakError):
        write(tmp_path, leaky)
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows[1] |= {"question": rows[0]["question"]}
    forged = ExampleSet(
        (EXAMPLES[0], replace(EXAMPLES[1], question=EXAMPLES[0].question), EXAMPLES[2])
    )
    pq.write_table(table.from_pylist(rows, schema=table.schema), tmp_path / f"{forged.id}.parquet")
    with pytest.raises(LeakError, match="near-copies"):
        read(tmp_path, forged.id)


def test_what_is_not_there_or_damaged_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="graft examples build"):
        read(tmp_path)
    with pytest.raises(InputError, match="no examples to store"):
        write(tmp_path, ExampleSet(()))
    path = write(tmp_path, ExampleSet(EXAMPLES))
    with pytest.raises(NotFound, match=path.stem):
        read(tmp_path, "nothing")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(FormatError, match="damaged"):
        read(tmp_path)
    other = write(tmp_path, ExampleSet(EXAMPLES[:2]))
    other.rename(tmp_path / "0000.parquet")
    with pytest.raises(FormatError, match="other examples"):
        read(tmp_path, "0000")
    assert LATEST == "latest"
