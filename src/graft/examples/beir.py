"""BEIR folders (arXiv:2104.08663): queries.jsonl, qrels/SPLIT.tsv, answers, unanswerable ones."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from graft.core.document import Document
from graft.core.errors import InputError
from graft.core.example import SPLITS, Example, Gold, Split
from graft.core.files import write_atomic
from graft.examples.rows import (
    grade_of,
    id_of,
    kind_of,
    metadata_of,
    read_cells,
    read_rows,
    text_of,
    texts_of,
    write_jsonl,
)
from graft.examples.unusable import BadRow, Unusable, bad

HEADER = "query-id\tcorpus-id\tscore\n"
PREFIXES: dict[str, Split] = {"train": "train", "dev": "dev", "val": "dev", "test": "test-new"}
"""How the names that other tools give to splits begin."""
ELSEWHERE = ("test", "val", "valid", "validation")
"""What other tools call them, where a person names one."""


def read_beir(folder: Path, split: str, left: Unusable) -> list[Example]:
    """Return the judged questions of a BEIR folder, in the order of qrels/`split`.tsv.

    Without a split all are read. Judgements are the gold's grades, 0 and below being no gold;
    `answers.jsonl` adds answers, accepted and rejected, and `unanswerable.jsonl` questions without
    gold, both where they are there. The splits of other tools are named as Graft's: "test" is
    test-new, and what nobody knows is train. A question of two splits stays in the one that is
    furthest from training.
    """
    names = splits(folder)
    if split and split not in names:
        raise InputError(
            f"{folder} has no split {split!r}: it has {', '.join(names) or 'no qrels/*.tsv'}"
        )
    queries = _queries(folder / "queries.jsonl", left)
    accepted, rejected = _answers(folder / "answers.jsonl", left)
    found: dict[str, Example] = {}
    for name, judged in _judged(folder, [split] if split else names, queries, left).items():
        for query, grades in judged.items():
            told, (text, said) = accepted.get(query, ()), queries[query]
            kind = kind_of(said.get("kind"), "extractive" if told else "free")
            found[query] = Example(
                id=query,
                question=text,
                answers=told,
                gold=tuple(Gold(document, grade=grade) for document, grade in grades.items()),
                kind=kind,
                origin=folder.name,
                split=as_split(name, "train"),
                rejected=rejected.get(query, ()),
                metadata={key: word for key, word in said.items() if (key, word) != ("kind", kind)},
            )
    for example in _unanswerable(folder / "unanswerable.jsonl", split, folder.name, left):
        found.setdefault(example.id, example)
    return list(found.values())


def write_beir(
    examples: Sequence[Example], folder: Path, document: Callable[[str], Document] | None = None
) -> None:
    """Write a BEIR folder, with the gold documents as its corpus when `document` finds them.

    Hashes and spans of gold have no place in it; they are pinned anew when it is imported.
    """
    if not any(example.gold for example in examples):
        raise InputError(
            f"BEIR judges documents, and none of the {len(examples)} questions names one: export "
            "as chat or prompts"
        )
    answerable = [example for example in examples if example.answerable]
    declined = [example for example in examples if not example.answerable]
    queries: list[dict[str, Any]] = [
        {"_id": e.id, "text": e.question, "metadata": {"kind": e.kind, **e.metadata}}
        for e in answerable
    ]
    write_jsonl(folder / "queries.jsonl", queries)
    for split in dict.fromkeys(example.split for example in answerable):
        lines = [
            f"{_cell(example.id)}\t{_cell(gold)}\t{grade}\n"
            for example in answerable
            if example.split == split
            for gold, grade in example.grades.items()
        ]
        write_atomic(folder / "qrels" / f"{split}.tsv", HEADER + "".join(lines))
    told = [e for e in answerable if e.answers or e.rejected]
    write_jsonl(folder / "answers.jsonl", map(_answers_row, told))
    if declined:
        write_jsonl(
            folder / "unanswerable.jsonl",
            (
                {"_id": e.id, "text": e.question, "corpus_id": e.group, "split": e.split}
                for e in declined
            ),
        )
    if document is not None:
        ids = dict.fromkeys(gold.document_id for e in answerable for gold in e.gold)
        write_jsonl(folder / "corpus.jsonl", map(_corpus_row, map(document, ids)))


def splits(folder: Path) -> list[str]:
    """Return the names of the splits that a BEIR folder has judgements for."""
    return sorted(path.stem for path in (folder / "qrels").glob("*.tsv"))


def as_split(name: str, other: Split | None = None) -> Split:
    """Return Graft's name of a split that another tool named; `other` for one nobody knows.

    Raises InputError, naming the valid ones, for such a name when there is no `other`.

    >>> as_split("validation"), as_split("test"), as_split("test-seen"), as_split("fold", "dev")
    ('dev', 'test-new', 'test-seen', 'dev')
    """
    if name in SPLITS:
        return name
    if other is None and name not in ELSEWHERE:
        raise InputError(
            f"there is no split {name!r}: name one of {', '.join(SPLITS)}, or as other tools do "
            f"{', '.join(ELSEWHERE)}"
        )
    begun = (split for prefix, split in PREFIXES.items() if name.startswith(prefix))
    return next(begun, other or "train")


def _queries(path: Path, left: Unusable) -> dict[str, tuple[str, dict[str, str]]]:
    """Return each query's text and what its metadata says, by id."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for line, row in read_rows(path, left):
        with left.row():
            id, text = id_of(path, line, row, "_id"), text_of(path, line, row, "text")
            if id in found:
                raise bad(path, line, f"the id {id} is used twice", "an id used twice")
            found[id] = text, metadata_of(row)
    return found


