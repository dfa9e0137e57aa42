"""Tune an encoder on a BEIR folder's training questions, and score its test split before and after.

    python benchmarks/tune_retriever.py FOLDER [--split dev] [--questions 800] [--cache DIR]

One passage a document ("title text"). Dev is carved out of `train` by document: questions that
share a gold document, directly or through another, stay on one side. Negatives are mined from a
hybrid first stage (bm25s and the base encoder). Prints the curves, the share of the tuned weights
that dev chose, and nDCG@10 and Recall@10 of `--split`: dense and fused, before and after. With
--trainer (which needs `datasets` and `accelerate`) sentence-transformers' trainer learns the same
triples in the same run, by its cached loss and its sampler without duplicates.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from retrieval import bm25, encode, read_lines, read_qrels, score

from graft.core.config import RetrieverTuneTable
from graft.core.context import Context, Event
from graft.core.document import Passage
from graft.core.example import Example, Gold
from graft.core.protocols import Ranked
from graft.core.recipe import Negatives, Recipe, Schedule
from graft.core.search import Hit, Search
from graft.examples.gold import Judged
from graft.models.adapters.full import Full
from graft.models.adapters.lora import Lora
from graft.models.encoder import load_encoder
from graft.models.starter import starter_encoder
from graft.tune.fusion import Leg, fit_fusion, fuse
from graft.tune.mine import Triple, mine
from graft.tune.pool import dev_pool
from graft.tune.ranking import tune_retriever
from graft.tune.writing import write_run

DEFAULTS = RetrieverTuneTable()


@dataclass(frozen=True)
class Corpus:
    """A PassageStore of whole documents, with BM25 rankings and vectors made in advance."""

    passages_by_id: Mapping[str, Passage]
    lexical: Leg
    dense: Leg
    questions: Mapping[str, str]
    version: int = 1

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        return [self.passages_by_id[id] for id in ids]

    def match(self, queries: Sequence[str], limit: int, **_: object) -> list[Ranked]:
        asked = {text: id for id, text in self.questions.items()}
        return [[(d, d, s) for d, s in self.lexical[asked[q]][:limit]] for q in queries]

    def first_stage(self, searches: list[Search]) -> list[Search]:
        asked = {text: id for id, text in self.questions.items()}
        found = []
        for search in searches:
            id = asked[search.query]
            ranked = fuse([self.dense[id], self.lexical[id]], [1, 1])
            found.append(replace(search, hits=tuple(Hit(d, d, s) for d, s in ranked)))
        return found


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    base = str(starter_encoder()) if options.model == "starter" else options.model
    rows = read_lines(options.folder / "corpus.jsonl")
    texts = {row["_id"]: (row.get("title", ""), row["text"]) for row in rows}
    passages = {
        id: Passage(id, id, 0, len(text), text, "whole", title=title)
        for id, (title, text) in texts.items()
    }
    questions = {row["_id"]: row["text"] for row in read_lines(options.folder / "queries.jsonl")}
    train_qrels = read_qrels(options.folder, "train")
    test_qrels = read_qrels(options.folder, options.split)
    train, dev = carve(train_qrels, random.Random(options.seed), options)
    asked = {id: questions[id] for id in [*train, *dev, *test_qrels]}
    ids, indexed = list(passages), [p.indexed_text for p in passages.values()]
    lexical = bm25(ids, indexed, asked)
    vectors = encode(base, indexed, options.cache)
    asked_vectors = dict(zip(asked, encode(base, list(asked.values()), options.cache), strict=True))
    corpus = Corpus(passages, lexical, nearest(ids, vectors, asked_vectors), asked)
    row_of = {id: row for row, id in enumerate(ids)}
    by_text = {text: asked_vectors[id] for id, text in asked.items()}

    def similarity(pairs: Sequence[tuple[str, Passage]]) -> np.ndarray:
        return np.asarray([by_text[q] @ vectors[row_of[p.id]] for q, p in pairs], np.float32)

    examples = {
        id: Example(id, questions[id], gold=tuple(Gold(d) for d, g in train_qrels[id].items() if g))
        for id in [*train, *dev]
    }
    positives = {
        id: [passages[g.document_id] for g in example.gold] for id, example in examples.items()
    }
    negatives = Negatives(options.first, options.last, options.negatives, options.ceiling)
    ctx = Context(events=Printer())
    mined = mine(
        [examples[id] for id in train], positives, corpus.first_stage, corpus, negatives,
        similarity=similarity, ctx=ctx,
    )  # fmt: skip
    if options.trainer:  # which wants as many negatives in every row
        full = tuple(t for t in mined.triples if len(t.negatives) == options.negatives)
        mined = replace(mined, triples=full)
    print(f"{len(mined.triples)} triples; left out: {dict(mined.dropped)}")
    judged = {
        id: Judged("document", {d: grade for d, grade in train_qrels[id].items() if grade})
        for id in dev
    }
    pool = dev_pool([examples[id] for id in dev], positives, judged, corpus, size=options.pool)
    print(f"dev: {len(pool.questions)} questions, {len(pool.passages)} passages")
    adapter = Lora(options.rank, 2 * options.rank) if options.lora else Full()
    recipe = Recipe(
        part="retriever",
        objective="contrastive",
        base=options.model,
        adapter=adapter.to_dict(),
        schedule=Schedule(
            epochs=options.epochs,
            batch_size=options.batch,
            learning_rate=options.rate,
            patience=options.patience,
            max_tokens=options.max_tokens,
            evaluations=options.evaluations,
        ),
        negatives=negatives,
        scale=options.scale,
        seed=options.seed,
    )
    items, dev_items = {recipe.objective: mined.triples}, {recipe.objective: pool}
    began = time.process_time()
    tuned = tune_retriever(load_encoder(base), items, dev_items, recipe=recipe, ctx=ctx)
    ours = time.process_time() - began
    run = write_run(options.out, tuned.to_run(recipe, ctx), tuned.save)
    print(f"run {run.folder}: {run.seconds:.0f} s, peak {run.peak_memory['host'] / 2**30:.1f} GiB")
    print(f"by share of the tuned weights: {tuned.looks}")
    folders = {"before": base, "after": str(run.weights)}
    if options.trainer:
        began = time.process_time()
        folders["theirs"] = their_trainer(base, mined.triples, recipe, options.out)
        theirs = time.process_time() - began
        began, encoder = time.process_time(), load_encoder(base)
        encoder.encode_queries(list(pool.questions.values()))
        encoder.encode_passages([passage.indexed_text for passage in pool.passages.values()])
        one = time.process_time() - began
        looks = sum(point.dev_loss is not None for point in run.curves) + len(tuned.looks) - 2
        steps = ours - looks * one
        print(f"processor seconds: ours {ours:.0f}, of which {looks} looks at dev {looks * one:.0f}"
              f"; theirs, without a look, {theirs:.0f}: {theirs / ours:.2f} times ours as a whole, "
              f"{theirs / steps:.2f} times ours without its looks")  # fmt: skip
    for name, folder in folders.items():
        vectors = encode(folder, indexed, options.cache)
        queries = encode(folder, list(asked.values()), options.cache)
        dense = nearest(ids, vectors, dict(zip(asked, queries, strict=True)))
        fitted = fit_fusion(
            {"dense": dense, "bm25": lexical}, {id: train_qrels[id] for id in train}
        )
        chosen = tuple(fitted.weights.values())
        runs = {"dense": {id: dense[id] for id in test_qrels}}
        for weights in ((1.0, 1.0), chosen):
            hybrid = {id: fuse([dense[id], lexical[id]], weights) for id in test_qrels}
            runs[f"hybrid {weights}"] = hybrid
        for kind, run_of in runs.items():
            ndcg, recall = score(test_qrels, run_of)
            print(f"{name:7} {kind:22} nDCG@10 {ndcg:.4f}  Recall@10 {recall:.4f}", flush=True)


def their_trainer(base: str, triples: Sequence[Triple], recipe: Recipe, out: Path) -> str:
    """Train by sentence-transformers' own trainer; return the folder of the weights."""
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.losses import CachedMultipleNegativesRankingLoss
    from sentence_transformers.training_args import BatchSamplers

    schedule = recipe.schedule
    model = SentenceTransformer(base, device="cpu", local_files_only=True)
    model.max_seq_length = min(model.max_seq_length or 512, schedule.max_tokens)
    rows = Dataset.from_list([
        {"anchor": t.question, "positive": t.positive.indexed_text}
        | {f"negative_{i}": p.indexed_text for i, p in enumerate(t.negatives)}
        for t in triples
    ])  # fmt: skip
    settings = SentenceTransformerTrainingArguments(
        output_dir=str(out / "theirs"), num_train_epochs=schedule.epochs,
        per_device_train_batch_size=schedule.batch_size, learning_rate=schedule.learning_rate,
        warmup_ratio=schedule.warmup, weight_decay=schedule.weight_decay, seed=recipe.seed,
        batch_sampler=BatchSamplers.NO_DUPLICATES, report_to="none", save_strategy="no",
        use_cpu=True, disable_tqdm=True,
    )  # fmt: skip
    loss = CachedMultipleNegativesRankingLoss(model, scale=recipe.scale, mini_batch_size=16)
    trainer = SentenceTransformerTrainer(model, settings, rows, loss=loss)
    trainer.train()
    model.save_pretrained(str(out / "theirs"))
    return str(out / "theirs")


