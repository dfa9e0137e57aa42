"""Versions: published whole or not at all, read while others are written, cleaned and purged."""

from __future__ import annotations

import json
import multiprocessing
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from graft.core.context import Context
from graft.core.document import Document, Passage, passage_id
from graft.core.errors import Cancelled, FormatError, InputError, NotFound
from graft.core.files import write_atomic
from graft.core.hashing import value_hash
from graft.core.search import Filter
from graft.core.space import Space
from graft.library import publish as publishing
from graft.library.lance import Database
from graft.library.leases import leased
from graft.library.manifest import FORMAT, manifest_versions, published, read_manifest
from graft.library.rows import DOCUMENTS, document_row
from graft.library.store import Library
from graft.library.writer import Writer
from graft.testing.fakes import FakeEncoder

pytestmark = pytest.mark.slow

ENCODER = FakeEncoder(dimensions=8)
SPACE = Space("whole", ENCODER.name, ENCODER.digest, ENCODER.dimensions)


def whole(document: Document) -> Passage:
    span = (0, len(document.text))
    id = passage_id(document.id, document.text_hash, span, "whole")
    return Passage(id, document.id, *span, document.text, "whole")


def put(writer: Writer, **texts: str) -> None:
    documents = [Document(id, text) for id, text in texts.items()]
    passages = [whole(document) for document in documents]
    writer.add_space(SPACE)
    writer.put_documents(documents)
    writer.put_passages(passages)
    writer.put_vectors(SPACE, passages, ENCODER.encode_passages([p.text for p in passages]))


def publish(folder: Path, ctx: Context | None = None, **texts: str) -> int:
    with Library.open(folder) as library, library.writer(ctx or Context()) as writer:
        put(writer, **texts)
        return writer.publish()


def texts(library: Library) -> dict[str, str]:
    return dict(library.texts())


def found(library: Library, query: str) -> list[str]:
    (ranked,) = library.match([query], 10, allowed=[Filter()], principals=[None])
    return sorted(document for _, document, _ in ranked)


def disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_readers_keep_their_versions_while_others_are_published(tmp_path: Path) -> None:
    publish(tmp_path, a="one apple", b="one pear")
    first = Library.open(tmp_path)
    publish(tmp_path, a="two apples")
    second, untouched = Library.open(tmp_path), Library.open(tmp_path)
    assert found(first, "apple") == ["a"]
    stop, wrong = threading.Event(), []

    def read() -> None:
        while not stop.wait(0.01):
            if texts(first)["a"] != "one apple" or found(second, "apples") != ["a"]:
                wrong.append("a reader saw another version")

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for i in range(4):
        publish(tmp_path, a=f"apple number {i + 3}", **{f"more{i}": "a plum"})
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    # One that reads for the first time, long after, still finds its version on disk.
    assert texts(untouched) == {"a": "two apples", "b": "one pear"}
    assert untouched.check() == first.check() == []
    assert (first.version, second.version, Library.open(tmp_path).version) == (1, 2, 6)
    assert first.stale() and not Library.open(tmp_path).stale()


def test_what_nobody_reads_is_cleaned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "SMALL_FRAGMENTS", 3)
    monkeypatch.setattr(publishing, "MARGIN", timedelta(seconds=1.5))
    publish(tmp_path, a="zero")
    reader = Library.open(tmp_path)
    for i in range(8):
        publish(tmp_path, **{f"d{i}": f"text {i}"})
    assert texts(reader) == {"a": "zero"}
    # The first is read by `reader`, the last but one was by the writer itself.
    assert manifest_versions(tmp_path) == [1, 8, 9]
    before = {state.name: state.version for state in read_manifest(tmp_path, 9).tables}
    reader.close()
    time.sleep(1.6)
    for i in range(8):
        publish(tmp_path, **{f"d{i}": f"text {i} again"})
    assert manifest_versions(tmp_path) == [16, 17]
    library = Library.open(tmp_path)
    assert library.check() == [] and len(texts(library)) == 9
    for state in read_manifest(tmp_path, 17).tables:
        table = Database(tmp_path).open(state.name)
        assert sorted(table.tags.list()) == ["lib-16", "lib-17"]
        assert min(entry["version"] for entry in table.list_versions()) > before[state.name]


def _read(folder: Path, ready: Any, done: Any) -> None:
    with Library.open(folder):
        ready.set()
        done.wait(60)


def test_a_lease_holds_while_its_process_lives_though_no_other_can_see_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As from another container, where the reader's number is nobody's or somebody else's.
    monkeypatch.setattr("psutil.pid_exists", lambda _: False)
    publish(tmp_path, a="text")
    spawn = multiprocessing.get_context("spawn")
    ready, done = spawn.Event(), spawn.Event()
    process = spawn.Process(target=_read, args=(tmp_path, ready, done))
    process.start()
    try:
        assert ready.wait(60)
        assert leased(tmp_path) == {1} == leased(tmp_path)
        process.kill()
        process.join(60)
        assert leased(tmp_path) == set() and not list((tmp_path / "leases").iterdir())
    finally:
        process.kill()


