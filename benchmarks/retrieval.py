"""Reference figures for retrieval on a BEIR folder, by plain bm25s and sentence-transformers.

    python benchmarks/retrieval.py FOLDER [--split dev] [--fit train] [--cache DIR]

One passage a document ("title text", cut where the encoder cuts), depth 100. Prints nDCG@10 and
Recall@10 of BM25, dense, reciprocal rank fusion at equal weights (ties by id, or to a leg), and the
same at weights fitted on the questions of `--fit`; without such a split they stay equal. What
Graft's own library is compared with (`graft evaluate --beir`), so nothing here goes through it but
the fusion's fit.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from collections.abc import Sequence
from pathlib import Path

import bm25s
import ir_measures
import numpy as np
from ir_measures import R, nDCG
from sentence_transformers import SentenceTransformer

from graft.core.hashing import text_hash
from graft.models.starter import starter_encoder
from graft.tune.fusion import Leg, fit_fusion, fuse

DEPTH = 100
TIE = 1e-6
"""More weight than rounding takes away, and less than tells ranks apart."""


def main() -> None:
    options = arguments()
    corpus = read_lines(options.folder / "corpus.jsonl")
    questions = {row["_id"]: row["text"] for row in read_lines(options.folder / "queries.jsonl")}
    qrels = read_qrels(options.folder, options.split)
    fit = {}
    if (options.folder / "qrels" / f"{options.fit}.tsv").exists() and options.fit != options.split:
        fit = sample(read_qrels(options.folder, options.fit), options.fit_questions, options.seed)
    asked = {id: questions[id] for id in [*fit, *qrels]}
    ids = [row["_id"] for row in corpus]
    texts = [f"{row.get('title', '')} {row['text']}".strip() for row in corpus]
    legs = {
        "dense": dense(options.model, ids, texts, asked, cache=options.cache),
        "bm25": bm25(ids, texts, asked),
    }
    weights = {"dense": 1.0, "bm25": 1.0}
    print(f"{options.folder.name} {options.split}: {len(ids)} documents, {len(qrels)} questions")
    if fit:
        fitted = fit_fusion(legs, fit)
        weights = dict(fitted.weights)
        print(f"weights fitted on {fitted.questions} questions of {options.fit}: {weights}")
        print(f"  there: equal {fitted.equal:.4f}, fitted {fitted.mean:.4f}", end="")
        print("".join(f", {name} {mean:.4f}" for name, mean in fitted.legs.items()))
    fusions = {
        "rrf": [1.0, 1.0],
        "rrf, ties to dense": [1.0 + TIE, 1.0],
        "rrf, ties to bm25": [1.0, 1.0 + TIE],
        "fitted": list(weights.values()),
    }
    runs = dict(legs)
    for name, shares in fusions.items():
        runs[name] = {id: fuse([leg.get(id, []) for leg in legs.values()], shares) for id in qrels}
    for name, run in runs.items():
        ndcg, recall = score(qrels, run)
        print(f"{name:20} nDCG@10 {ndcg:.4f}  Recall@10 {recall:.4f}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", default="dev")
    parser.add_argument("--fit", default="train", help="split whose questions fit the weights")
    parser.add_argument("--fit-questions", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="starter", help="a sentence-transformers folder")
    parser.add_argument("--cache", type=Path, help="a folder that keeps vectors between runs")
    return parser.parse_args()


def read_lines(path: Path) -> list[dict]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def read_qrels(folder: Path, split: str) -> dict[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    with (folder / "qrels" / f"{split}.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            qrels.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    return qrels


def sample(qrels: dict[str, dict[str, int]], limit: int, seed: int) -> dict[str, dict[str, int]]:
    if len(qrels) <= limit:
        return qrels
    return {id: qrels[id] for id in random.Random(seed).sample(sorted(qrels), limit)}


def bm25(ids: Sequence[str], texts: Sequence[str], questions: dict[str, str]) -> Leg:
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, stopwords="en", show_progress=False), show_progress=False)
    tokens = bm25s.tokenize(list(questions.values()), stopwords="en", show_progress=False)
    found, scores = index.retrieve(tokens, k=min(DEPTH, len(ids)), show_progress=False)
    return {
        question: [
            (ids[i], float(s)) for i, s in zip(found[row], scores[row], strict=True) if s > 0
        ]
        for row, question in enumerate(questions)
    }


def dense(
    model: str, ids: Sequence[str], texts: Sequence[str], questions: dict[str, str], *,
    cache: Path | None = None,
) -> Leg:  # fmt: skip
    folder = str(starter_encoder()) if model == "starter" else model
    passages = encode(folder, texts, cache)
    asked = encode(folder, list(questions.values()), cache)
    depth = min(DEPTH, len(ids))
    leg = {}
    for question, vector in zip(questions, asked, strict=True):
        scores = passages @ vector
        best = np.argpartition(-scores, depth - 1)[:depth]
        rows = [(ids[i], float(scores[i])) for i in best]
        leg[question] = sorted(rows, key=lambda row: (-row[1], row[0]))
    return leg


def encode(folder: str, texts: Sequence[str], cache: Path | None) -> np.ndarray:
    key = text_hash("\x1f".join([folder, *texts]))
    if cache is not None and (cache / f"{key}.npy").exists():
        return np.load(cache / f"{key}.npy")
    encoder = SentenceTransformer(folder, device="cpu")
    vectors = encoder.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
        np.save(cache / f"{key}.npy", vectors)
    return vectors


def score(qrels: dict[str, dict[str, int]], run: Leg) -> tuple[float, float]:
    """Return the means of nDCG@10 and Recall@10; a question that is not in the run scores 0."""
    plain = {question: dict(run.get(question, ())) for question in qrels}
    means = ir_measures.calc_aggregate([nDCG @ 10, R @ 10], qrels, plain)
    return float(means[nDCG @ 10]), float(means[R @ 10])


if __name__ == "__main__":
    main()
