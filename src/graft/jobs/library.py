"""library: list and show documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