Answers = dict[str, tuple[str, ...]]


def _answers(path: Path, left: Unusable) -> tuple[Answers, Answers]:
    """Return the accepted and the rejected answers, by the question's id."""
    accepted: Answers = {}
    rejected: Answers = {}
    for line, row in read_rows(path, left) if path.exists() else ():
        with left.row():
            id = id_of(path, line, row, "_id")
            accepted[id] = texts_of(path, line, row, "answers")
            rejected[id] = texts_of(path, line, row, "rejected")
    return accepted, rejected


def _answers_row(example: Example) -> dict[str, Any]:
    row = {"_id": example.id, "answers": list(example.answers), "split": example.split}
    return {**row, "rejected": list(example.rejected)} if example.rejected else row


Judgements = dict[str, dict[str, int]]
"""The grades above 0 of each question's documents."""


def _judged(
    folder: Path, names: Sequence[str], queries: Collection[str], left: Unusable
) -> dict[str, Judgements]:
    """Return the judgements of each split, with every question in one of them."""
    found = {name: _qrels(folder / "qrels" / f"{name}.tsv", queries, left) for name in names}
    held: dict[str, str] = {}
    for name in sorted(names, key=lambda name: -SPLITS.index(as_split(name, "train"))):
        for query in list(found[name]):
            if (other := held.setdefault(query, name)) != name:
                what = (
                    f"{folder}: query {query} is in qrels/{other}.tsv and qrels/{name}.tsv: "
                    "keep it in one"
                )
                left.add(BadRow(what, f"a question of qrels/{other}.tsv too"))
                del found[name][query]
    return found


def _qrels(path: Path, queries: Collection[str], left: Unusable) -> Judgements:
    """Return what a file judges: `query document score`, or TREC's `query 0 document score`."""
    found: Judgements = {}
    begun = False
    for line, cells in read_cells(path):
        if not begun and cells[0] not in queries and grade_of(cells[-1]) is None:
            begun = True  # a header, whatever its names
            continue
        begun = True
        with left.row():
            query, document, grade = _judgement(path, line, cells)
            if query not in queries:
                what = f"the query {query} is not in queries.jsonl"
                raise bad(path, line, what, "a judgement of no query")
            if grade > 0:
                found.setdefault(query, {})[document] = grade
    return found


def _judgement(path: Path, line: int, cells: Sequence[str]) -> tuple[str, str, int]:
    if len(cells) not in (3, 4):
        what = f"{len(cells)} columns were found, 3 are expected, or TREC's 4"
        raise bad(path, line, what, "a judgement of other columns")
    *_, document, score = cells
    grade = grade_of(score)
    if grade is None:
        what = f"the score is {score!r}, a whole number such as 1 is expected"
        raise bad(path, line, what, "a score that is no whole number")
    return cells[0], document, grade


def _unanswerable(path: Path, split: str, origin: str, left: Unusable) -> list[Example]:
    if not path.exists():
        return []
    found = []
    for line, row in read_rows(path, left):
        name = row.get("split", split)
        if split and name != split:
            continue
        with left.row():
            found.append(
                Example(
                    id=id_of(path, line, row, "_id"),
                    question=text_of(path, line, row, "text"),
                    kind="unanswerable",
                    origin=origin,
                    split=as_split(str(name), "train"),
                    group=str(row.get("corpus_id", "")),
                )
            )
    return found


def _cell(id: str) -> str:
    if "\t" in id or "\n" in id:
        raise InputError(f"the id {id!r} holds a tab or a line break, which TSV cannot: rename it")
    return id


def _corpus_row(document: Document) -> dict[str, str]:
    return {"_id": document.id, "title": document.title, "text": document.text}
