"""Data: what a run was trained on, question by question, as its folder keeps it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from graft.core.hashing import file_hash

DATA = "data.jsonl"


@dataclass(frozen=True)
class DataRow:
    """A question (`example` is its id) and the ids of the passages that a run met it with.

    `positives` answer it. `shown` stood beside it, in their order: the passages of the prompt
    (generator), the mined negatives (retriever, reranker), the first stage's candidates
    (reranker, on dev), or the ranking of the leg that `stage` names (fusion). On dev a retriever
    ranks one pool for all questions: it stands in a row without an example. `digest` hashes the
    texts that the model reads, where it reads any.
    """

    split: str
    example: str
    positives: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    stage: str = ""
    digest: str = ""


def write_rows(rows: Iterable[DataRow], path: Path) -> str:
    """Write the rows as JSON lines, one at a time, and return the file's hash."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)
    return file_hash(path)
