"""Indexes: one contract for all; what they return is checked, whatever it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from itertools import chain
from pathlib import Path
from typing import get_args

import pytest

from graft.core import seam
from graft.core.context import Context, Event
from graft.core.document import Document, Passage
from graft.core.errors import ConfigError
from graft.core.index import IndexChoice, IndexPlace
from graft.core.protocols import Index, Ranked
from graft.core.seam import Seam
from graft.core.search import Filter
from graft.core.space import Space
from graft.library import vectors
from graft.library.indexes import INDEXES
from graft.library.store import Library
from graft.testing import FakeEncoder, FakeIndexes
from graft.testing.contracts import DIMENSIONS, INDEX_CONTRACT
from graft.testing.indexes import Lie
from graft.wire import library, open_workspace
from tests.extending_index import SQLITE

pytestmark = pytest.mark.slow

ENCODER = FakeEncoder(dimensions=8)
SPACE = Space("whole", ENCODER.name, ENCODER.digest, ENCODER.dimensions)
WORDS = ("leave", "days", "carry", "over", "march", "manager", "tea")
QUERIES = ("leave days", "carry over march tea", "manager")
STAFF = frozenset({"staff"})
ROWS, FEW = 60, 40


@pytest.mark.parametrize("check", INDEX_CONTRACT, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", [INDEXES.named("lance"), FakeIndexes().kind, SQLITE],
                         ids=lambda kind: kind.name)  # fmt: skip
def test_the_contract_of_every_index(
    kind: object, check: Callable[[Index], None], tmp_path: Path
) -> None:
    check(kind.open(IndexPlace("graft_test", tmp_path, DIMENSIONS)))  # type: ignore[attr-defined]


def put(
    folder: Path, choice: IndexChoice | None, first: int = 0, ctx: Context | None = None
) -> Library:
    """Publish 60 documents, of which three quarters may be seen by staff."""
    documents = [
        Document(f"d{i:03}", " ".join(WORDS[(i * k) % 7] for k in range(1, 2 + i % 9)) + f" {i}",
                 access=("staff",) if i % 4 else ("boss",))
        for i in range(first, first + ROWS)
    ]  # fmt: skip
    passages = [Passage(f"p{d.id}", d.id, 0, len(d.text), d.text, "whole") for d in documents]
    with Library.open(folder, index=choice).writer(ctx or Context()) as writer:
        writer.add_space(SPACE)
        writer.put_documents(documents)
        writer.put_passages(passages)
        writer.put_vectors(SPACE, passages, ENCODER.encode_passages([p.text for p in passages]))
        writer.publish()
    return Library.open(folder, index=choice)


def ask(library: Library, who: frozenset[str] | None = None, limit: int = 10) -> list[list[Ranked]]:
    alike = {"allowed": [Filter()] * len(QUERIES), "principals": [who] * len(QUERIES)}
    return [
        library.nearest(
            ENCODER.encode_queries(QUERIES), limit, encoder_digest=ENCODER.digest, **alike
        ),
        library.match(QUERIES, limit, **alike),
    ]


def same(found: list[list[Ranked]], wanted: list[list[Ranked]], *, ids: bool = True) -> None:
    for one, other in zip(chain(*found), chain(*wanted), strict=True):
        assert not ids or [hit[:2] for hit in one] == [hit[:2] for hit in other]
        assert [hit[2] for hit in one] == pytest.approx([hit[2] for hit in other], abs=1e-6)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "EXACT_ROWS", FEW)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("lie", get_args(Lie))
def test_whatever_an_index_returns_the_results_are_those_of_the_library(
    tmp_path: Path, lie: Lie
) -> None:
    fake = FakeIndexes()
    choice = IndexChoice(fake.kind)
    put(tmp_path / "own", None)
    put(tmp_path / "fake", choice)
    for folder, chosen in (("own", None), ("fake", choice)):
        # What is gone, and what changed its readers, is nothing that an index is told.
        with Library.open(tmp_path / folder, index=chosen).writer(Context()) as writer:
            writer.purge([f"d{i:03}" for i in range(0, 12, 2)])
            writer.set_access({"d013": ["boss"], "d016": ["staff"]})
            writer.publish()
    (index,) = fake.opened.values()
    assert index.count() == ROWS - 6 and len(index.gone) == 6
    fake.lie = lie
    if lie == "forgets":
        index.held = dict(list(index.held.items())[::2])
    own = Library.open(tmp_path / "own")
    library = Library.open(tmp_path / "fake", index=choice)
    for limit in (1, 10, 70):
        for who in (None, STAFF, frozenset({"boss"}), frozenset[str]()):
            (near, words), wanted = ask(library, who, limit), ask(own, who, limit)
            same([near], wanted[:1])
            if who is not None:  # nothing that he may not see decides what he finds
                same([words], wanted[1:])
            # By words an index only narrows what is looked at: as many, and scored as ever.
            for found, few, every in zip(words, wanted[1], ask(own, who, 99)[1], strict=True):
                assert len({hit[0] for hit in found}) == len(found) == len(few)
                scores = {hit[0]: hit[2] for hit in every}
                told = [hit[2] for hit in found]
                assert told == pytest.approx([scores[hit[0]] for hit in found], abs=1e-6)
                assert told == sorted(told, reverse=True)
    assert (fake.asked > 0) == (lie not in ("ill", "forgets"))
    assert (library.check() == []) == (lie not in ("ill", "forgets"))


@pytest.mark.usefixtures("few")
def test_an_index_is_asked_only_where_many_passages_pass(tmp_path: Path) -> None:
    fake = FakeIndexes()
    library = put(tmp_path, IndexChoice(fake.kind))
    ask(library, frozenset({"boss"}))  # 15 of 60
    assert fake.asked == 0
    ask(library, STAFF)  # 45 of 60, by vectors alone
    by_vectors = fake.asked
    assert by_vectors > 0
    ask(library)
    assert fake.asked > by_vectors + len(QUERIES)


@pytest.mark.usefixtures("few")
def test_what_an_index_finds_passes_the_filter_too(tmp_path: Path) -> None:
    """The owner sees everything, so that an index is asked, and returns what a filter lets by."""
    fake = FakeIndexes()
    library = put(tmp_path, IndexChoice(fake.kind))
    (best,) = library.match(QUERIES[:1], 10, allowed=[Filter()], principals=[None])
    kept = frozenset(f"d{i:03}" for i in range(ROWS)) - {hit[1] for hit in best[:3]}
    before = fake.asked
    allowed = [Filter(document_ids=kept)]
    (words,) = library.match(QUERIES[:1], 10, allowed=allowed, principals=[None])
    assert fake.asked > before
    assert len(words) == 10 and {hit[1] for hit in words} <= kept


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    ("lie", "told"),
    [("raises", "ConnectionError: the server is gone"), ("ill", "it was told to be ill"), ("", "")],
)
def test_an_index_that_fails_is_told_and_done_without(tmp_path: Path, lie: Lie, told: str) -> None:
    fake = FakeIndexes()
    choice = IndexChoice(fake.kind)
    put(tmp_path, choice)
    fake.lie = lie
    library = Library.open(tmp_path, index=choice)
    heard: list[Event] = []
    alike = {"allowed": [Filter()], "principals": [None], "ctx": Context(events=heard.append)}
    vectors = ENCODER.encode_queries(QUERIES[:1])
    assert library.nearest(vectors, 5, encoder_digest=ENCODER.digest, **alike)[0]
    by_vectors = len(heard)
    assert library.match(QUERIES[:1], 5, **alike)[0]
    assert by_vectors == bool(lie) and all(told in event.message for event in heard)
    assert {event.phase for event in heard} <= {"warning"}
    assert len(heard) - by_vectors == (lie == "raises"), "what is never asked was told before"


def test_an_index_that_cannot_be_filled_stops_no_publish(tmp_path: Path) -> None:
    told: list[Event] = []
    fake = FakeIndexes(lie="forgets")
    choice = IndexChoice(fake.kind)
    library = put(tmp_path, choice, ctx=Context(events=told.append))
    assert any("could not be filled" in e.message for e in told if e.phase == "warning")
    assert "ingest again" in library.check()[0]
    same(ask(library), ask(Library.open(tmp_path)))
    # The next ingest tries again, though nothing else changed.
    fake.lie = ""
    with library.writer(Context()) as writer:
        assert writer.publish() == 2
    assert Library.open(tmp_path, index=choice).check() == []
    with Library.open(tmp_path, index=choice).writer(Context()) as writer:
        assert writer.publish() == 2


def test_an_index_chosen_later_is_filled_with_what_there_is(tmp_path: Path) -> None:
    put(tmp_path, None)
    fake = FakeIndexes()
    choice = IndexChoice(fake.kind)
    library = Library.open(tmp_path, index=choice)
    assert "not filled" in library.check()[0]
    with library.writer(Context()) as writer:
        writer.publish()
    (index,) = fake.opened.values()
    assert index.count() == ROWS
    vector, text = index.held["pd007"]
    assert text == next(library.documents(["d007"])).text
    assert vector == pytest.approx(ENCODER.encode_passages([text])[0])


def test_readers_of_older_versions_keep_what_they_look_for(tmp_path: Path) -> None:
    fake = FakeIndexes()
    choice = IndexChoice(fake.kind)
    older = put(tmp_path, choice)
    with Library.open(tmp_path, index=choice) as library, library.writer(Context()) as writer:
        writer.put_documents([Document("d001", "another text")])  # its passage is replaced
        writer.publish()
    (index,) = fake.opened.values()
    assert "pd001" in index.held
    older.close()
    with Library.open(tmp_path, index=choice) as library, library.writer(Context()) as writer:
        writer.remove(["d002"])
        writer.publish()
        assert "pd001" not in index.held and "pd002" in index.held
    # A purge waits for no reader.
    with Library.open(tmp_path, index=choice) as library, library.writer(Context()) as writer:
        writer.purge(["d003"])
        writer.publish()
        assert not {"pd002", "pd003"} & index.held.keys()
        writer.drop_space(SPACE)
        writer.publish()
    with Library.open(tmp_path, index=choice) as library, library.writer(Context()) as writer:
        writer.put_documents([Document("more", "")])
        writer.publish()
    assert index.held == {}


KILLED = """
import os, signal, sys
from pathlib import Path
from graft.core.index import IndexChoice
from graft.library import writer
from tests.extending_index import SQLITE
from tests.test_library_indexes import put

