"""demo: the whole loop on real documents that every Python has."""

from __future__ import annotations

from pathlib import Path

from graft.core.context import Context
from graft.core.errors import InputError
from graft.core.files import write_atomic
from graft.jobs.adapt import adapt
from graft.loop.adapted import Adapted
from graft.loop.corpus import write_corpus
from graft.wire import open_workspace

SETTINGS = {
    "segment.max_tokens": 80,
    "segment.min_tokens": 20,
    "answer.passages": 2,
    "generate.max_new_tokens": 32,
    "generate.batch_tokens": 4096,
    "examples.limit": 330,
    "examples.per_document": 2,
    "examples.makers.gap": 0,
    "examples.makers.heading": 0,
    "examples.unanswerable": 0.08,
    "examples.test_seen": 0.1,
    "tune.generator.batch_size": 2,
    "evaluate.limit": 20,
    "tune.retriever.epochs": 1.0,
    "tune.reranker.epochs": 1.0,
    "retrieve.stages.rerank.depth": 10,
    "adapt.edited_facts": 3,
}
"""Small enough for a quarter of an hour on two cores: shorter passages, fewer questions, small
steps; and questions by rule alone, which are harder than those that the starter asks, on twice as
many documents as a guard's margin takes."""

MARK = ".graft-demo"
"""The file that says of a folder of documents that the demo wrote it."""


def demo(root: Path, *, ctx: Context) -> Adapted:
    """Write Python's language reference and docstrings as files, and adapt to them.

    Everything goes into the workspace `root`: `documents/`, and `.graft/` as for any other. Raises
    InputError, before anything is written, for a workspace that holds something else.
    """
    workspace = open_workspace(root, SETTINGS)
    folder = root / "documents"
    written = folder.exists() and any(folder.iterdir())
    in_use = workspace.releases.current_number() is not None
    if (written or in_use) and not (folder / MARK).exists():
        raise InputError(
            f"{root.absolute()} holds documents of its own, which the demo's would mix with: "
            "pass another folder, `graft -w DIR demo`"
        )
    write_atomic(folder / MARK, "written by graft demo\n")
    write_corpus(folder)
    return adapt(workspace, [str(folder)], command="graft demo", ctx=ctx)
