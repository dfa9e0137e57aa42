"""Material: what every tuning starts from, and what the ledger keeps of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from graft.core.config import Settings
from graft.core.context import Context
from graft.core.document import Passage
from graft.core.example import Example
from graft.core.runs import Run
from graft.core.search import Search
from graft.examples.gold import Judged, resolve
from graft.examples.split import documents_of
from graft.examples.store import ExampleSet
from graft.library.store import Library
from graft.loop.releases import settings_of
from graft.loop.sets import document_groups
from graft.tune.data import DataRow
from graft.tune.writing import Save, write_run
from graft.wire import Wiring, pipeline, reading


@dataclass(frozen=True)
class Material:
    """What every tuning starts from: examples with their gold as passages of now.

    `gold`, `evidence` and `judged` are by example ids, as `examples.gold.Resolved` tells them.
    """

    held: Library
    examples: ExampleSet
    settings: Settings
    train: Sequence[Example]
    dev: Sequence[Example]
    gold: Mapping[str, Sequence[Passage]]
    evidence: Mapping[str, Sequence[Passage]]
    judged: Mapping[str, Judged]
    apart: frozenset[str] = frozenset()
    """The documents of test-new, and those tied to them (near-duplicates, sections of one
    article, holders of the same evidence): no training may show anything of them."""


def gather(workspace: Wiring, found: ExampleSet, ctx: Context) -> Material:
    """Return a set's train and dev examples with their gold resolved; stale ones are told."""
    settings, _ = settings_of(workspace, None)
    held = reading(workspace, settings)
    train, dev = found.split("train"), found.split("dev")
    gold = resolve([*train, *dev], held.document, passages_of=held.passages_of, ctx=ctx)
    usable = gold.passages
    return Material(
        held=held,
        examples=found,
        settings=settings,
        train=[e for e in train if e.id in usable],
        dev=[e for e in dev if e.id in usable],
        gold=usable,
        evidence={id: gold.evidence(id) for id in usable},
        judged={id: gold.judged(id) for id in usable},
        apart=_apart(workspace, held, found),
    )


def _apart(workspace: Wiring, held: Library, found: ExampleSet) -> frozenset[str]:
    asked = {id for example in found.split("test-new") for id in documents_of(example)}
    if not asked:
        return frozenset()
    groups = document_groups(held, workspace.config.ingest.near_duplicate, found.examples)
    tested = {groups[id] for id in asked if id in groups}
    return frozenset(asked | {id for id, group in groups.items() if group in tested})


def retrieval(
    workspace: Wiring, material: Material, settings: Settings, *, limit: int, ctx: Context
) -> Callable[[list[Search]], list[Search]]:
    """Return a retrieval that never shows what is kept apart for test-new, not even as a wrong one.

    Hits beyond `limit` take the place of those that are left out, as far as they were found.
    """
    apart = material.apart
    stage = pipeline(workspace, settings, material.held, limit=settings.retrieve.depth)

    def retrieve(searches: list[Search]) -> list[Search]:
        return [
            replace(s, hits=tuple(h for h in s.hits if h.document_id not in apart)[:limit])
            for s in stage(searches, ctx)
        ]

    return retrieve


def keep(
    workspace: Wiring, material: Material, run: Run, *, save: Save, data: Iterable[DataRow],
    documents: Iterable[str],
) -> Run:  # fmt: skip
    """Write a run's folder and its line in the ledger; return the run as it was written.

    The settings it was made under, resolved, and the library's version go into its folder beside
    what it says itself. `documents` are the ids of all that shaped it: what was trained on, and
    what dev chose its weights by; the run and the ledger keep whoever may see them.
    """
    settings = material.settings.model_dump(mode="json")
    settings["tune"] = workspace.config.tune.model_dump(mode="json")
    hashes: dict[str, str] = {}
    access: set[str] = set()
    for document in material.held.documents(sorted(set(documents))):
        hashes[document.id] = document.text_hash
        access |= set(document.access)
    whole = replace(
        run, settings={**settings, **run.settings}, library_version=material.held.version,
        access=tuple(sorted(access)),
    )  # fmt: skip
    written = write_run(workspace.layout.runs, whole, save, data=data)
    workspace.ledger.record_run(written, material.examples.id, hashes)
    return written
