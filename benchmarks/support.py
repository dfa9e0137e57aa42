"""Support beside people's labels: `python benchmarks/support.py FOLDER --before COMMIT`.

FOLDER holds a folder a set. `begin`, `wice`, `attributionbench`, `scifact-verify` and
`halueval-qa` hold labelled responses (data.jsonl; label 1 = not supported): test sets, on which
nothing is chosen. Printed are ROC-AUC and balanced accuracy at 0.5, and intervals of the
differences (1,000 resamples of the rows, those with the same evidence together).

Then, for the threshold of 0.5 that answers are held against, which share of right and wrong ones
lies above it: in the training parts of `squadshifts-wiki` and `squadshifts-amazon` a question's
answer against that of another question about the same passage, in `squad2-dev` right answers
against plausible ones to questions without an answer. `numbers` are of those of squadshifts-wiki
that are numbers, said as a sentence with the question's words and without the question; and
`exchanged` sentences of long answers of `bioasq` (train), and the same with a number of theirs
taken for another one of the snippets.

`--before COMMIT` adds the measure of another commit of this repository; `--sets` takes some sets.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft.answer.cite import cite
from graft.core.document import Passage
from graft.measures.sentences import sentences
from graft.measures.support import support
from graft.measures.words import STOP_WORDS, folded_words

LABELLED = ("begin", "wice", "attributionbench", "scifact-verify", "halueval-qa")
ANSWERED = ("squadshifts-wiki", "squadshifts-amazon", "squad2-dev", "numbers", "exchanged")
THRESHOLD = 0.5
RESAMPLES = 1000
NUMBER = re.compile(r"(?<![\w.,-])\d+(?:[.,]\d+)*(?![\w-])")
ASKING = re.compile(r"\b(?:who|whom|whose|what|when|where|which|why|how)\b", re.IGNORECASE)

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    question: str
    response: str
    context: str
    supported: bool


def coverage(rows: Sequence[Row]) -> list[float]:
    """The share of the response's meaningful words that the evidence holds anywhere."""
    return [_covered(row, lambda key: 1.0) for row in rows]


def coverage_idf(rows: Sequence[Row]) -> list[float]:
    """The same, weighted by how few of the set's texts hold a word."""
    texts = {row.context: set(_keys(row.context)) for row in rows}
    counts = Counter(key for keys in texts.values() for key in keys)
    return [
        _covered(row, lambda key: math.log(1 + len(texts) / (counts[key] + 0.5))) for row in rows
    ]


def in_one(rows: Sequence[Row]) -> list[float]:
    """Support of the whole response as one claim, its question known."""
    return [support(row.response, row.context, question=row.question).score for row in rows]


def by_sentence(rows: Sequence[Row]) -> list[float]:
    """Support as an answer has it: the mean over its sentences, by their words."""
    return [_served(row) for row in rows]


PLAIN = {"coverage": coverage, "coverage, IDF": coverage_idf}
SUPPORT = {"in one": in_one, "by sentence": by_sentence}


def _served(row: Row) -> float:
    passage = Passage("p", "d", 0, len(row.context), row.context, "s")
    return cite(row.response, [passage], question=row.question).support


def _keys(text: str) -> Iterator[str]:
    return (key for key, _ in folded_words(text))


def _covered(row: Row, weight: Callable[[str], float]) -> float:
    said = set(_keys(row.response))
    said = (said - STOP_WORDS) or said
    held = said & set(_keys(row.context))
    return sum(map(weight, held)) / (sum(map(weight, said)) or 1.0)


def lines(path: Path) -> Iterator[dict]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def read(folder: Path, name: str) -> list[Row]:
    if name in LABELLED:
        return [
            Row(r["question"], r["response"], r["context"], r["label"] == 0)
            for r in lines(folder / name / "data.jsonl")
        ]
    if name == "squad2-dev":
        return plausible(folder / name)
    if name == "numbers":
        return numbers(folder / "squadshifts-wiki")
    return exchanged(folder / "bioasq") if name == "exchanged" else swapped(folder / name)


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


def numbers(folder: Path) -> list[Row]:
    """Numeric answers as sentences; the wrong ones are other numbers that the passage holds."""
    draw, rows = random.Random(0), []
    for row in swapped(folder):
        others = sorted({m[0] for m in NUMBER.finditer(row.context)} - {row.response})
        if row.supported and NUMBER.fullmatch(row.response) and others:
            said = ASKING.sub("", row.question).strip(" ?")
            right, wrong = row.response, draw.choice(others)
            rows.append(Row("", f"{said} {right}.", row.context, True))
            rows.append(Row("", f"{said} {wrong}.", row.context, False))
    return rows


def exchanged(folder: Path) -> list[Row]:
    """Sentences whose numbers the snippets hold, and each with another number of them."""
    draw, rows = random.Random(0), []
    for answer in lines(folder / "answers.jsonl"):
        if answer["split"] != "train":
            continue
        text = " ".join(snippet["text"] for snippet in answer["snippets"][:4])
        held = {match[0] for match in NUMBER.finditer(text)}
        said = answer.get("long_answers") or [""]
        for start, end in sentences(said[0]):
            sentence = said[0][start:end]
            found = list(NUMBER.finditer(sentence))
            mine = {match[0] for match in found}
            others = sorted(held - mine)
            if mine and mine <= held and others and sentence not in text:
                one, other = draw.choice(found), draw.choice(others)
                wrong = sentence[: one.start()] + other + sentence[one.end() :]
                rows += [Row("", sentence, text, True), Row("", wrong, text, False)]
    return rows