def test_a_lease_that_nobody_holds_is_removed(tmp_path: Path) -> None:
    publish(tmp_path, a="text")
    (tmp_path / "leases").mkdir()
    (tmp_path / "leases" / "1-abcd").touch()
    with Library.open(tmp_path):
        assert leased(tmp_path) == {1}
        assert not (tmp_path / "leases" / "1-abcd").exists()
    assert leased(tmp_path) == set()


def test_a_lease_may_be_given_back_by_another_thread(tmp_path: Path) -> None:
    publish(tmp_path, a="text")
    library = Library.open(tmp_path)
    closing = threading.Thread(target=library.close)
    closing.start()
    closing.join()
    assert leased(tmp_path) == set()


def test_publishing_nothing_new_is_no_version(tmp_path: Path) -> None:
    assert publish(tmp_path, a="text") == 1
    with Library.open(tmp_path).writer(Context()) as writer:
        writer.add_space(SPACE)
        writer.remove(["never there"])
        assert writer.publish() == 1
    assert Library.open(tmp_path).version == 1


def test_publishing_the_same_again_changes_no_digest(tmp_path: Path) -> None:
    publish(tmp_path, a="text", b="more text")
    before, ranked = read_manifest(tmp_path, 1), found(Library.open(tmp_path), "text")
    assert publish(tmp_path, b="more text", a="text") == 2
    after = read_manifest(tmp_path, 2)
    assert [t.digest for t in after.tables] == [t.digest for t in before.tables]
    assert after.counts == before.counts
    assert found(Library.open(tmp_path), "text") == ranked


def test_one_writer_may_publish_twice(tmp_path: Path) -> None:
    with Library.open(tmp_path).writer(Context()) as writer:
        put(writer, a="first")
        assert writer.publish() == 1
        put(writer, b="second")
        assert writer.publish() == 2
    library = Library.open(tmp_path)
    assert texts(library) == {"a": "first", "b": "second"} and library.check() == []


def test_a_write_that_fails_publishes_nothing(tmp_path: Path) -> None:
    publish(tmp_path, a="text")
    with pytest.raises(ZeroDivisionError), Library.open(tmp_path).writer(Context()) as writer:
        put(writer, b="never")
        writer.remove(["a"])
        writer.drop_space(SPACE)
        raise ZeroDivisionError
    library = Library.open(tmp_path)
    assert (library.version, texts(library), library.check()) == (1, {"a": "text"}, [])
    assert publish(tmp_path, c="later") == 2
    library = Library.open(tmp_path)
    assert texts(library) == {"a": "text", "c": "later"} and library.check() == []


def test_a_space_without_a_passage_of_stored_text_is_not_published(tmp_path: Path) -> None:
    publish(tmp_path, a="text")
    other = replace(SPACE, segmentation="other")
    with (
        pytest.raises(InputError, match="holds no passage, and document 'a' has text"),
        Library.open(tmp_path).writer(Context()) as writer,
    ):
        writer.add_space(other)
        writer.drop_space(SPACE)
        writer.publish()
    library = Library.open(tmp_path)
    assert library.spaces == (SPACE,) and library.check() == []
    with library.writer(Context()) as writer:  # where there is no text there is nothing to cut
        writer.remove(["a"])
        writer.put_documents([Document("blank", " \n ")])
        writer.add_space(other)
        assert writer.publish() == 2


def test_a_library_made_before_documents_told_whose_access_theirs_is_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        columns = list(DOCUMENTS)[:-1]
        older.setattr("graft.library.writer.DOCUMENTS", pa.schema(columns))
        older.setattr("graft.library.writer.document_row", lambda d, own_access: document_row(d))
        older.setattr("graft.library.rows.DOCUMENTS", pa.schema(columns))
        publish(tmp_path, a="text")
    library = Library.open(tmp_path)
    assert [row.own_access for row in library.document_rows()] == [False]
    with library.writer(Context()) as writer:
        put(writer, b="more text")
        writer.put_documents([Document("c", "own", access=("alice",))], own_access={"c"})
        writer.set_access({"a": ["bob"]})
        writer.publish()
    library = Library.open(tmp_path)
    rows = {row.id: (row.own_access, row.access) for row in library.document_rows()}
    assert rows == {"a": (False, ("bob",)), "b": (False, ()), "c": (True, ("alice",))}
    assert library.check() == []


