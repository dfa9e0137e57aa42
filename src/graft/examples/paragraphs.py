"""Paragraphs: what a SQuAD file asks about, from articles or from a row a question."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft.core.errors import InputError
from graft.examples.rows import Fields, read_json, read_rows
from graft.examples.shapes import shaped
from graft.examples.unusable import BadRow, Unusable

UNITS = (("utf-16-le", 2), ("utf-8", 1))
"""In what other tools count offsets, beside characters: an encoding and its bytes a unit."""


@dataclass(frozen=True)
class Paragraph:
    """A context with its questions, each the number that it has in the file and its row."""

    id: str
    title: str
    context: str
    questions: tuple[tuple[int, Fields], ...]


def is_squad(path: Path) -> bool:
    """Return whether a JSON file is one of articles: an object with a list "data" of them."""
    try:
        content = read_json(path)
    except InputError:
        return False
    if not isinstance(content, dict) or "data" not in content:
        return False
    rows = content["data"] if isinstance(content["data"], list) else []
    return not any(isinstance(row, dict) and shaped(row)[0] for row in rows[:1])


def paragraphs(path: Path, left: Unusable) -> Iterator[Paragraph]:
    """Yield the paragraphs of a SQuAD file; what is none is left out.

    One without a "document_id" is named TITLE/NUMBER. Raises InputError for what is no such file.
    """
    number = 0
    for title, place, row in _contexts(path, left):
        id = str(row.get("document_id") or f"{title}/{place}")
        context = row.get("context")
        if not isinstance(context, str):
            what = f"{path}: paragraph {id} has no text in 'context'"
            left.add(BadRow(what, "a paragraph without a text"))
            continue
        asked = _objects(path, row, "qas", f"paragraph {id}", left)
        yield Paragraph(id, title, context, tuple(enumerate(asked, start=number + 1)))
        number += len(asked)


def place(context: str, text: str, start: int | None) -> tuple[int, int] | None:
    """Return where an answer stands in its context, None where nothing tells.

    Its offset counts, in characters or in what else offsets are counted in. Where the answer does
    not stand there, it is where it stands alone.

    >>> place("🙂 five days", "five", 3), place("five of 5", "five", None), place("5 of 5", "5", 2)
    ((2, 6), (0, 4), None)
    """
    for at in [] if start is None or start < 0 else _starts(context, start):
        if context[at : at + len(text)] == text:
            return at, at + len(text)
    if context.count(text) != 1:
        return None
    at = context.index(text)
    return at, at + len(text)


def _starts(context: str, start: int) -> Iterator[int]:
    yield start
    for encoding, size in UNITS:
        before = context.encode(encoding, "surrogatepass")[: size * start]
        yield len(before.decode(encoding, "ignore"))


def _contexts(path: Path, left: Unusable) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield each paragraph with its article's title and its number in it."""
    if not is_squad(path):
        yield from _grouped(list(read_rows(path, left)))
        return
    content = read_json(path)
    if not isinstance(content["data"], list):
        raise InputError(f"{path} is no SQuAD file: an object with a list 'data' is expected")
    for number, article in enumerate(_objects(path, content, "data", "the file", left)):
        title = str(article.get("title", "")) or f"article {number}"
        found = _objects(path, article, "paragraphs", f"article {title!r}", left)
        for at, paragraph in enumerate(found):
            yield title, at, paragraph


def _grouped(rows: Iterable[tuple[int, Fields]]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield the paragraphs of rows that each hold one question with its context.

    Such rows mark no question as impossible: it has no answers where others have some.
    """
    found: dict[tuple[str, str], list[Fields]] = {}
    told = False
    for _, raw in rows:
        row = shaped(raw)[1]
        told = told or _has_answers(row)
        title = str(row.get("title") or "") or "article 0"
        found.setdefault((title, str(row.get("context") or "")), []).append(row)
    counts: dict[str, int] = {}
    for (title, context), asked in found.items():
        at = counts[title] = counts.get(title, -1) + 1
        qas = [{"is_impossible": told and not _has_answers(row), **row} for row in asked]
        named = next((row["document_id"] for row in asked if row.get("document_id")), None)
        yield title, at, {"document_id": named, "context": context or None, "qas": qas}


def _has_answers(row: Fields) -> bool:
    answers = row.get("answers")
    return bool(answers.get("text") if isinstance(answers, dict) else answers)


def _objects(
    path: Path, value: dict[str, Any], key: str, where: str, left: Unusable
) -> list[dict[str, Any]]:
    items = value.get(key)
    held = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    if not isinstance(items, list) or len(held) < len(items):
        what = f"{path}: {where} has no list of objects in {key!r}, as SQuAD files have"
        left.add(BadRow(what, f"no list of objects in {key!r}"))
    return held