def auc(scores: Scores, labels: NDArray[np.bool_]) -> float:
    """The chance that a supported row scores above an unsupported one; ties count half."""
    right, wrong = scores[labels], np.sort(scores[~labels])
    below, upto = np.searchsorted(wrong, right, "left"), np.searchsorted(wrong, right, "right")
    return float((below + upto).mean() / 2 / len(wrong))


def balanced(scores: Scores, labels: NDArray[np.bool_]) -> float:
    kept = scores >= THRESHOLD
    return float((kept[labels].mean() + (~kept[~labels]).mean()) / 2)


@dataclass(frozen=True)
class Scored:
    """A set's labels, the evidence of each row as a number, and scores by formula."""

    labels: NDArray[np.bool_]
    groups: NDArray[np.int64]
    scores: dict[str, Scores]


def scored(folder: Path, name: str, before: Path | None) -> Scored:
    rows = read(folder, name)
    scores = {n: f(rows) for n, f in PLAIN.items()} if name in LABELLED else {}
    if before is not None:
        scores |= {f"before, {n}": s for n, s in elsewhere(before, folder, name).items()}
    scores |= {f"support, {n}": f(rows) for n, f in SUPPORT.items()}
    _, groups = np.unique([row.context for row in rows], return_inverse=True)
    labels = np.array([row.supported for row in rows])
    return Scored(labels, groups, {n: np.array(s) for n, s in scores.items()})


def elsewhere(source: Path, folder: Path, name: str) -> dict[str, list[float]]:
    """What the measure of another version, in the folder `source`, makes of a set."""
    told = subprocess.run(
        [sys.executable, __file__, str(folder), "--sets", name, "--scores"],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(told.stdout)


def differences(sets: Sequence[Scored], one: str, other: str) -> list[Scores]:
    """For each set and their mean: the difference of ROC-AUC, resampled."""
    draw = np.random.default_rng(0)
    columns = []
    for held in sets:
        members = [np.flatnonzero(held.groups == g) for g in range(held.groups.max() + 1)]
        column = []
        for _ in range(RESAMPLES):
            chosen = draw.integers(len(members), size=len(members))
            taken = np.concatenate([members[i] for i in chosen])
            labels = held.labels[taken]
            a, b = (auc(held.scores[n][taken], labels) for n in (one, other))
            column.append(a - b)
        columns.append(np.array(column))
    return [*columns, np.mean(columns, axis=0)]


def table(names: Sequence[str], sets: Sequence[Scored]) -> None:
    print(
        f"{'ROC-AUC / balanced accuracy at .5':24}" + "".join(f"{n:>18}" for n in (*names, "mean"))
    )
    for formula in sets[0].scores:
        found = [
            (auc(s.scores[formula], s.labels), balanced(s.scores[formula], s.labels)) for s in sets
        ]
        found.append(tuple(np.mean(found, axis=0)))
        print(f"{formula:33}" + "".join(f"{f'{a:.3f} / {b:.3f}':>18}" for a, b in found))
    now = "support, by sentence"
    print(f"\n{'difference of ROC-AUC to':33}" + "".join(f"{n:>24}" for n in (*names, "mean")))
    for other in ("coverage", "coverage, IDF", "before, in one", "before, by sentence"):
        if other in sets[0].scores:
            whole = [auc(s.scores[now], s.labels) - auc(s.scores[other], s.labels) for s in sets]
            drawn = differences(sets, now, other)
            cells = [
                f"{mean:+.3f} [{np.quantile(d, 0.025):+.3f}, {np.quantile(d, 0.975):+.3f}]"
                for mean, d in zip([*whole, np.mean(whole)], drawn, strict=True)
            ]
            print(f"{other:33}" + "".join(f"{cell:>24}" for cell in cells))


def shares(name: str, held: Scored) -> None:
    for formula, scores in held.scores.items():
        above = scores >= THRESHOLD
        print(
            f"{name:20} {formula:22} right {above[held.labels].mean():.3f}  "
            f"wrong {above[~held.labels].mean():.3f}  ROC-AUC {auc(scores, held.labels):.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--before", metavar="COMMIT")
    parser.add_argument("--sets", nargs="+", default=[*LABELLED, *ANSWERED])
    parser.add_argument("--scores", action="store_true", help="print the scores of one set alone")
    given = parser.parse_args()
    if given.scores:
        rows = read(given.folder, given.sets[0])
        print(json.dumps({name: formula(rows) for name, formula in SUPPORT.items()}))
        return
    with tempfile.TemporaryDirectory() as scratch:
        before = None
        if given.before:
            root = Path(__file__).resolve().parent.parent
            packed = subprocess.run(
                ["git", "archive", given.before, "src"], cwd=root, capture_output=True, check=True
            )
            subprocess.run(["tar", "x", "-C", scratch], input=packed.stdout, check=True)
            before = Path(scratch) / "src"
        names = [name for name in LABELLED if name in given.sets]
        if names:
            table(names, [scored(given.folder, name, before) for name in names])
        print("\nshare of answers with support of .5 or more")
        for name in ANSWERED:
            if name in given.sets:
                shares(name, scored(given.folder, name, before))


if __name__ == "__main__":
    main()
