"""search: ranked passages, with what each stage contributed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graft.core.context import Context
from graft.core.errors import InputError
from graft.core.search import Hit, Search, as_search, hit_dicts
from graft.loop.serving import serving, tell_unknown_fields
from graft.retrieve.traced import traced
from graft.wire import Wiring, library, line_of, pipeline


@dataclass(frozen=True)
class Found:
    """The hits of one query, best first, with their passages, and what found them.

    `pipeline` is the line of stages and `release` the name of what served.
    """

    query: str
    hits: tuple[Hit, ...]
    trace: tuple[str, ...]
    pipeline: str
    release: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON that scripts rely on."""
        return {"query": self.query, "hits": hit_dicts(self.hits), "release": self.release}


def search(
    workspace: Wiring,
    question: str | Search,
    *,
    limit: int = 10,
    release: int | None = None,
    ctx: Context,
) -> Found:
    """Return the best passages for a question by a release's retrieval.

    Raises InputError for an empty question or one that fails, NotFound before the first ingest.
    """
    asked = as_search(question)
    tell_unknown_fields(workspace, [asked], ctx)
    served = serving(workspace, release, asked.principals)
    stage = traced(pipeline(workspace, served.settings, library(workspace), limit=limit))
    (found,) = stage([asked], ctx)
    if found.error:
        raise InputError(found.error)
    line = line_of(served.settings).shown
    return Found(found.query, found.hits, found.trace, line, served.name)
