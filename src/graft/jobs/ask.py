"""ask: a cited answer from the documents, or a decline that says what was looked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graft.answer.answerer import Answerer
from graft.core.answer import Answer
from graft.core.context import Context
from graft.core.errors import ModelError
from graft.core.hashing import text_hash, value_hash
from graft.core.search import Search
from graft.jobs.search import require_words
from graft.loop.releases import settings_of
from graft.wire import Wiring, answerer, library


def ask(
    workspace: Wiring,
    questions: Sequence[str],
    *,
    release: int | None = None,
    principals: frozenset[str] | None = None,
    ctx: Context,
) -> list[Answer]:
    """Return one answer for each question, by a release (the current one otherwise).

    Raises ModelError when no question could be answered because generation failed.
    """
    for question in questions:
        require_words(question)
    serving = _serving(workspace, release)
    answers = serving.answer([Search(q, principals=principals) for q in questions], ctx)
    if answers and all(answer.error for answer in answers):
        raise ModelError(answers[0].error)
    for answer in answers:
        _record(workspace, answer, ctx)
    return answers


def stream(
    workspace: Wiring,
    question: str,
    *,
    release: int | None = None,
    principals: frozenset[str] | None = None,
    ctx: Context,
) -> Iterator[str | Answer]:
    """Yield provisional text as it is written, then the one authoritative Answer."""
    require_words(question)
    serving = _serving(workspace, release)
    for piece in serving.stream(Search(question, principals=principals), ctx):
        if isinstance(piece, Answer):
            if piece.error:
                raise ModelError(piece.error)
            _record(workspace, piece, ctx)
        yield piece


def _serving(workspace: Wiring, number: int | None) -> Answerer:
    releases = workspace.releases
    chosen = releases.current() if number is None else releases.get(number)
    settings, name = settings_of(workspace, chosen.number)
    return answerer(workspace, settings, library(workspace), release=name, prompts=chosen.prompts)


def _record(workspace: Wiring, answer: Answer, ctx: Context) -> None:
    detail = {
        "declined": answer.declined,
        "support": answer.support,
        "seed": answer.seed,
        "prompt": value_hash(answer.prompt_ids),
        "citations": [[c.document_id, c.source_start, c.source_end] for c in answer.citations],
        "passages": [hit.passage_id for hit in answer.hits],
    }
    workspace.ledger.record_answer(
        ctx.clock(), answer.release, answer.library_version,
        question_hash=text_hash(answer.question), detail=detail,
    )  # fmt: skip
