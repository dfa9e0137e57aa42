"""Hybrid search over as many passages as one machine holds: `python benchmarks/library.py size`.

Vectors: those of the starter encoder for the beginnings of real passages, perturbed: one passage's
vector and .5 times the difference of two others, at unit length. So they spread as real ones do,
and a question has near ones that differ. Texts: five real sentences each, drawn anew, ten passages
a document. Questions are real, with their own vectors: none was made of a passage.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import psutil

from graft.core.context import Context
from graft.core.document import Document, Passage, passage_id
from graft.core.protocols import Vectors
from graft.core.search import Filter, Search
from graft.core.space import Space
from graft.library.lance import scan
from graft.library.rows import matrix_of
from graft.library.store import Library
from graft.retrieve.stage import Stage
from graft.retrieve.stages.bm25 import BM25
from graft.retrieve.stages.dense import Dense
from graft.retrieve.stages.fetch import Fetch

SETS = ("medquad", "scifact", "bioasq", "hotpotqa")
TRAIN = ("medquad", "scifact", "bioasq")
REAL, QUESTIONS = 8000, 400
AT_ONCE = 1000
SPACE = Space("whole", "starter", "digest-of-the-starter", 384)
FILTERS = {"1 %": Filter(metadata=(("part", "one"),)), ".01 %": Filter(metadata=(("few", "yes"),))}


def size(options: argparse.Namespace, folder: Path) -> None:
    """Build what is not there yet of the workspace, then ask it in a new process."""
    folder = options.keep or folder
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "source.npz").exists():
        read_source(options.folder, folder)
    for rows in sorted({min(10_000, options.rows), min(100_000, options.rows), options.rows}):
        build(folder, rows)
    if not (folder / f"truth-{options.rows}.npy").exists():
        np.save(folder / f"truth-{options.rows}.npy", truth(folder))
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import size; "
    for call in ("first", "first", "ask"):
        subprocess.run(
            [sys.executable, "-c", f"{code}size.{call}(size.Path({str(folder)!r}))"], check=True
        )


def read_source(developer: Path, folder: Path) -> None:
    """Keep sentences, and real passages and questions with their vectors."""
    from graft.core.config import EncoderTable
    from graft.wire import encoder, open_workspace

    draw = random.Random(0)
    texts = [
        f"{row.get('title', '')} {row['text']}"
        for name in SETS
        for row in map(json.loads, (developer / name / "corpus.jsonl").open(encoding="utf-8"))
    ]
    draw.shuffle(texts)
    sentences = [s for text in texts[:20_000] for s in re.split(r"(?<=[.!?])\s+", text)]
    sentences = [s for s in sentences if 40 <= len(s) <= 200]
    questions = []
    for name in TRAIN:
        lines = (developer / name / "qrels" / "train.tsv").open(encoding="utf-8")
        known = {line.split("\t")[0] for line in lines}
        rows = map(json.loads, (developer / name / "queries.jsonl").open(encoding="utf-8"))
        questions += [row["text"] for row in rows if row["_id"] in known]
    questions = draw.sample(questions, QUESTIONS)
    model = encoder(open_workspace(folder / "workspace"), EncoderTable())
    cut = [" ".join(text.split()[:64]) for text in texts[:REAL]]
    np.savez(
        folder / "source.npz",
        vectors=model.encode_passages(cut), asked=model.encode_queries(questions),
    )  # fmt: skip
    told = {"sentences": sentences, "questions": questions}
    (folder / "source.json").write_text(json.dumps(told), encoding="utf-8")


@dataclass(frozen=True)
class Source:
    """What passages are made of, and what is asked; the encoder of the questions too."""

    folder: Path
    name: str = SPACE.encoder
    digest: str = SPACE.encoder_digest
    dimensions: int = SPACE.dimensions
    max_tokens: int = 256

    @cached_property
    def texts(self) -> dict[str, list[str]]:
        return json.loads((self.folder / "source.json").read_text(encoding="utf-8"))

    @cached_property
    def vectors(self) -> dict[str, Vectors]:
        return dict(np.load(self.folder / "source.npz"))

    @cached_property
    def known(self) -> dict[str, int]:
        return {text: row for row, text in enumerate(self.texts["questions"])}

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self.vectors["asked"][[self.known[text] for text in texts]]

    def passages(self, start: int, count: int) -> tuple[list[Document], list[Passage], Vectors]:
        """Return the documents of some passages; each thousand is drawn by itself."""
        draw, documents, passages = random.Random(start), [], []
        for first in range(start, start + count, 10):
            parts = [" ".join(draw.choices(self.texts["sentences"], k=5)) for _ in range(10)]
            metadata = {"part": "one"} if first % 1000 == 0 else {}
            metadata |= {"few": "yes"} if first % 100_000 == 0 else {}
            document = Document(f"d{first:08}", "\n".join(parts), metadata=metadata)
            documents.append(document)
            place = 0
            for part in parts:
                span = (place, place + len(part))
                id = passage_id(document.id, document.text_hash, span, SPACE.segmentation)
                passages.append(Passage(id, document.id, *span, part, SPACE.segmentation))
                place += len(part) + 1
        rows = np.random.default_rng(start).integers(0, REAL, (3, count))
        one, plus, minus = (self.vectors["vectors"][some] for some in rows)
        vectors = one + 0.5 * (plus - minus)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return documents, passages, vectors.astype(np.float32)


def build(folder: Path, rows: int) -> None:
    """Publish passages up to `rows`, and tell how many a second were written."""
    source = Source(folder)
    library = Library.open(folder / "library")
    held = library.counts["passages"]
    if held >= rows:
        return
    began, making = clock(), np.zeros(2)
    with library.writer(Context()) as writer:
        writer.add_space(SPACE)
        for start in range(held, rows, AT_ONCE):
            started = clock()
            documents, passages, vectors = source.passages(start, min(AT_ONCE, rows - start))
            making += clock() - started
            writer.put_documents(documents)
            writer.put_passages(passages)
            writer.put_vectors(SPACE, passages, vectors)
        written = clock() - began - making
        writer.publish()
    took = clock() - began - making
    wall, processor = (rows - held) / took
    published = took - written
    print(
        f"{held} to {rows}: {wall:.0f} passages/s, {processor:.0f} a second of the processor, of "
        f"which publishing took {published[0]:.1f} s, {published[1]:.1f} of the processor; "
        f"{memory():.2f} GiB", flush=True,
    )  # fmt: skip


def truth(folder: Path) -> np.ndarray[tuple[int, int], np.dtype[np.str_]]:
    """Return the ids of each question's ten nearest passages, by a pass over all vectors."""
    snapshot = Library.open(folder / "library")._snapshot
    (state,) = snapshot.manifest.spaces
    asked = Source(folder).vectors["asked"]
    ids, scores = np.zeros((len(asked), 10), dtype="U64"), np.full((len(asked), 10), -2.0)
    for batch in scan(snapshot.table(state.table), ["id", "vector"]):
        here = asked @ matrix_of(batch.column("vector")).T
        names = np.asarray(batch.column("id").to_pylist(), dtype="U64")
        top = np.argpartition(-here, 9, axis=1)[:, :10]
        both = np.concatenate([scores, np.take_along_axis(here, top, 1)], axis=1)
        of_both = np.concatenate([ids, names[top]], axis=1)
        best = np.argsort(-both, axis=1)[:, :10]
        scores, ids = np.take_along_axis(both, best, 1), np.take_along_axis(of_both, best, 1)
    return ids


