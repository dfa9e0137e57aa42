"""SQuAD JSON, version 1.1 (arXiv:1606.05250) and 2.0 (arXiv:1806.03822)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from graft.core.document import Document
from graft.core.errors import InputError, NotFound
from graft.core.example import Example, Gold, Split
from graft.core.files import write_atomic
from graft.core.hashing import text_hash
from graft.examples.gold import answer_span
from graft.examples.rows import read_text


def read_squad(path: Path, split: Split = "train") -> list[Example]:
    """Return the questions of a SQuAD file; each paragraph is the gold document of its own.

    A paragraph's document id is its "document_id" where it has one, else TITLE/NUMBER, as
    `squad_documents` names them. An answer's offset becomes the gold's span. Raises InputError,
    naming the question, for an answer that does not stand where it says.
    """
    found: list[Example] = []
    seen: set[str] = set()
    for id, paragraph in _paragraphs(path):
        context = paragraph["context"]
        for question in _list(path, paragraph, "qas", f"paragraph {id}"):
            example = _example(path, id, context, question, split)
            if example.id in seen:
                raise InputError(f"{path}: the question id {example.id} is used twice")
            seen.add(example.id)
            found.append(example)
    return found


def squad_documents(path: Path) -> Iterator[Document]:
    """Yield the paragraphs of a SQuAD file as documents, so that they can be ingested."""
    for id, paragraph in _paragraphs(path):
        yield Document(id, paragraph["context"], title=paragraph["title"])


def placed(
    examples: Sequence[Example], contexts: Iterable[Document], texts: Iterable[tuple[str, str]]
) -> list[Example]:
    """Return the examples with their gold in the documents that hold the paragraphs' texts.

    `contexts` are paragraphs that are no documents of their own, `texts` (id, text) of those there
    are. A paragraph is looked for as it is; one that stands nowhere keeps its id.
    """
    waiting = {context.id: context.text for context in contexts if context.text.strip()}
    found: dict[str, tuple[str, str, int]] = {}
    for id, text in texts:
        for name, context in list(waiting.items()):
            if (at := text.find(context)) >= 0:
                found[name] = (id, text_hash(text), at)
                del waiting[name]
        if not waiting:
            break
    return [_moved(example, found) for example in examples]


def _moved(example: Example, found: Mapping[str, tuple[str, str, int]]) -> Example:
    gold = tuple(_shifted(item, found.get(item.document_id)) for item in example.gold)
    group = found[example.group][0] if example.group in found else example.group
    return replace(example, gold=gold, group=group)


def _shifted(gold: Gold, place: tuple[str, str, int] | None) -> Gold:
    if place is None or gold.start is None or gold.end is None:
        return gold
    id, mark, at = place
    return Gold(id, mark, gold.start + at, gold.end + at)


def write_squad(
    examples: Sequence[Example], path: Path, document: Callable[[str], Document] | None = None
) -> None:
    """Write a SQuAD file (2.0 when a question is unanswerable), each document one context.

    Raises InputError without `document`, which gives the contexts, and for an answer that does not
    stand in its document. An unanswerable question stands under the document of its `group`.
    """
    if document is None:
        raise InputError("SQuAD holds the documents too: export from a workspace that has them")
    held: dict[str, list[dict[str, Any]]] = {}
    sources: dict[str, Document] = {}
    for example in examples:
        id = example.gold[0].document_id if example.gold else example.group
        if id not in sources:
            try:
                sources[id] = document(id)
            except NotFound as error:
                raise InputError(
                    f"SQuAD holds the text that is asked about, and {example.question!r} names no "
                    "document of the library: export as chat or prompts"
                ) from error
        held.setdefault(id, []).append(_question(example, sources[id]))
    articles: dict[str, list[dict[str, Any]]] = {}
    for id, questions in held.items():
        paragraph = {"document_id": id, "context": sources[id].text, "qas": questions}
        articles.setdefault(sources[id].title or id, []).append(paragraph)
    second = any(not example.answerable for example in examples)
    data = [{"title": title, "paragraphs": paragraphs} for title, paragraphs in articles.items()]
    content = {"version": "v2.0" if second else "1.1", "data": data}
    write_atomic(path, json.dumps(content, ensure_ascii=False))


def _paragraphs(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        content = json.loads(read_text(path))
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON ({error}): export it anew") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} is no SQuAD file: an object with a list 'data' is expected")
    for number, article in enumerate(_list(path, content, "data", "the file")):
        title = str(article.get("title", "")) or f"article {number}"
        paragraphs = _list(path, article, "paragraphs", f"article {title!r}")
        for place, paragraph in enumerate(paragraphs):
            id = str(paragraph.get("document_id") or f"{title}/{place}")
            if not isinstance(paragraph.get("context"), str):
                raise InputError(f"{path}: paragraph {id} has no text in 'context'")
            yield id, {**paragraph, "title": title}


def _list(path: Path, value: dict[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    items = value.get(key)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise InputError(f"{path}: {where} has no list of objects in {key!r}, as SQuAD files have")
    return items


def _example(
    path: Path, document_id: str, context: str, row: dict[str, Any], split: Split
) -> Example:
    id, asked = row.get("id"), row.get("question")
    if not isinstance(id, str | int) or not isinstance(asked, str) or not asked.strip():
        raise InputError(f"{path}: a question of {document_id} has no 'id' or no 'question'")
    where = f"{path}: question {id}"
    if row.get("is_impossible"):
        return Example(
            str(id), asked, kind="unanswerable", origin=path.name, split=split, group=document_id
        )
    answers: list[str] = []
    span: tuple[int, int] | None = None
    for answer in _list(path, row, "answers", f"question {id}"):
        text, start = answer.get("text"), answer.get("answer_start")
        if not isinstance(text, str) or not isinstance(start, int) or not text:
            raise InputError(f"{where} has an answer without 'text' or 'answer_start'")
        if context[start : start + len(text)] != text:
            raise InputError(f"{where}: {text!r} does not stand at {start} of its context")
        answers.append(text)
        span = span or (start, start + len(text))
    if span is None:
        raise InputError(f"{where} has no answers and is not marked as impossible")
    return Example(
        id=str(id),
        question=asked,
        answers=tuple(dict.fromkeys(answers)),
        gold=(Gold(document_id, text_hash(context), *span),),
        origin=path.name,
        split=split,
        group=document_id,
    )


def _question(example: Example, source: Document) -> dict[str, Any]:
    row: dict[str, Any] = {"id": example.id, "question": example.question}
    if not example.answerable:
        return {**row, "answers": [], "is_impossible": True}
    answers = []
    for text in example.answers:
        span = answer_span(source.text, [text])
        if span is not None:
            answers.append({"text": source.text[slice(*span)], "answer_start": span[0]})
    if not answers:
        raise InputError(
            f"SQuAD needs an answer that stands in its document, and none of {example.id} does: "
            "export as BEIR or chat instead"
        )
    return {**row, "answers": answers, "is_impossible": False}
