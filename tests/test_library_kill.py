"""A process that ingests is killed at random instants: what was published is whole each time."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from graft.core.context import Context
from graft.core.document import Document, Passage, passage_id
from graft.core.space import Space
from graft.library.lance import Database
from graft.library.manifest import published, read_manifest
from graft.library.store import Library
from graft.library.writer import Writer
from graft.testing.fakes import FakeEncoder

pytestmark = pytest.mark.slow

KILLS = 50
ENCODER = FakeEncoder(dimensions=8)
SPACE = Space("halves", ENCODER.name, ENCODER.digest, ENCODER.dimensions)
WORDS = ("leave", "days", "carry", "over", "until", "march", "unless", "manager", "agrees")


def cut(document: Document) -> list[Passage]:
    middle = len(document.text) // 2
    spans = [(0, middle), (middle, len(document.text))]
    return [
        Passage(passage_id(document.id, document.text_hash, span, "halves"), document.id, *span,
                document.text[slice(*span)], "halves")
        for span in spans
    ]  # fmt: skip


def ingest_once(folder: Path, draw: random.Random) -> None:
    library = Library.open(folder)
    expected = {row.id: row.text_hash for row in library.document_rows()}
    with library.writer(Context()) as writer:
        change(writer, expected, draw)
        # Written before the publish: whatever version is found later must be as announced here.
        number = library.version + 1
        (folder.parent / f"{number}.json").write_text(json.dumps(expected))
        assert writer.publish() in {number, library.version}
    library.close()


def change(writer: Writer, expected: dict[str, str], draw: random.Random) -> None:
    writer.add_space(SPACE)
    gone = draw.sample(sorted(expected), min(len(expected), draw.randrange(3)))
    if draw.random() < 0.1:
        writer.purge(gone)
    else:
        writer.remove(gone)
    for id in gone:
        del expected[id]
    for _ in range(draw.randrange(1, 4)):
        text = " ".join(draw.choices(WORDS, k=20))
        document = Document(f"doc-{draw.randrange(12)}", text)
        expected[document.id] = document.text_hash
        writer.put_documents([document])
        passages = cut(document)
        writer.put_passages(passages)
        vectors = ENCODER.encode_passages([passage.indexed_text for passage in passages])
        writer.put_vectors(SPACE, passages, vectors)


def ingest_forever(folder: Path, seed: int, done: Any) -> None:
    draw = random.Random(seed)
    while True:
        done.release()
        ingest_once(folder, draw)


def unpublished(folder: Path) -> bool:
    """Whether a killed writer left anything: a table, or a version of one."""
    manifest, database = read_manifest(folder, published(folder)), Database(folder)
    states = {state.name: state.version for state in manifest.tables}
    return states.keys() != set(database.names()) or any(
        database.open(name).version != version for name, version in states.items()
    )


@pytest.mark.filterwarnings("ignore:lancedb fork support")
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_version_is_whole_whenever_its_writer_is_killed(tmp_path: Path) -> None:
    # A fork server has imported LanceDB but never used it: a process starts in milliseconds.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", "graft.library.store", "graft.testing.fakes"])
    folder, draw, cut_short, versions = tmp_path / "library", random.Random(0), 0, [0]
    typical = 0.0
    for seed in range(2 * KILLS):
        if seed >= KILLS and cut_short > KILLS // 4:
            break  # beside other work fewer kills fall into a write, and more are needed
        done = context.Semaphore(0)
        child = context.Process(target=ingest_forever, args=(folder, seed, done), daemon=True)
        child.start()
        assert done.acquire(timeout=300) and child.pid
        if seed == 0:
            started = time.perf_counter()
            assert all(done.acquire(timeout=300) for _ in range(4))
            typical = min((time.perf_counter() - started) / 4, 1.0)
        # At some instant of its first write or of its second, slow or fast as the machine may be.
        assert all(done.acquire(timeout=300) for _ in range(draw.randrange(2)))
        time.sleep(draw.uniform(0, typical))
        assert child.exitcode is None, "the writer failed by itself"
        os.kill(child.pid, signal.SIGKILL)
        child.join()

        with Library.open(folder) as library:
            assert library.check() == []
            found = {row.id: row.text_hash for row in library.document_rows()}
            versions.append(library.version)
            if library.version:
                announced = (tmp_path / f"{library.version}.json").read_text()
                assert found == json.loads(announced)
                assert library.counts["passages"] == 2 * len(found)
                assert library.spaces == (SPACE,)
                cut_short += unpublished(folder)
    assert versions == sorted(versions)
    # enough publishes for kills to fall between and within them, on a slow machine too
    assert versions[-1] >= 4
    assert cut_short > KILLS // 4, "too few kills fell into a write to mean anything"
