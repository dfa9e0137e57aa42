"""BEIR folders (arXiv:2104.08663): queries.jsonl, qrels/SPLIT.tsv, answers, unanswerable ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, cast, get_args

from graft.core.document import Document
from graft.core.errors import InputError
from graft.core.example import SPLITS, Example, Gold, Kind, Split
from graft.core.files import write_atomic
from graft.examples.rows import bad, id_of, read_jsonl, read_tsv, text_of, texts_of, write_jsonl

HEADER = "query-id\tcorpus-id\tscore\n"
PREFIXES: dict[str, Split] = {"train": "train", "dev": "dev", "val": "dev", "test": "test-new"}
"""How the names that other tools give to splits begin."""


def read_beir(folder: Path, split: str = "") -> list[Example]:
    """Return the judged questions of a BEIR folder, in the order of qrels/`split`.tsv.

    Without a split all are read. Judgements of 0 are no gold; `answers.jsonl` adds answers
    and `unanswerable.jsonl` questions without gold, both where they are there. The splits of other
    tools are named as Graft's: "test" is test-new, and what nobody knows is train. Raises
    InputError, naming file and line.
    """
    names = splits(folder)
    if split and split not in names:
        raise InputError(
            f"{folder} has no split {split!r}: it has {', '.join(names) or 'no qrels/*.tsv'}"
        )
    queries, kinds = _queries(folder / "queries.jsonl")
    answers = _answers(folder / "answers.jsonl")
    found: dict[str, Example] = {}
    for name in [split] if split else names:
        for query, gold in _qrels(folder / "qrels" / f"{name}.tsv", queries).items():
            if query in found:
                raise InputError(f"{folder}: query {query} is in two splits: keep one")
            told = answers.get(query, ())
            found[query] = Example(
                id=query,
                question=queries[query],
                answers=told,
                gold=tuple(Gold(document) for document in gold),
                kind=kinds.get(query, "extractive" if told else "free"),
                origin=folder.name,
                split=as_split(name, "train"),
            )
    for example in _unanswerable(folder / "unanswerable.jsonl", split, folder.name):
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
        {"_id": e.id, "text": e.question, "metadata": {"kind": e.kind}} for e in answerable
    ]
    write_jsonl(folder / "queries.jsonl", queries)
    for split in dict.fromkeys(example.split for example in answerable):
        lines = [
            f"{_cell(example.id)}\t{_cell(gold)}\t1\n"
            for example in answerable
            if example.split == split
            for gold in dict.fromkeys(gold.document_id for gold in example.gold)
        ]
        write_atomic(folder / "qrels" / f"{split}.tsv", HEADER + "".join(lines))
    told = [e for e in answerable if e.answers]
    write_jsonl(
        folder / "answers.jsonl",
        ({"_id": e.id, "answers": list(e.answers), "split": e.split} for e in told),
    )
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
    for prefix, split in PREFIXES.items():
        if name.startswith(prefix):
            return split
    if other is None:
        raise InputError(
            f"there is no split {name!r}: name one of {', '.join(SPLITS)}, or as other tools do "
            "test or validation"
        )
    return other


def _queries(path: Path) -> tuple[dict[str, str], dict[str, Kind]]:
    queries: dict[str, str] = {}
    kinds: dict[str, Kind] = {}
    for line, row in read_jsonl(path):
        id = id_of(path, line, row, "_id")
        if id in queries:
            raise bad(path, line, f"the id {id} is used twice")
        queries[id] = text_of(path, line, row, "text")
        metadata = row.get("metadata")
        kind = metadata.get("kind") if isinstance(metadata, dict) else None
        if kind in get_args(Kind):
            kinds[id] = cast(Kind, kind)
    return queries, kinds


def _answers(path: Path) -> dict[str, tuple[str, ...]]:
    if not path.exists():
        return {}
    return {
        id_of(path, line, row, "_id"): texts_of(path, line, row, "answers")
        for line, row in read_jsonl(path)
    }


def _qrels(path: Path, queries: Iterable[str]) -> dict[str, list[str]]:
    gold: dict[str, list[str]] = {}
    known = frozenset(queries)
    for line, (query, document, score) in read_tsv(path, 3):
        if line == 1 and query == "query-id":
            continue
        if query not in known:
            raise bad(path, line, f"the query {query} is not in queries.jsonl")
        if not score.strip().lstrip("-").isdigit():
            raise bad(path, line, f"the score is {score!r}, a whole number is expected")
        if int(score) > 0:
            gold.setdefault(query, []).append(document)
    return gold


def _unanswerable(path: Path, split: str, origin: str) -> list[Example]:
    if not path.exists():
        return []
    found = []
    for line, row in read_jsonl(path):
        name = row.get("split", split)
        if not split or name == split:
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
