"""Sets: the example sets of a workspace, and what a split must keep together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from graft.core.config import Settings
from graft.core.example import Example
from graft.core.unions import Unions
from graft.examples import store
from graft.examples.meaning import Meaning
from graft.examples.shared import evidence_of, sharing
from graft.examples.store import LATEST, ExampleSet
from graft.library.store import Library
from graft.wire import Wiring, encoder, line_of

TITLE_SHARED_BY = 2
"""Documents that share a title are parts of one article, and are kept on one side of a split."""


def load_examples(workspace: Wiring, name: str = "") -> ExampleSet:
    """Return an example set by id, or the latest, checked for leaks."""
    return store.read(workspace.layout.examples, name or LATEST)


def meaning_of(workspace: Wiring, settings: Settings) -> Meaning | None:
    """Return what compares questions by meaning: the encoder that these settings search with.

    None where they search by words alone: no model is loaded for the sake of this. Encoders are
    computed here, so it costs no money, and each question is encoded once in a process.
    """
    if "dense" not in line_of(settings).leaves:
        return None
    return workspace.once(
        ("meaning", settings.encoder),
        lambda: Meaning(lambda texts: encoder(workspace, settings.encoder).encode_queries(texts)),
    )


def document_groups(
    held: Library, threshold: float, examples: Sequence[Example] = ()
) -> Mapping[str, str]:
    """Return for each document the group that splits keep whole.

    Near-duplicates belong together, and so do documents that share a title: they are sections of
    one article, and a question on one is often answered in the next. So do those that hold, wholly
    or nearly, the paragraph that one of the `examples` rests on.
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
    for one, other in shared_evidence(held, examples):
        tied.join(one, other)
    return {id: tied.find(id) for id in held.document_ids()}


def shared_evidence(held: Library, examples: Sequence[Example]) -> Iterable[tuple[str, str]]:
    """Return (document of an example's evidence, other document that holds it) pairs."""
    gold = {gold.document_id for example in examples for gold in example.gold}
    asked = sorted(gold.intersection(held.document_ids()) if gold else ())
    if not asked:
        return ()
    documents = {document.id: document for document in held.documents(asked)}
    return sharing(evidence_of(examples, documents), held.texts())