def test_a_cancelled_write_publishes_nothing(tmp_path: Path) -> None:
    publish(tmp_path, a="text")
    ctx = Context()
    with pytest.raises(Cancelled), Library.open(tmp_path).writer(ctx) as writer:
        put(writer, b="never")
        ctx.cancel.set()
        writer.publish()
    assert texts(Library.open(tmp_path)) == {"a": "text"}


def test_the_pointer_is_replaced_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []

    def note(path: Path, data: str | bytes) -> None:
        events.append(path.name)
        write_atomic(path, data)

    monkeypatch.setattr("graft.library.manifest.write_atomic", note)
    flush = publishing.flush
    monkeypatch.setattr(publishing, "flush", lambda *a: (events.append("flush"), flush(*a)))
    publish(tmp_path, a="text")
    assert events == ["flush", "1.json", "published"]


@pytest.mark.parametrize("step", ["commit", "publish_manifest", "flush"])
def test_whatever_step_fails_the_next_write_starts_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    publish(tmp_path, a="text")

    def fail(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as broken:
        where = "graft.library.writer" if step == "commit" else "graft.library.publish"
        broken.setattr(f"{where}.{step}", fail)
        with pytest.raises(OSError, match="no space left"):
            publish(tmp_path, b="never")
    assert texts(Library.open(tmp_path)) == {"a": "text"}
    assert publish(tmp_path, c="later") == 2
    library = Library.open(tmp_path)
    assert texts(library) == {"a": "text", "c": "later"} and library.check() == []
    for state in read_manifest(tmp_path, 2).tables:
        assert "lib-2" in Database(tmp_path).open(state.name).tags.list()


def test_a_purge_leaves_no_byte_of_the_text(tmp_path: Path) -> None:
    publish(tmp_path, a="the secretword itself", b="harmless")
    publish(tmp_path, c="another secretword")
    reader = Library.open(tmp_path)
    with Library.open(tmp_path).writer(Context()) as writer:
        writer.remove(["a"])
        writer.publish()
    assert b"secretword" in disk(tmp_path)
    with Library.open(tmp_path).writer(Context()) as writer:
        # One that is in the library, and one that only an older version has.
        assert writer.purge(["a", "c"]) == 1
        writer.publish()
    library = Library.open(tmp_path)
    assert texts(library) == {"b": "harmless"} and library.check() == []
    assert found(library, "secretword harmless") == ["b"]
    assert b"secretword" not in disk(tmp_path) and b"harmless" in disk(tmp_path)
    with pytest.raises(NotFound, match="open it again"):
        texts(reader)
    assert publish(tmp_path, d="life goes on") == 5


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    publish(tmp_path, a="text")
    path = tmp_path / "manifests" / "1.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": FORMAT + 1}))
    with pytest.raises(FormatError, match="update Graft"):
        Library.open(tmp_path)


@pytest.mark.parametrize(
    "damage", [lambda text: text[:-20], lambda text: text.replace('"rows": 1', '"rows": 2'),
               lambda text: "[]", None]
)  # fmt: skip
def test_a_damaged_manifest_is_told(tmp_path: Path, damage: object) -> None:
    publish(tmp_path, a="text")
    path = tmp_path / "manifests" / "1.json"
    if callable(damage):
        path.write_text(damage(path.read_text()))
    else:
        path.unlink()
    with pytest.raises(FormatError, match="restore it from a backup"):
        Library.open(tmp_path)


def test_a_damaged_pointer_is_told(tmp_path: Path) -> None:
    publish(tmp_path, a="text")
    (tmp_path / "published").write_text("one")
    with pytest.raises(FormatError, match="'one'"):
        Library.open(tmp_path)


def test_a_check_finds_what_is_wrong(tmp_path: Path) -> None:
    publish(tmp_path, a="one text", b="another text")
    manifest = read_manifest(tmp_path, 1)
    assert manifest.passages and manifest.documents
    database = Database(tmp_path)
    table = database.open(manifest.passages.name)
    table.delete("document_id = 'a'")
    # A version that lost a passage, made to look published.
    data = json.loads((tmp_path / "manifests" / "1.json").read_text())
    data.pop("digest")
    data["passages"]["version"] = table.version
    data["digest"] = value_hash(data)
    (tmp_path / "manifests" / "1.json").write_text(json.dumps(data))
    found = Library.open(tmp_path).check()
    assert any("passages" in problem for problem in found)
    assert any("vector of every passage" in problem for problem in found)


def test_a_version_says_what_it_is(tmp_path: Path) -> None:
    ctx = Context(clock=lambda: 1234.5)
    publish(tmp_path, ctx, a="text")
    manifest = read_manifest(tmp_path, published(tmp_path))
    assert (manifest.version, manifest.created) == (1, 1234.5)
    assert manifest.counts == {"documents": 1, "passages": 1}
    assert len({table.name for table in manifest.tables}) == 3
    assert manifest.spaces[0].table.digest == manifest.segmentations["whole"].digest
