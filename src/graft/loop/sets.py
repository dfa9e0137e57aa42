"""Sets: the example sets of a workspace, and which documents a split must keep together."""

from __future__ import annotations

from collections.abc import Mapping

from graft.core.unions import Unions
from graft.examples import store
from graft.examples.store import LATEST, ExampleSet
from graft.library.store import Library
from graft.wire import Wiring

TITLE_SHARED_BY = 2
"""Documents that share a title are parts of one article, and are kept on one side of a split."""


def load_examples(workspace: Wiring, name: str = "") -> ExampleSet:
    """Return an example set by id, or the latest, checked for leaks."""
    return store.read(workspace.layout.examples, name or LATEST)


def document_groups(held: Library, threshold: float) -> Mapping[str, str]:
    """Return for each document the group that splits keep whole.

    Near-duplicates belong together, and so do documents that share a title: they are sections of
    one article, and a question on one is often answered in the next.
    """
    tied: Unions[str] = Unions()
    titles: dict[str, list[str]] = {}
    for row in held.document_rows(counted=False):
        if row.title:
            titles.setdefault(row.title, []).append(row.id)
    for ids in titles.values():
        if len(ids) >= TITLE_SHARED_BY:
            for id in ids[1:]:
                tied.join(ids[0], id)
    for group in held.duplicates(threshold):
        for id in group.ids[1:]:
            tied.join(group.ids[0], id)
    return {id: tied.find(id) for id in held.document_ids()}
