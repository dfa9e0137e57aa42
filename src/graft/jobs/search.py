"""search: ranked passages, with what each stage contributed."""

from __future__ import annotations

from graft.core.context import Context
from graft.core.errors import InputError
from graft.core.search import Search, as_search
from graft.loop.serving import serving
from graft.retrieve.traced import traced
from graft.wire import Wiring, library, pipeline


def search(
    workspace: Wiring,
    question: str | Search,
    *,
    limit: int = 10,
    release: int | None = None,
    ctx: Context,
) -> Search:
    """Return a search with its hits, the best passages by a release's retrieval.

    Raises InputError for an empty question or one that fails, NotFound before the first ingest.
    """
    asked = as_search(question)
    settings = serving(workspace, release, asked.principals).settings
    stage = traced(pipeline(workspace, settings, library(workspace), limit=limit), ctx)
    (found,) = stage([asked])
    if found.error:
        raise InputError(found.error)
    return found
