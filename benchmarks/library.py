"""What the library costs and how well it finds.

    python benchmarks/library.py vectors [--rows 100000] [--dimensions 384]
    python benchmarks/library.py text FOLDER... [--pieces 5]
    python benchmarks/library.py access [--rows 100000]
    python benchmarks/library.py cold [--rows 100000]
    python benchmarks/library.py size DEVELOPER [--rows 100000] [--keep WORKSPACE]

`vectors` writes clustered vectors, and prints rows written a second, the seconds to the first
answer, latency and memory of exact search, and then seconds to measure codes and write them, and
latency and recall by them on other questions.

`text` writes BEIR folders, one passage a document ("title text"), in several ingests with
deletions between them, and prints nDCG@10 and processor milliseconds a question of
`Library.match`, of bm25s, and of LanceDB's own full text on the same terms.

`access` writes passages of 70 words with Zipf's frequencies, half of them for staff alone, and
prints processor milliseconds a question of `Library.match` for the owner and for askers who see
half, under a filter too.

`cold` writes the same passages, and prints what the first search by words takes in a new process
that has to sort the full text, and in those after it that map it from the disk.

`size` asks real questions of recombined sentences and perturbed vectors (see `size.py`): passages
written a second, the first search of a new process, p50 and p95 of hybrid search and its legs,
under filters too, recall and memory. DEVELOPER holds BEIR folders. A kept workspace grows.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import bm25s
import lancedb
import numpy as np
import psutil
import pyarrow as pa
from lancedb.index import FTS
from lancedb.query import MatchQuery
from size import size

from graft.core.context import Context
from graft.core.document import Document, Passage, passage_id
from graft.core.protocols import Ranked, Vectors
from graft.core.search import Filter
from graft.core.space import Space
from graft.library.analyse import Analyser
from graft.library.store import Library
from graft.measures.ranking import ranking_scores

CUT = "whole"
Run = dict[str, list[tuple[str, float]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(required=True)
    dense = verbs.add_parser("vectors")
    dense.add_argument("--rows", type=int, default=100_000)
    dense.add_argument("--dimensions", type=int, default=384)
    dense.add_argument("--queries", type=int, default=200)
    dense.set_defaults(run=vectors)
    lexical = verbs.add_parser("text")
    lexical.add_argument("folders", type=Path, nargs="+")
    lexical.add_argument("--split", default="dev")
    lexical.add_argument("--pieces", type=int, default=5)
    lexical.set_defaults(run=text)
    new = verbs.add_parser("cold")
    new.add_argument("--rows", type=int, default=100_000)
    new.set_defaults(run=cold)
    masked = verbs.add_parser("access")
    masked.add_argument("--rows", type=int, default=100_000)
    masked.add_argument("--queries", type=int, default=200)
    masked.set_defaults(run=access)
    large = verbs.add_parser("size")
    large.add_argument("folder", type=Path)
    large.add_argument("--rows", type=int, default=100_000)
    large.add_argument("--keep", type=Path)
    large.set_defaults(run=size)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        options.run(options, Path(folder))


def vectors(options: argparse.Namespace, folder: Path) -> None:
    draw = np.random.default_rng(0)
    centres = draw.standard_normal((max(options.rows // 100, 1), options.dimensions))
    points = clustered(draw, centres, options.rows)
    queries = clustered(draw, centres, options.queries)
    space = Space(CUT, "made up", "digest-of-made-up", options.dimensions)
    with Library.open(folder).writer(Context(), ann_from=1 << 40) as writer:
        started = clock()
        writer.add_space(space)
        for start in range(0, options.rows, 1000):
            documents = [
                Document(f"d{i:08}", f"document number {i}")
                for i in range(start, min(start + 1000, options.rows))
            ]
            passages = [whole(document) for document in documents]
            writer.put_documents(documents)
            writer.put_passages(passages)
            writer.put_vectors(space, passages, points[start : start + 1000])
        took(f"write {options.rows} documents, passages and vectors", started, options.rows)
        started = clock()
        writer.publish()
        took("publish", started)
    exact = ask(folder, space, queries, "exact")
    with Library.open(folder).writer(Context(), ann_from=1000) as writer:
        writer.put_documents([Document("one more", "")])
        started = clock()
        writer.publish()
        took("measure codes, write them and publish", started)
    state = Library.open(folder).space_states[0]
    print(f"  {state.coding}")
    found = ask(folder, space, queries, "by codes")
    shared = [
        len({h[0] for h in a[:10]} & {h[0] for h in b[:10]})
        for a, b in zip(exact, found, strict=True)
    ]
    print(f"  recall@10 on {len(queries)} other questions: {sum(shared) / 10 / len(shared):.3f}")
    ask(folder, space, queries, "by codes, a tenth of the documents", Filter(under="d0000"))


def clustered(
    draw: np.random.Generator, centres: np.ndarray[tuple[int, int], np.dtype[np.float64]], rows: int
) -> Vectors:
    points = np.empty((rows, centres.shape[1]), dtype=np.float32)
    for start in range(0, rows, 10_000):
        some = points[start : start + 10_000]
        some[:] = centres[draw.integers(0, len(centres), len(some))]
        some += (0.6 * draw.standard_normal(some.shape)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points


def ask(
    folder: Path, space: Space, queries: Vectors, what: str, allowed: Filter | None = None
) -> list[Ranked]:
    library, before = Library.open(folder), memory()
    filter = allowed or Filter()

    def search(some: Vectors) -> list[Ranked]:
        return library.nearest(
            some, 100, allowed=[filter] * len(some), encoder_digest=space.encoder_digest,
            principals=[None] * len(some),
        )  # fmt: skip

    started = clock()
    search(queries[:1])
    took(f"{what}: open and answer the first", started)
    print(f"  resident memory grew by {(memory() - before) / 1e6:.0f} MB")
    started = clock()
    for query in queries:
        search(query[None])
    took(f"{what}: one at a time", started, len(queries))
    started = clock()
    found = search(queries)
    took(f"{what}: in one batch", started, len(queries))
    return found


def text(options: argparse.Namespace, folder: Path) -> None:
    for source in options.folders:
        corpus = [json.loads(line) for line in (source / "corpus.jsonl").open(encoding="utf-8")]
        texts = [f"{row.get('title', '')} {row['text']}" for row in corpus]
        ids = [row["_id"] for row in corpus]
        split = options.split if (source / "qrels" / f"{options.split}.tsv").exists() else "test"
        qrels = read_qrels(source / "qrels" / f"{split}.tsv")
        lines = (source / "queries.jsonl").open(encoding="utf-8")
        questions = {row["_id"]: row["text"] for row in map(json.loads, lines)}
        questions = {id: questions[id] for id in qrels}
        print(f"{source.name} {split}: {len(ids)} documents, {len(questions)} questions")
        score("bm25s", qrels, peer(ids, texts, questions))
        score("lancedb", qrels, native(folder / "fts" / source.name, ids, texts, questions))
        where = folder / source.name
        documents = [Document(id, text) for id, text in zip(ids, texts, strict=True)]
        started = clock()
        ingest(where, documents, options.pieces)
        took(f"write in {options.pieces} ingests", started, len(documents))
        library, none = Library.open(where), [None] * len(questions)
        started = clock()
        library.match(["first"], 1, allowed=[Filter()], principals=[None])
        took("open and answer the first", started)
        asked, everything = list(questions.values()), [Filter()] * len(questions)
        started = clock()
        found = library.match(asked, 100, allowed=everything, principals=none)
        seconds = clock()[1] - started[1]
        run = {id: [(h[1], h[2]) for h in hits] for id, hits in zip(questions, found, strict=True)}
        score("graft", qrels, (run, seconds))


def cold(options: argparse.Namespace, folder: Path) -> None:
    write_zipf(np.random.default_rng(0), options.rows, folder)
    code = (
        "import sys, time; began = time.perf_counter()\n"
        "from pathlib import Path\n"
        "from graft.core.search import Filter\nfrom graft.library.store import Library\n"
        "library = Library.open(Path(sys.argv[1])); imported = time.perf_counter()\n"
        "one = lambda: library.match(['word7 word90'], 10, allowed=[Filter()], principals=[None])\n"
        "one(); first = time.perf_counter(); one(); second = time.perf_counter()\n"
        "print(f'imports {imported - began:.2f} s, the first search {first - imported:.2f} s, '\n"
        "      f'the second {1000 * (second - first):.1f} ms')"
    )
    for process in ("sorted", "mapped", "mapped"):
        print(f"{process}: ", end="", flush=True)
        subprocess.run([sys.executable, "-c", code, str(folder)], check=True)


def access(options: argparse.Namespace, folder: Path) -> None:
    draw = np.random.default_rng(0)
    write_zipf(draw, options.rows, folder)
    library = Library.open(folder)
    asked = [
        " ".join(f"word{n}" for n in row) for row in draw.zipf(1.3, (options.queries, 8)) % 5000
    ]
    first = 0.0
    for what, who, filter in (
        ("the owner", None, Filter()),
        ("who sees half", frozenset[str](), Filter()),
        ("who sees half, a tenth of it filtered", frozenset[str](), Filter(under="d0000")),
    ):
        library.match(["first"], 1, allowed=[filter], principals=[who])
        started = clock()
        for query in asked:
            library.match([query], 100, allowed=[filter], principals=[who])
        took(what, started, len(asked))
        seconds = clock()[1] - started[1]
        first = first or seconds
        print(f"  {seconds / first:.2f} times the owner's")


def write_zipf(draw: np.random.Generator, rows: int, folder: Path) -> None:
    with Library.open(folder).writer(Context()) as writer:
        for start in range(0, rows, 1000):
            words = draw.zipf(1.3, (min(1000, rows - start), 70))
            documents = [
                Document(f"d{start + i:08}", " ".join(f"word{n}" for n in row),
                         access=("staff",) if i % 2 else ())
                for i, row in enumerate(words)
            ]  # fmt: skip
            writer.put_documents(documents)
            writer.put_passages(map(whole, documents))
        writer.publish()


def ingest(folder: Path, documents: Sequence[Document], pieces: int) -> None:
    """Publish the documents piece by piece; each write also drops and changes what came before."""
    for piece in range(pieces):
        some = documents[piece::pieces]
        with Library.open(folder).writer(Context()) as writer:
            extra = [Document(f"extra {piece} {i}", document.text) for i, document in
                     enumerate(some[:50])]  # fmt: skip
            again = documents[piece - 1 :: pieces][:50] if piece else []
            for document in [*some, *extra, *again]:
                writer.put_documents([document])
                writer.put_passages([whole(document)])
            writer.remove(f"extra {piece - 1} {i}" for i in range(50))
            writer.publish()
    with Library.open(folder).writer(Context()) as writer:
        writer.remove(f"extra {pieces - 1} {i}" for i in range(50))
        writer.publish()


def peer(ids: Sequence[str], texts: Sequence[str], questions: dict[str, str]) -> tuple[Run, float]:
    """Rank by bm25s with its English stop words and no stemming."""
    model = bm25s.BM25()
    model.index(bm25s.tokenize(list(texts), stopwords="en", show_progress=False),
                show_progress=False)  # fmt: skip
    started = clock()
    asked = bm25s.tokenize(list(questions.values()), stopwords="en", show_progress=False)
    rows, scores = model.retrieve(asked, k=100, show_progress=False)
    seconds = clock()[1] - started[1]
    return {
        id: [(ids[row], float(s)) for row, s in zip(rows[i], scores[i], strict=True)]
        for i, id in enumerate(questions)
    }, seconds


def native(
    folder: Path, ids: Sequence[str], texts: Sequence[str], questions: dict[str, str]
) -> tuple[Run, float]:
    """Rank by LanceDB's full text, given the same terms."""
    analyser = Analyser()
    rows = {"id": list(ids), "text": [" ".join(analyser.terms(text)) for text in texts]}
    table = lancedb.connect(str(folder)).create_table("passages", pa.table(rows))
    plain = FTS(base_tokenizer="whitespace", stem=False, remove_stop_words=False,
                ascii_folding=False, lower_case=False, max_token_length=None)  # fmt: skip
    table.create_index("text", config=plain)
    run, started = {}, clock()
    for id, question in questions.items():
        terms = " ".join(dict.fromkeys(analyser.terms(question)))
        query = table.search(MatchQuery(terms, "text"), query_type="fts").limit(100)
        found = query.select(["id", "_score"]).to_arrow()
        run[id] = list(zip(found["id"].to_pylist(), found["_score"].to_pylist(), strict=True))
    return run, clock()[1] - started[1]