class Printer:
    """Prints notes, and progress at most every tenth step."""

    def __call__(self, event: Event) -> None:
        if event.phase in {"note", "warning"}:
            print(f"{event.stage}: {event.message}", flush=True)
        elif event.phase == "progress" and "loss" in event.counts and event.done % 5 == 0:
            told = {name: round(value, 3) for name, value in event.counts.items()}
            print(f"  {event.done}/{event.total} {told}", flush=True)


def nearest(ids: Sequence[str], vectors: np.ndarray, asked: Mapping[str, np.ndarray]) -> Leg:
    leg = {}
    for question, vector in asked.items():
        scores = vectors @ vector
        best = np.argpartition(-scores, min(100, len(ids) - 1))[:100]
        rows = [(ids[i], float(scores[i])) for i in best]
        leg[question] = sorted(rows, key=lambda row: (-row[1], row[0]))
    return leg


def carve(
    qrels: Mapping[str, Mapping[str, int]], rng: random.Random, options: argparse.Namespace
) -> tuple[list[str], list[str]]:
    """Return training and dev questions; those that share gold stay together."""
    group: dict[str, str] = {}

    def root(id: str) -> str:
        while group.setdefault(id, id) != id:
            id = group[id]
        return id

    for question, gold in qrels.items():
        for document in gold:
            group[root(f"d {document}")] = root(f"q {question}")
    members: dict[str, list[str]] = {}
    for question in qrels:
        members.setdefault(root(f"q {question}"), []).append(question)
    groups = [sorted(group) for group in members.values()]
    rng.shuffle(groups)
    dev: list[str] = []
    while len(dev) < options.dev_questions:
        dev += groups.pop()
    return [question for group in groups for question in group][: options.questions], dev


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", default="dev")
    parser.add_argument("--model", default="starter")
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument("--dev-questions", type=int, default=120)
    parser.add_argument("--pool", type=int, default=512)
    parser.add_argument("--epochs", type=float, default=DEFAULTS.epochs)
    parser.add_argument("--batch", type=int, default=DEFAULTS.batch_size)
    parser.add_argument("--rate", type=float, default=DEFAULTS.learning_rate)
    parser.add_argument("--max-tokens", type=int, default=256)
    parser.add_argument("--evaluations", type=int, default=0)
    parser.add_argument("--patience", type=int, default=DEFAULTS.patience)
    parser.add_argument("--lora", action="store_true")
    parser.add_argument("--rank", type=int, default=DEFAULTS.rank)
    parser.add_argument("--negatives", type=int, default=DEFAULTS.hard_negatives)
    parser.add_argument("--first", type=int, default=Negatives.first)
    parser.add_argument("--last", type=int, default=Negatives.last)
    parser.add_argument("--ceiling", type=float, default=Negatives.ceiling)
    parser.add_argument("--scale", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--cache", type=Path, help="a folder that keeps vectors between runs")
    parser.add_argument("--trainer", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