def first(folder: Path) -> None:
    """Open a library and answer one question."""
    source = Source(folder)
    search = [Search(source.texts["questions"][0])]
    source.encode_queries([search[0].query])
    began = clock()
    library = Library.open(folder / "library")
    hybrid(library, source)(search, Context())
    wall, processor = clock() - began
    print(
        f"first search of a process: {wall:.2f} s, {processor:.2f} of the processor, "
        f"{memory():.2f} GiB", flush=True,
    )  # fmt: skip


def hybrid(library: Library, source: Source) -> Stage:
    return (Dense(library, source) + BM25(library)) % 10 >> Fetch(library)


def ask(folder: Path) -> None:
    """Ask every question alone, each way; the first ten warm the process."""
    source, library = Source(folder), Library.open(folder / "library")
    rows, ctx = library.counts["passages"], Context()
    searches = [Search(text) for text in source.texts["questions"]]
    ways: dict[str, Stage] = {
        "hybrid": hybrid(library, source),
        "dense": Dense(library, source),
        "bm25": BM25(library),
    }
    whole = 0.0
    for name, stage in ways.items():
        middle = told(name, searches, lambda search, stage=stage: stage([search], ctx))
        whole = whole or middle
    found = [stage([search], ctx)[0] for stage in [ways["hybrid"]] for search in searches]
    ids = [[hit.passage_id for hit in search.hits] for search in found]
    told("texts of ten hits", ids, library.passages)
    for name, allowed in FILTERS.items():
        some = [Search(search.query, filter=allowed) for search in searches]
        middle = told(f"hybrid, {name} let through", some, lambda s: ways["hybrid"]([s], ctx))
        print(f"  {middle / whole:.2f} times the time without a filter")
    exact = np.load(folder / f"truth-{rows}.npy")
    hits = [{h.passage_id for h in ways["dense"]([s], ctx)[0].hits[:10]} for s in searches]
    shared = sum(len(set(ten) & some) for ten, some in zip(exact.tolist(), hits, strict=True))
    print(f"  {rows} passages: recall@10 of dense {shared / exact.size:.4f}, {memory():.2f} GiB")


def told(what: str, asked: Sequence[object], run: Callable[[object], object]) -> float:
    """Print the median and the 95th of a hundred in milliseconds; return the processor's median."""
    took = []
    for one in [*asked[:10], *asked]:
        began = clock()
        run(one)
        took.append(1000 * (clock() - began))
    (middle, processor), (p95, processor95) = np.percentile(took[10:], [50, 95], axis=0)
    print(
        f"  {what:28} p50 {middle:7.2f} ms, p95 {p95:7.2f}; of the processor {processor:7.2f}, "
        f"{processor95:7.2f}", flush=True,
    )  # fmt: skip
    return float(processor)


def clock() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return seconds by the wall and by the processor: on a busy machine only the latter tells."""
    return np.array([time.perf_counter(), time.process_time()])


def memory() -> float:
    """Return what this process holds in GiB, mapped files included."""
    return psutil.Process().memory_info().rss / 2**30
