"""remove: documents taken out of the library, and with a purge out of all that quotes them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

from graft.core.context import Context
from graft.core.errors import GraftError, NotFound
from graft.examples import store
from graft.examples.split import documents_of
from graft.library.sync import ids_under
from graft.loop.evaluations import forget
from graft.loop.spaces import writing
from graft.wire import Wiring, library


def remove_documents(
    workspace: Wiring, ids: Sequence[str], *, under: str = "", purge: bool = False,
    wait: float = 0.0, ctx: Context,
) -> dict[str, Any]:  # fmt: skip
    """Remove documents from every space; with `purge`, from every version on disk too.

    `under` names a file or folder, there or not, whose documents go as well.

    A purge also takes what they said out of evaluations, and throws away all checkpoints of
    trainings. Returns how many were removed, the version published, the runs that learned from
    them, and what else a purge reaches: the evaluations that it changed, and the example sets
    with questions on them, which stay. Raises NotFound, before anything is touched, for an id
    that is not there; a purge also takes one that was removed before.
    """
    with workspace.layout.writer(wait):
        held = library(workspace)
        rows = list(held.document_rows())
        known = {row.id for row in rows}
        there = ids_under(rows, under) if under else []
        if under and not there:
            raise NotFound(f"no document comes from {under}: `graft library list` shows them all")
        ids = list(dict.fromkeys([*ids, *there]))
        missing = sorted(set(ids) - known)
        if purge:
            missing = [id for id in missing if not workspace.ledger.knows_document(id)]
        if missing:
            raise NotFound(
                f"there is no document {missing[0]!r}: `graft library list` shows them all"
            )
        with writing(workspace, ctx=ctx) as writer:
            removed = writer.purge(ids) if purge else writer.remove(ids)
            version = writer.publish()
        changes = [(id, "", "purged" if purge else "removed") for id in ids if id in known]
        counts = library(workspace).counts
        workspace.ledger.record_library(version, ctx.clock(), counts, changes=changes)
        runs = sorted({run for id in ids for run in workspace.ledger.runs_of_document(id)})
        told = {"removed": removed, "library_version": version, "runs": runs}
        return told | _purged(workspace, set(ids), ctx) if purge else told


def _purged(workspace: Wiring, ids: set[str], ctx: Context) -> dict[str, list[str]]:
    """Take what documents said out of what is not the library's."""
    layout = workspace.layout
    # What an unfinished training has learned so far is told nowhere: it begins anew.
    shutil.rmtree(layout.checkpoints, ignore_errors=True)
    sets = [id for id in store.ids(layout.examples) if _asks_of(workspace, id, ids)]
    return {"evaluations": forget(workspace, ids, ctx), "example_sets": sets}


def _asks_of(workspace: Wiring, name: str, ids: set[str]) -> bool:
    try:
        examples = store.read(workspace.layout.examples, name).examples
    except GraftError:
        return True  # it is damaged, and nobody can tell
    return any(ids.intersection(documents_of(example)) for example in examples)