def kill(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(writer, sys.argv[2], kill)
put(Path(sys.argv[1]), IndexChoice(SQLITE), first=60)
"""


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("instant", ["commit", "clean"])
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_writer_killed_around_the_publish_leaves_readers_right(
    tmp_path: Path, instant: str
) -> None:
    choice = IndexChoice(SQLITE)
    put(tmp_path / "one", choice)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "one"), instant],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        cwd=Path(__file__).parents[1], check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    library = Library.open(tmp_path / "one", index=choice)
    index, why = library._snapshot.index(library.space_states[0])
    assert index is not None and why == "" and library.check() == []
    assert index.count() == 2 * ROWS  # it was written before the pointer moved
    assert library.version == {"commit": 1, "clean": 2}[instant]
    put(tmp_path / "two", None)
    if instant == "clean":
        put(tmp_path / "two", None, first=60)
    # Which of equal ones come in under the limit is the index's matter, as nobody asked for more.
    same(ask(library), ask(Library.open(tmp_path / "two")), ids=False)
    library.close()
    # What the killed one left behind goes with the next publish.
    with Library.open(tmp_path / "one", index=choice).writer(Context()) as writer:
        writer.put_documents([Document("more", "")])
        writer.publish()
    assert index.count() == library.counts["passages"]


def test_the_setting_names_an_index_that_a_package_brings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = {"ingest.index": "sqlit"}
    with pytest.raises(ConfigError, match="there is no index 'sqlit'"):
        library(open_workspace(tmp_path, flags))
    point = EntryPoint("sqlite", "tests.extending_index:SQLITE", "graft.indexes")
    monkeypatch.setattr(seam, "entry_points", lambda group: [point] if "indexes" in group else [])
    monkeypatch.setattr("graft.library.indexes.INDEXES", Seam(**{
        name: getattr(INDEXES, name) for name in ("what", "folder", "group", "kind")
    }))  # fmt: skip
    with pytest.raises(ConfigError, match="did you mean 'sqlite'"):
        library(open_workspace(tmp_path, flags))
    opened = library(open_workspace(tmp_path, {"ingest.index": "sqlite"}))
    assert opened._snapshot.choice is not None
