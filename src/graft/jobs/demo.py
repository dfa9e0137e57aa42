"""demo: the whole loop on real documents that every Python has."""

from __future__ import annotations

from pathlib import Path

from graft.core.context import Context
from graft.jobs.adapt import adapt
from graft.jobs.adapted import Adapted
from graft.jobs.corpus import write_corpus
from graft.wire import open_workspace

SETTINGS = {
    "segment.max_tokens": 160,
    "answer.passages": 3,
    "generate.max_new_tokens": 32,
    "examples.limit": 120,
    "evaluate.limit": 40,
    "tune.retriever.epochs": 1.0,
    "tune.reranker.epochs": 1.0,
    "retrieve.rerank_depth": 10,
}
"""Small enough for ten minutes on two cores: shorter passages, fewer questions."""


def demo(root: Path, *, ctx: Context) -> Adapted:
    """Write Python's language reference and docstrings as files, and adapt to them.

    Everything goes into the workspace `root`: `documents/`, and `.graft/` as for any other.
    """
    folder = root / "documents"
    write_corpus(folder)
    workspace = open_workspace(root, SETTINGS)
    return adapt(workspace, [str(folder)], command="graft demo", ctx=ctx)
