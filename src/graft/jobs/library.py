"""library: list, show and remove documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from graft.core.context import Context
from graft.core.errors import NotFound
from graft.loop.releases import settings_of
from graft.wire import Wiring, library, reading


def list_documents(workspace: Wiring) -> Iterator[dict[str, Any]]:
    """Yield every document's id, title, media type, number of passages, and who may see it."""
    for row in library(workspace).document_rows():
        yield {
            "id": row.id, "title": row.title, "media_type": row.media_type,
            "passages": row.passages, "access": list(row.access),
        }  # fmt: skip


def show_document(workspace: Wiring, id: str) -> dict[str, Any]:
    """Return a document with its text and passages. Raises NotFound."""
    settings, _ = settings_of(workspace, None)
    held = reading(workspace, settings)
    document = held.document(id)
    return {
        "id": document.id,
        "uri": document.uri,
        "title": document.title,
        "media_type": document.media_type,
        "access": list(document.access),
        "metadata": dict(document.metadata),
        "text": document.text,
        "passages": [
            {
                "id": p.id, "start": p.start, "end": p.end, "page": p.page,
                "headings": list(p.headings),
            }
            for p in held.passages_of(id)
        ],
    }  # fmt: skip


def remove_documents(
    workspace: Wiring, ids: Sequence[str], *, purge: bool = False, wait: float = 0.0, ctx: Context
) -> dict[str, Any]:
    """Remove documents from every space; with `purge`, from every version on disk too.

    Returns how many were removed, the version published, and the runs that learned from them.
    Raises NotFound, before anything is touched, for an id that is not there; a purge also takes
    one that was removed before.
    """
    with workspace.layout.writer(wait):
        held = library(workspace)
        known = {row.id for row in held.document_rows()}
        missing = sorted(set(ids) - known)
        if purge:
            missing = [id for id in missing if not workspace.ledger.knows_document(id)]
        if missing:
            raise NotFound(
                f"there is no document {missing[0]!r}: `graft library list` shows them all"
            )
        with held.writer(ctx, ann_from=workspace.config.ingest.ann_from) as writer:
            removed = writer.purge(ids) if purge else writer.remove(ids)
            version = writer.publish()
        changes = [(id, "", "purged" if purge else "removed") for id in ids if id in known]
        counts = library(workspace).counts
        workspace.ledger.record_library(version, ctx.clock(), counts, changes=changes)
        runs = sorted({run for id in ids for run in workspace.ledger.runs_of_document(id)})
    return {"removed": removed, "library_version": version, "runs": runs}
