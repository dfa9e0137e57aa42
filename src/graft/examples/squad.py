"""SQuAD JSON, version 1.1 (arXiv:1606.05250) and 2.0 (arXiv:1806.03822)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from graft.core.document import Document
from graft.core.errors import InputError, NotFound
from graft.core.example import Example, Gold, Split
from graft.core.files import write_atomic
from graft.core.hashing import text_hash
from graft.examples.gold import answer_span
from graft.examples.paragraphs import Paragraph, paragraphs, place
from graft.examples.rows import grade_of, plain
from graft.examples.unusable import BadRow, Unusable, distinct


def read_squad(path: Path, split: Split, left: Unusable) -> list[Example]:
    """Return the questions of a SQuAD file; each paragraph is the gold document of its own.

    A paragraph's document id is its "document_id" where it has one, else TITLE/NUMBER, as
    `squad_documents` names them. An answer's offset becomes the gold's span, in whatever units it
    is counted, and an answer that stands once needs none. A question without an id gets one. One
    with no answer in its paragraph is left out.
    """
    found: list[tuple[int, Example]] = []
    for paragraph in paragraphs(path, left):
        for number, row in paragraph.questions:
            with left.row():
                found.append((number, _example(path, paragraph, row, split)))
    return distinct(path, found, left, unit="question")


def squad_documents(path: Path) -> Iterator[Document]:
    """Yield the paragraphs of a SQuAD file as documents, so that they can be ingested."""
    for each in paragraphs(path, Unusable()):
        yield Document(each.id, each.context, title=each.title)


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


def _example(path: Path, paragraph: Paragraph, row: dict[str, Any], split: Split) -> Example:
    context, document_id, asked = paragraph.context, paragraph.id, row.get("question")
    if not isinstance(asked, str) or not asked.strip():
        raise BadRow(f"{path}: a question of {document_id} has no 'question'", "no 'question'")
    id = plain(row.get("id")) or text_hash(f"{path.name}:{document_id}:{asked}")[:16]
    where = f"{path}: question {id}"
    if row.get("is_impossible"):
        return Example(
            id, asked, kind="unanswerable", origin=path.name, split=split, group=document_id
        )
    answers = _answers(where, row)
    if not answers:
        what = f"{where} has no answers and is not marked as impossible"
        raise BadRow(what, "no answers, and not marked as impossible")
    spans = [place(context, text, start) for text, start in answers]
    span = next((each for each in spans if each is not None), None)
    if span is None:
        text, start = answers[0]
        what = f"{where}: {text!r} does not stand at {start} of its context"
        raise BadRow(what, "an answer that does not stand where it says")
    return Example(
        id=id,
        question=asked,
        answers=tuple(dict.fromkeys(text for text, _ in answers)),
        gold=(Gold(document_id, text_hash(context), *span),),
        origin=path.name,
        split=split,
        group=document_id,
    )


def _answers(where: str, row: dict[str, Any]) -> list[tuple[str, int | None]]:
    """Return the answers of a question and where they start: objects, or lists side by side."""
    value = row.get("answers")
    if isinstance(value, dict):
        columns = [
            each if isinstance(each, list) else [each]
            for each in (value.get("text", []), value.get("answer_start", []))
        ]
        value = [
            {"text": text, "answer_start": start} for text, start in zip_longest(*columns) if text
        ]
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        what = f"{where} has no list of objects in 'answers', as SQuAD files have"
        raise BadRow(what, "no list of 'answers'")
    told = [(plain(each.get("text")), grade_of(each.get("answer_start"))) for each in value]
    return [(text, start) for text, start in told if text.strip()]


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
