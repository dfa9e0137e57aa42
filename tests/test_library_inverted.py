"""A kept full text finds what a sorted one does, follows its table, and may go at any time."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from graft.core.context import Context
from graft.core.document import Document, Passage
from graft.core.protocols import Ranked
from graft.core.search import Filter
from graft.core.space import Space
from graft.library import inverted
from graft.library.leases import leased
from graft.library.snapshot import invert
from graft.library.store import Library
from graft.testing.fakes import FakeEncoder

pytestmark = pytest.mark.slow

ENCODER = FakeEncoder(dimensions=4)
SPACE = Space("whole", ENCODER.name, ENCODER.digest, ENCODER.dimensions)
WORDS = ["leave", "days", "carry", "over", "march", "manager", "tea", "office", "river", "hill"]
QUERIES = ("leave days", "tea tea hill", "nothing", "river")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Keep the full text of any library; tell how often one was sorted."""
    sorted_: list[int] = []

    def counted(size, lists):
        sorted_.append(size)
        return invert(size, lists)

    monkeypatch.setattr(inverted, "KEPT_FROM", 1)
    monkeypatch.setattr("graft.library.snapshot.invert", counted)
    return sorted_


def publish(folder: Path, first: int, count: int, gone: tuple[str, ...] = ()) -> Library:
    draw = random.Random(first)
    documents = [
        Document(f"d{i:03}", " ".join(draw.choices(WORDS, k=draw.randint(1, 30))),
                 access=("staff",) if i % 3 else ())
        for i in range(first, first + count)
    ]  # fmt: skip
    passages = [Passage(f"p{d.id}", d.id, 0, len(d.text), d.text, "whole") for d in documents]
    with Library.open(folder).writer(Context()) as writer:
        writer.add_space(SPACE)
        writer.put_documents(documents)
        writer.put_passages(passages)
        writer.put_vectors(SPACE, passages, ENCODER.encode_passages([p.text for p in passages]))
        (writer.purge if first < 0 else writer.remove)(gone)
        writer.publish()
    return Library.open(folder)


def ask(library: Library, who: frozenset[str] | None = None) -> list[Ranked]:
    more = {"allowed": [Filter()] * len(QUERIES), "principals": [who] * len(QUERIES)}
    return library.match(QUERIES, 9, **more)


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / inverted.FOLDER).iterdir())


def test_the_next_process_sorts_nothing_and_finds_the_same(
    tmp_path: Path, small: list[int]
) -> None:
    first = publish(tmp_path, 0, 50)
    found = [ask(first, who) for who in (None, frozenset({"staff"}), frozenset[str]())]
    assert small == [50] and len(kept(tmp_path)) == 1
    again = Library.open(tmp_path)
    assert [ask(again, who) for who in (None, frozenset({"staff"}), frozenset[str]())] == found
    assert small == [50] and any(found[0])


def test_it_follows_what_is_published_and_older_ones_go(tmp_path: Path, small: list[int]) -> None:
    older = publish(tmp_path, 0, 50)
    before = ask(older)
    newer = publish(tmp_path, 50, 5, gone=("d001",))
    wanted = ask(newer)
    assert small == [50] and wanted != before, "it was regrown"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inverted, "older", lambda *_: None)
        patch.setattr(inverted, "load", lambda *_: None)
        patch.setattr(inverted, "save", lambda *_: None)
        assert ask(Library.open(tmp_path)) == wanted and small == [50, 54]
    assert ask(Library.open(tmp_path)) == wanted and ask(older) != wanted
    assert len(kept(tmp_path)) == 2, "an older version is still read"
    first = kept(tmp_path)[0]
    older.close()
    newer.close()
    assert leased(tmp_path) == set()
    last = publish(tmp_path, 90, 1)
    assert first not in kept(tmp_path) and any(ask(last))
    # A change of who may see what leaves the passages as they are.
    with last.writer(Context()) as writer:
        writer.set_access({"d003": ["boss"]})
        writer.publish()
    count = len(small)
    ask(Library.open(tmp_path))
    assert len(small) == count


@pytest.mark.parametrize("harm", ["gone", "cut", "other", "unwritable"])
def test_one_that_is_damaged_is_sorted_anew(
    tmp_path: Path, small: list[int], harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ask(publish(tmp_path, 0, 30))
    (name,) = kept(tmp_path)
    folder = tmp_path / inverted.FOLDER / name
    if harm == "gone":
        (folder / "weights.npy").unlink()
    if harm == "cut":
        whole = (folder / "passages.npy").read_bytes()
        (folder / "passages.npy").write_bytes(whole[:-40])
    if harm == "other":
        np.save(folder / "lengths.npy", np.ones(7, dtype=np.float32))
    if harm == "unwritable":
        (folder / "about.json").unlink()
        monkeypatch.setattr(np, "save", lambda *_: (_ for _ in ()).throw(OSError("no space")))
    assert ask(Library.open(tmp_path)) == found
    assert small == [30, 30]
    assert ask(Library.open(tmp_path)) == found
    assert small == [30] * (3 if harm == "unwritable" else 2), "it was kept anew"
    assert not [path for path in folder.parent.iterdir() if path.name.startswith(".")]


def test_a_purge_leaves_nothing_of_what_was_purged(tmp_path: Path) -> None:
    reader = publish(tmp_path, 0, 30)
    ask(reader)
    with Library.open(tmp_path).writer(Context()) as writer:
        writer.purge(["d001"])
        writer.publish()
    assert kept(tmp_path) == []
