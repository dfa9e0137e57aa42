"""Whether made questions tell which of two systems is better as true ones do.

    python benchmarks/signs.py FOLDER/squadshifts-wiki FOLDER/medquad FOLDER/scifact [--cache DIR]

Each FOLDER is a BEIR folder with a train split: the gold documents of `--questions` of its
questions and others up to `--documents` are the corpus, a passage each. Questions are made from
the same corpus by the product's makers; no model is asked, and what a model would be asked for is
left out. For pairs of systems whose difference is known from the true questions, the difference in
nDCG@10 (or Recall@10, by `--measure`) with its interval by documents, from the first system to the
second:

- true: the questions of people; "found": those of them that the first system found in its ten best,
  which is what was left of made questions while production chose them;
- made: those whose words tell their answer; "found": the same, as it was;
- apart: the half of the made ones that shares the smaller part of its words with its passage.

Before that, how many questions have a passage among the ten best of BM25, dense or both that may
answer them beside their gold (`examples/elsewhere.py`; made ones are left out for it), how many of
the gold passages themselves the same rule takes, and with `--read N` so many of the former.

A difference that is clear on the true questions and clear the other way round on others is marked
by "!!", one whose sign alone is the other by "!". Nothing is chosen by what is printed.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import bm25s
import numpy as np
from ir_measures import R, iter_calc, nDCG
from retrieval import DEPTH, encode, read_lines, read_qrels
from sentence_transformers import SentenceTransformer

from graft.core.context import Context
from graft.core.document import Document, Passage
from graft.core.example import Example, Gold
from graft.core.search import Hit, Search
from graft.evaluate.compare import Difference, Sampling, difference
from graft.examples.elsewhere import POOLED, may_answer
from graft.examples.holding import holds_any
from graft.examples.make import MakeOptions, make_examples
from graft.examples.vouched import VOUCHED, WORDS
from graft.measures.sentences import sentences
from graft.measures.words import content, folded_words
from graft.models.starter import starter_encoder
from graft.testing import FakeGenerator
from graft.tune.fusion import Leg, fuse

MEASURES = {"nDCG@10": nDCG @ 10, "Recall@10": R @ 10}
PAIRS = (
    ("bm25", "dense"),
    ("bm25", "fused"),
    ("dense", "fused"),
    ("bm25", "bm25 folded"),
    ("dense 32", "dense"),
    ("noise", "dense"),
    ("bm25", "dense 32"),
)
TOP = 10
NOISE = 0.06
"""Standard deviation of what is added to each of 384 components of a vector of length 1."""


def main() -> None:
    options = arguments()
    for folder in options.folders:
        print(f"\n## {folder.name}", flush=True)
        report(folder, options)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--documents", type=int, default=1500)
    parser.add_argument("--measure", choices=MEASURES, default="nDCG@10")
    parser.add_argument("--read", type=int, default=0, help="print so many other answers")
    parser.add_argument("--show", type=int, default=0, help="print so many made questions")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, help="a folder that keeps vectors between runs")
    return parser.parse_args()


def report(folder: Path, options: argparse.Namespace) -> None:
    corpus, texts, qrels = sampled(folder, options)
    retrievals = Retrievals(corpus, options.cache, options.seed)
    made = questions(corpus, retrievals, options)
    told_elsewhere("true", answered(folder, texts, qrels), retrievals, options.read)
    doubtful = told_elsewhere("made", made, retrievals, options.read)
    made = [example for example in made if example.id not in doubtful]
    for example in made[: options.show]:
        print(f"    {example.question}  →  {example.answers[0]}")
    asked = {
        "true": (texts, qrels),
        "made": (
            {e.id: e.question for e in made},
            {e.id: {g.document_id: 1 for g in e.gold} for e in made},
        ),
    }
    told = Told(options.measure)
    for name, (which, gold) in asked.items():
        told.add(name, gold, retrievals.legs(which))
    far = apart(made, corpus)
    print(f"{folder.name}: {len(corpus)} documents, {len(qrels)} true and {len(made)} made")
    columns = ("true", "true found", "made", "made found", "apart")
    print(f"{options.measure:24}" + "".join(f"{column:>26}" for column in columns))
    for one, other in PAIRS:
        found = {name: told.found(name, one) for name in asked}
        cells = [
            told.difference("true", one, other),
            told.difference("true", one, other, found["true"]),
            told.difference("made", one, other),
            told.difference("made", one, other, found["made"]),
            told.difference("made", one, other, far),
        ]
        shown = (f"{cell(each, cells[0]):>26}" for each in cells)
        print(f"{one + ' → ' + other:24}" + "".join(shown))


def sampled(
    folder: Path, options: argparse.Namespace
) -> tuple[list[Document], dict[str, str], dict[str, dict[str, int]]]:
    """Return a part of a corpus, and true questions on it with their qrels."""
    draw = random.Random(options.seed)
    rows = {row["_id"]: row for row in read_lines(folder / "corpus.jsonl")}
    qrels = {q: gold for q, gold in read_qrels(folder, "train").items() if gold.keys() <= {*rows}}
    chosen = draw.sample(sorted(qrels), min(options.questions, len(qrels)))
    needed = sorted({document for q in chosen for document in qrels[q]})
    others = sorted(rows.keys() - set(needed))
    room = max(0, min(options.documents - len(needed), len(others)))
    ids = [*needed, *draw.sample(others, room)]
    texts = {row["_id"]: row["text"] for row in read_lines(folder / "queries.jsonl")}
    corpus = [Document(id, rows[id]["text"], title=rows[id].get("title", "")) for id in ids]
    return corpus, {q: texts[q] for q in chosen}, {q: qrels[q] for q in chosen}


class Retrievals:
    """The systems that are compared, over one corpus, a passage a document."""

    def __init__(self, corpus: Sequence[Document], cache: Path | None, seed: int) -> None:
        self.passages = {
            d.id: Passage(d.id, d.id, 0, len(d.text), d.text, "whole", d.title) for d in corpus
        }
        self.ids, self.seed = list(self.passages), seed
        self.texts = [p.indexed_text for p in self.passages.values()]
        self.vectors = encode(str(starter_encoder()), self.texts, cache)
        self.words = {fold: self._index(fold) for fold in (False, True)}
        self.encoder = SentenceTransformer(str(starter_encoder()), device="cpu")

    def legs(self, asked: Mapping[str, str]) -> dict[str, Leg]:
        """Return what each system ranks for questions by id."""
        legs, vectors = self.served(asked), self._encoded(asked)
        draw = np.random.default_rng(self.seed)
        loud = self.vectors + NOISE * draw.standard_normal(self.vectors.shape)
        return legs | {
            "bm25 folded": self._matched(asked, fold=True),
            "dense 32": self._nearest(self.vectors[:, :32], vectors[:, :32], asked),
            "noise": self._nearest(loud, vectors, asked),
        }

    def served(self, asked: Mapping[str, str]) -> dict[str, Leg]:
        """Return what BM25, dense and their fusion rank."""
        words = self._matched(asked, fold=False)
        near = self._nearest(self.vectors, self._encoded(asked), asked)
        fused = {id: fuse([near[id], words[id]], [1.0, 1.0]) for id in asked}
        return {"bm25": words, "dense": near, "fused": fused}

    def search(self, searches: list[Search]) -> list[Search]:
        """Return searches with the hits of the fusion: what production is for the makers."""
        found = self.served({str(i): search.query for i, search in enumerate(searches)})["fused"]
        return [
            Search(s.query, hits=tuple(Hit(d, d, v, passage=self.passages[d]) for d, v in best))
            for s, best in zip(searches, found.values(), strict=True)
        ]

    def _encoded(self, asked: Mapping[str, str]) -> np.ndarray:
        return self.encoder.encode(list(asked.values()), show_progress_bar=False)

    def _index(self, fold: bool) -> bm25s.BM25:
        index = bm25s.BM25()
        index.index(tokens(self.texts, fold), show_progress=False)
        return index

    def _matched(self, asked: Mapping[str, str], *, fold: bool) -> Leg:
        depth = min(DEPTH, len(self.ids))
        texts = tokens(list(asked.values()), fold)
        found, scores = self.words[fold].retrieve(texts, k=depth, show_progress=False)
        return {
            name: [(self.ids[i], float(s)) for i, s in zip(best, row, strict=True) if s > 0]
            for name, best, row in zip(asked, found, scores, strict=True)
        }

    def _nearest(self, passages: np.ndarray, asked: np.ndarray, names: Mapping[str, str]) -> Leg:
        unit = passages / np.linalg.norm(passages, axis=1, keepdims=True)
        scores = asked / np.linalg.norm(asked, axis=1, keepdims=True) @ unit.T
        order = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
        return {
            name: [(self.ids[i], float(row[i])) for i in best]
            for name, row, best in zip(names, scores, order, strict=True)
        }


def tokens(texts: Sequence[str], fold: bool) -> bm25s.tokenization.Tokenized:
    """Return texts as BM25 reads them; folded, "bridges" and "bridge" are one word."""
    if fold:
        texts = [" ".join(key for key, _ in folded_words(text)) for text in texts]
    return bm25s.tokenize(list(texts), stopwords="en", show_progress=False)


def questions(
    corpus: Sequence[Document], retrievals: Retrievals, options: argparse.Namespace
) -> list[Example]:
    """Return made questions that a test may ask: their words tell their answer."""
    made = make_examples(
        ((document, [retrievals.passages[document.id]]) for document in corpus),
        FakeGenerator(lambda prompt: ""),
        options=MakeOptions(per_document=1, limit=options.questions, unanswerable=0, factor=20),
        retrieve=retrievals.search,
        ctx=Context(seed=options.seed),
    )
    return [e for e in made.examples if WORDS in e.metadata.get(VOUCHED, "").split()]


def answered(
    folder: Path, texts: Mapping[str, str], qrels: Mapping[str, Mapping[str, int]]
) -> list[Example]:
    """Return the true questions that have answers, as examples."""
    path = folder / "answers.jsonl"
    answers = {row["_id"]: row["answers"] for row in read_lines(path)} if path.exists() else {}
    return [
        Example(id, text, tuple(answers[id]), tuple(map(Gold, qrels[id])))
        for id, text in texts.items()
        if answers.get(id)
    ]


def told_elsewhere(
    name: str, asked: Sequence[Example], retrievals: Retrievals, read: int
) -> set[str]:
    """Print how many questions others than their gold may answer, and return their ids."""
    legs = retrievals.served({example.id: example.question for example in asked}) if asked else {}
    pairs = [
        (example, retrievals.passages[document])
        for example in asked
        for document in sorted({d for leg in legs.values() for d, _ in leg[example.id][:POOLED]})
    ]
    found = [(example, passage) for example, passage in pairs if may_answer(example, passage)]
    own = sum(
        may_answer(replace(example, gold=()), retrievals.passages[example.gold[0].document_id])
        for example in asked
    )
    ids = {example.id for example, _ in found}
    if asked:
        print(f"{name}: {len(ids)} of {len(asked)} questions may be answered by another passage")
        print(f"  ({len(found)} passages); by the same rule {own} by their own")
    for example, passage in random.Random(0).sample(found, min(read, len(found))):
        told = [passage.text[slice(*span)] for span in sentences(passage.text)]
        held = " / ".join(text for text in told if holds_any(text, example.answers))
        print(f"    {example.question} → {example.answers[0]}\n      {passage.title}: {held[:400]}")
    return ids


def apart(made: Sequence[Example], corpus: Sequence[Document]) -> set[str]:
    """Return the half of the questions that shares fewer of its words with its passage."""
    said = {d.id: content(f"{d.title} {d.text}") for d in corpus}
    share = {}
    for example in made:
        asked = content(example.question)
        there = asked & said[example.gold[0].document_id]
        share[example.id] = (len(there) / max(1, len(asked)), -len(asked))
    order = sorted(share, key=lambda id: (share[id], id))
    return set(order[: len(order) // 2])


class Told:
    """What each system scores on each question, by the name of the questions."""

    def __init__(self, measure: str) -> None:
        self.measure = measure
        self.gold: dict[str, dict[str, dict[str, int]]] = {}
        self.legs: dict[str, dict[str, Leg]] = {}
        self.values: dict[tuple[str, str], dict[str, float]] = {}

    def add(self, name: str, gold: dict[str, dict[str, int]], legs: dict[str, Leg]) -> None:
        self.gold[name], self.legs[name] = gold, legs
        for system, leg in legs.items():
            run = {id: dict(ranked) for id, ranked in leg.items()}
            scored = iter_calc([MEASURES[self.measure]], gold, run)
            self.values[name, system] = dict.fromkeys(gold, 0.0) | {
                each.query_id: float(each.value) for each in scored
            }

    def found(self, name: str, system: str) -> set[str]:
        """Return the questions whose gold a system has among its ten best."""
        leg = self.legs[name][system]
        return {q for q, gold in self.gold[name].items() if {d for d, _ in leg[q][:TOP]} & {*gold}}

    def difference(
        self, name: str, one: str, other: str, kept: set[str] | None = None
    ) -> Difference:
        ids = [id for id in self.gold[name] if kept is None or id in kept]
        sides = [
            (system, np.array([self.values[name, system][id] for id in ids]))
            for system in (one, other)
        ]
        groups = [min(self.gold[name][id]) for id in ids]
        return difference(
            *sides, self.measure, groups=groups, sampling=Sampling(), bounds=(0.0, 1.0)
        )


def cell(each: Difference, true: Difference) -> str:
    turned = each.mean * true.mean < 0
    clear = [not d.low <= 0 <= d.high for d in (each, true)]
    mark = "!!" if turned and all(clear) else "!" if turned and clear[1] else ""
    return f"{mark}{each.mean:+.3f} [{each.low:+.3f},{each.high:+.3f}]"


if __name__ == "__main__":
    main()
