"""How far lexical support agrees with people's labels: `python benchmarks/support.py FOLDER`.

FOLDER holds a folder a set. `begin`, `wice`, `attributionbench`, `scifact-verify` and
`halueval-qa` hold labelled responses (data.jsonl; label 1 = not supported). From `squad2-dev`,
right answers are told from plausible answers to unanswerable questions; from the training part of
`squadshifts-wiki`, a question's answer from another question's answer in the same passage.

Rows are halved by a hash of their evidence. Printed are ROC-AUC on each half, and balanced
accuracy on the second half at the threshold that is best on the first, and at 0.5.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft.core.hashing import text_hash
from graft.measures.support import support
from graft.measures.words import STOP_WORDS, folded_words

LABELLED = ("begin", "wice", "attributionbench", "scifact-verify", "halueval-qa")


@dataclass(frozen=True)
class Row:
    question: str
    response: str
    context: str
    supported: bool

    @property
    def half(self) -> int:
        return int(text_hash(self.question + self.context[:200])[:8], 16) % 2


def coverage(row: Row) -> float:
    """The share of the response's meaningful words that the evidence holds anywhere."""
    said = {key for key, _ in folded_words(row.response)}
    said = (said - STOP_WORDS) or said
    return len(said & {key for key, _ in folded_words(row.context)}) / max(1, len(said))


def match(row: Row) -> float:
    """Support without the question: does the text say it?"""
    return support(row.response, row.context).score


def with_question(row: Row) -> float:
    """Support with the question: does the text say it where it deals with the question?"""
    return support(row.response, row.context, question=row.question).score


CANDIDATES: dict[str, Callable[[Row], float]] = {
    "coverage": coverage,
    "match": match,
    "support": with_question,
}


def lines(path: Path) -> Iterator[dict]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def labelled(folder: Path) -> list[Row]:
    return [
        Row(r["question"], r["response"], r["context"], r["label"] == 0)
        for r in lines(folder / "data.jsonl")
    ]


def beir(folder: Path, split: str) -> tuple[dict, dict, dict, dict]:
    texts = {r["_id"]: r["text"] for r in lines(folder / "corpus.jsonl")}
    asked = {r["_id"]: r["text"] for r in lines(folder / "queries.jsonl")}
    answers = {r["_id"]: r["answers"] for r in lines(folder / "answers.jsonl")}
    gold = {}
    for line in (folder / "qrels" / f"{split}.tsv").read_text().splitlines()[1:]:
        query, document, _ = line.split("\t")
        gold[query] = document
    return texts, asked, answers, gold


def plausible(folder: Path) -> list[Row]:
    texts, asked, answers, gold = beir(folder, "dev")
    right = [Row(asked[q], answers[q][0], texts[d], True) for q, d in gold.items() if q in answers]
    wrong = [
        Row(r["text"], r["plausible_answers"][0], texts[r["corpus_id"]], False)
        for r in lines(folder / "unanswerable.jsonl")
        if r.get("plausible_answers")
    ]
    return right + wrong


def swapped(folder: Path) -> list[Row]:
    texts, asked, answers, gold = beir(folder, "train")
    by_text: dict[str, list[str]] = {}
    for query, document in gold.items():
        if query in answers:
            by_text.setdefault(document, []).append(query)
    rows = []
    for document, queries in by_text.items():
        for one, other in pairwise(queries):
            mine, theirs = min(answers[one], key=len), min(answers[other], key=len)
            rows.append(Row(asked[one], mine, texts[document], True))
            if theirs.lower() not in " ".join(answers[one]).lower():
                rows.append(Row(asked[one], theirs, texts[document], False))
    return rows


def auc(scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> float:
    """The chance that a supported row scores above an unsupported one; ties count half."""
    right, wrong = scores[labels][:, None], np.sort(scores[~labels])[None, :]
    above = np.searchsorted(wrong[0], right[:, 0], "left")
    equal = np.searchsorted(wrong[0], right[:, 0], "right") - above
    return float((above + equal / 2).mean() / wrong.shape[1])


def balanced(scores: NDArray[np.float64], labels: NDArray[np.bool_], threshold: float) -> float:
    kept = scores >= threshold
    return float((kept[labels].mean() + (~kept[~labels]).mean()) / 2)


def report(name: str, rows: list[Row]) -> None:
    labels = np.array([row.supported for row in rows])
    first = np.array([row.half == 0 for row in rows])
    for candidate, formula in CANDIDATES.items():
        started = time.process_time()
        scores = np.array([formula(row) for row in rows])
        speed = len(rows) / max(1e-9, time.process_time() - started)
        fitted = max(np.unique(scores), key=lambda t: balanced(scores[first], labels[first], t))
        held, truth = scores[~first], labels[~first]
        print(
            f"{name:18} {len(rows):5} {candidate:9} {auc(scores[first], labels[first]):.3f} "
            f"{auc(held, truth):.3f}  {balanced(held, truth, fitted):.3f} (at {fitted:.2f}) "
            f"{balanced(held, truth, 0.5):.3f}  {speed:6.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    print("set                    n formula   AUC half 1, 2  balanced (fitted) at 0.5  rows/s")
    for name in LABELLED:
        report(name, labelled(folder / name))
    report("squad2-dev", plausible(folder / "squad2-dev"))
    report("squadshifts-wiki", swapped(folder / "squadshifts-wiki"))


if __name__ == "__main__":
    main()
