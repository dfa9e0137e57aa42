"""ask: a cited answer from the documents, or a decline that says what was looked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graft.answer.answerer import Answerer
from graft.core.answer import Answer
from graft.core.context import Context
from graft.core.errors import ModelError
from graft.core.hashing import text_hash, value_hash
from graft.core.search import Search, as_search
from graft.loop.serving import serving, tell_unknown_fields
from graft.wire import Wiring, answerer, library


def ask(
    workspace: Wiring,
    questions: Sequence[str | Search],
    *,
    release: int | None = None,
    ctx: Context,
) -> list[Answer]:
    """Return one answer for each question, by a release (the current one otherwise).

    Raises ModelError when no question could be answered because generation failed.
    """
    searches = [as_search(question) for question in questions]
    tell_unknown_fields(workspace, searches, ctx)
    answers: dict[int, Answer] = {}
    for principals in dict.fromkeys(search.principals for search in searches):
        theirs = [i for i, search in enumerate(searches) if search.principals == principals]
        found = _answerer(workspace, release, principals).answer([searches[i] for i in theirs], ctx)
        answers |= dict(zip(theirs, found, strict=True))
    if answers and all(answer.error for answer in answers.values()):
        raise ModelError(answers[0].error)
    for answer in answers.values():
        _record(workspace, answer, ctx)
    return [answers[i] for i in range(len(searches))]


def stream(
    workspace: Wiring,
    question: str | Search,
    *,
    release: int | None = None,
    ctx: Context,
) -> Iterator[str | Answer]:
    """Yield provisional text as it is written, then the one authoritative Answer.

    Raises ModelError when the answer could not be written, Cancelled between two pieces.
    """
    search = as_search(question)
    tell_unknown_fields(workspace, [search], ctx)
    for piece in _answerer(workspace, release, search.principals).stream(search, ctx):
        ctx.check()
        if isinstance(piece, Answer):
            if piece.error:
                raise ModelError(piece.error)
            _record(workspace, piece, ctx)
        yield piece


def _answerer(workspace: Wiring, number: int | None, principals: frozenset[str] | None) -> Answerer:
    served = serving(workspace, number, principals)
    return answerer(
        workspace, served.settings, library(workspace), release=served.name,
        prompts=served.release.prompts,
    )  # fmt: skip


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