def score(name: str, qrels: dict[str, dict[str, int]], found: tuple[Run, float]) -> None:
    run, seconds = found
    scores = ranking_scores(qrels, run, ["nDCG@10"])["nDCG@10"]
    mean = sum(scores.values()) / len(scores)
    print(f"  {name:10} nDCG@10 {mean:.4f}   {1000 * seconds / len(run):.2f} ms a question")


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            qrels.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    return qrels


def whole(document: Document) -> Passage:
    span = (0, len(document.text))
    id = passage_id(document.id, document.text_hash, span, CUT)
    return Passage(id, document.id, *span, document.text, CUT)


def clock() -> tuple[float, float]:
    """Return seconds by the wall and by the processor: on a busy machine only the latter tells."""
    return time.perf_counter(), time.process_time()


def memory() -> int:
    return int(psutil.Process().memory_info().rss)


def took(what: str, started: tuple[float, float], count: int = 0) -> None:
    wall, processor = (now - then for now, then in zip(clock(), started, strict=True))
    figures = f"{wall:8.2f} s, {processor:.2f} of the processor"
    if count:
        figures += f"; each {1000 * wall / count:.2f} ms, {1000 * processor / count:.2f}"
    print(f"  {what:50} {figures}", flush=True)


if __name__ == "__main__":
    main()
