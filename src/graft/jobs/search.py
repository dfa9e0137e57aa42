"""search: ranked passages, with what each stage contributed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from graft.core.answer import Answer
from graft.core.context import Context
from graft.core.errors import InputError
from graft.core.search import Hit, Search
from graft.loop.releases import settings_of
from graft.retrieve.traced import traced
from graft.wire import Wiring, library, line_of, pipeline


@dataclass(frozen=True)
class Found:
    """The hits of one query, best first, with their passages, and the pipeline that found them."""

    query: str
    hits: tuple[Hit, ...]
    trace: tuple[str, ...]
    pipeline: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON that scripts rely on."""
        return {"query": self.query, "hits": hit_dicts(self.hits)}


def search(
    workspace: Wiring,
    query: str,
    *,
    limit: int = 10,
    release: int | None = None,
    principals: frozenset[str] | None = None,
    ctx: Context,
) -> Found:
    """Return the best passages for a query by a release's retrieval.

    Raises InputError for an empty query, NotFound before the first ingest.
    """
    require_words(query)
    settings, _ = settings_of(workspace, release)
    stage = traced(pipeline(workspace, settings, library(workspace), limit=limit))
    (found,) = stage([Search(query, principals=principals)], ctx)
    if found.error:
        raise InputError(found.error)
    return Found(query, found.hits, found.trace, line_of(settings).shown)


def require_words(query: str) -> None:
    """Raise InputError for an empty question, before any model is loaded for it."""
    if not query.strip():
        raise InputError("the question is empty: ask for something in at least one word")


def hit_dicts(hits: Sequence[Hit]) -> list[dict[str, Any]]:
    """Return hits as plain values, ranked from 1."""
    rows = []
    for rank, hit in enumerate(hits, start=1):
        row: dict[str, Any] = {"rank": rank, "score": hit.score, "document_id": hit.document_id}
        row["passage_id"] = hit.passage_id
        if hit.passage is not None:
            row |= {"start": hit.passage.start, "end": hit.passage.end, "text": hit.passage.text}
            row |= {"title": hit.passage.title, "page": hit.passage.page}
        row["stages"] = _stages(hit.stages)
        rows.append(row)
    return rows


def answer_dict(answer: Answer) -> dict[str, Any]:
    """Return the JSON of an answer that scripts rely on."""
    return {
        "question": answer.question,
        "text": answer.text,
        "declined": answer.declined,
        "support": answer.support,
        "release": answer.release,
        "library_version": answer.library_version,
        "seed": answer.seed,
        "replayable": answer.replayable,
        "citations": [asdict(citation) for citation in answer.citations],
        "unsupported": [list(span) for span in answer.unsupported],
        "hits": hit_dicts(answer.hits),
        "finish_reason": answer.finish_reason,
        "error": answer.error,
    }


def _stages(stages: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    return {name: {"rank": c.rank, "score": c.score} for name, c in stages.items()}
