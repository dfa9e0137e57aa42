"""How segmentations compare: passages, tokens, speed, and the gold characters BM25 brings back.

    python benchmarks/segmentation.py FOLDER [--top 5] [--limit 0]

FOLDER holds corpus.jsonl and queries.jsonl (BEIR) and spans.jsonl, whose rows name the characters
that answer a query: {"query_id", "corpus_id", "start", "end"}. For each query the first passages
by BM25 are taken together; recall is the share of gold characters among theirs, precision the
share of theirs that are gold, IoU both at once (Smith and Troynikov 2024, "Evaluating Chunking
Strategies for Retrieval"). Figures are means over the queries. Below each setting stand windows of
its mean size, cut wherever they end. Speed is characters a second of one core, tokenising left
out. A folder of Markdown files without queries gives the first columns alone.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import bm25s

from graft.core.document import Document, Passage
from graft.core.protocols import Tokenizer
from graft.core.space import Segmentation
from graft.library.segment import segment
from graft.models.tokenizer import load_tokenizer

Span = tuple[str, int, int]

SETTINGS = {
    "structure, 250 tokens": Segmentation(),
    "structure, 250, overlap 40": Segmentation(overlap=40),
    "structure, 128 tokens": Segmentation(max_tokens=128),
    "structure, 512 tokens": Segmentation(max_tokens=512),
}


@dataclass
class Remembering:
    """Tokenises each text once, so that segmentation is timed alone."""

    inner: Tokenizer
    known: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.inner.name

    def offsets(self, text: str) -> list[tuple[int, int]]:
        if text not in self.known:
            self.known[text] = self.inner.offsets(text)
        return self.known[text]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("folder", type=Path)
    options.add_argument("--top", type=int, default=5, help="passages taken for a query")
    options.add_argument("--limit", type=int, default=0, help="queries at most; 0 takes all")
    given = options.parse_args()
    documents = list(read_documents(given.folder))
    queries, gold = read_queries(given.folder)
    queries = dict(list(queries.items())[: given.limit or None])
    tokenizer = Remembering(load_tokenizer("starter"))
    size = sum(len(document.text) for document in documents)
    print(f"{len(documents)} documents, {size:,} characters, {len(queries)} queries")
    started = time.process_time()
    for document in documents:
        tokenizer.offsets(document.text)
    print(f"tokenising alone: {size / (time.process_time() - started) / 1e6:.2f} MB/s\n")
    print(f"{'':32}{'passages':>9}{'tokens':>8}{'MB/s':>7}{'recall':>9}{'prec.':>8}{'IoU':>8}")
    bench = Bench(documents, queries, gold, tokenizer, given.top)
    for name, chosen in SETTINGS.items():
        mean = bench.row(name, lambda document, s=chosen: segment(document, s, tokenizer))
        width, overlap = round(mean), chosen.overlap
        bench.row(
            f"  windows of {width}, overlap {overlap}",
            lambda document, w=width, o=overlap: windows(document, w, o, tokenizer),
        )


@dataclass(frozen=True)
class Bench:
    """What every row of the table is measured on."""

    documents: Sequence[Document]
    queries: Mapping[str, str]
    gold: Mapping[str, list[Span]]
    tokenizer: Tokenizer
    top: int

    def row(self, name: str, cut: Callable[[Document], Iterable[Passage]]) -> float:
        """Print one row and return the mean tokens of its passages' texts."""
        seconds = []
        for _ in range(3):  # what is tokenised on the way is remembered and not timed
            started = time.process_time()
            passages = [passage for document in self.documents for passage in cut(document)]
            seconds.append(time.process_time() - started)
        speed = sum(len(document.text) for document in self.documents) / min(seconds) / 1e6
        tokens = sum(len(self.tokenizer.offsets(passage.text)) for passage in passages)
        mean = tokens / len(passages)
        line = f"{name:32}{len(passages):9,}{mean:8.0f}{speed:7.1f}"
        if self.queries:
            recall, precision, iou = retrieve(passages, self.queries, self.gold, self.top)
            line += f"{recall:9.3f}{precision:8.3f}{iou:8.3f}"
        print(line, flush=True)
        return mean


def windows(
    document: Document, width: int, overlap: int, tokenizer: Tokenizer
) -> Iterator[Passage]:
    """Yield stretches of `width` tokens, wherever they begin and end."""
    offsets = tokenizer.offsets(document.text)
    for first in range(0, max(len(offsets) - overlap, 1), width - overlap):
        part = offsets[first : first + width]
        if part:
            span = (part[0][0], part[-1][1])
            yield Passage(str(span), document.id, *span, document.text[slice(*span)], "windows")


def retrieve(
    passages: Sequence[Passage],
    queries: Mapping[str, str],
    gold: Mapping[str, list[Span]],
    top: int,
) -> tuple[float, float, float]:
    """Return the mean recall, precision and IoU of gold characters in the first `top` passages."""
    index = bm25s.BM25()
    texts = [passage.indexed_text for passage in passages]
    index.index(bm25s.tokenize(texts, stopwords="en", show_progress=False), show_progress=False)
    asked = bm25s.tokenize(list(queries.values()), stopwords="en", show_progress=False)
    found, _ = index.retrieve(asked, k=min(top, len(passages)), show_progress=False)
    totals = [0.0, 0.0, 0.0]
    for query, row in zip(queries, found.tolist(), strict=True):
        taken = characters((p.document_id, p.start, p.end) for p in (passages[i] for i in row))
        wanted = characters(gold[query])
        shared = len(taken & wanted)
        totals[0] += shared / len(wanted)
        totals[1] += shared / len(taken)
        totals[2] += shared / len(taken | wanted)
    return totals[0] / len(queries), totals[1] / len(queries), totals[2] / len(queries)


def characters(spans: Iterable[Span]) -> set[tuple[str, int]]:
    """Return the characters of spans, each once."""
    return {(document, i) for document, start, end in spans for i in range(start, end)}


def read_documents(folder: Path) -> Iterator[Document]:
    """Yield the documents of a BEIR folder, or the Markdown files below a folder."""
    if (folder / "corpus.jsonl").exists():
        for row in rows(folder / "corpus.jsonl"):
            yield Document(row["_id"], row["text"])
        return
    for path in sorted(folder.rglob("*.md")):
        name = path.relative_to(folder).as_posix()
        text = path.read_text(encoding="utf-8")
        yield Document(name, text, title=path.stem, media_type="text/markdown")


def read_queries(folder: Path) -> tuple[dict[str, str], dict[str, list[Span]]]:
    """Return the queries that have gold spans, and those spans."""
    gold: dict[str, list[Span]] = defaultdict(list)
    if not (folder / "spans.jsonl").exists():
        return {}, gold
    for row in rows(folder / "spans.jsonl"):
        gold[row["query_id"]].append((row["corpus_id"], row["start"], row["end"]))
    queries = {row["_id"]: row["text"] for row in rows(folder / "queries.jsonl")}
    return {id: text for id, text in queries.items() if id in gold}, gold


def rows(path: Path) -> Iterator[dict]:  # type: ignore[type-arg]
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


if __name__ == "__main__":
    main()
