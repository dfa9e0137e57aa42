"""Material: what every tuning starts from, and what the ledger keeps of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graft.core.config import Settings
from graft.core.context import Context
from graft.core.document import Passage
from graft.core.example import Example
from graft.examples.gold import resolve
from graft.examples.store import ExampleSet
from graft.library.store import Library
from graft.tune.run import Run
from graft.wire import Wiring, reading, settings_of


@dataclass(frozen=True)
class Material:
    """What every tuning starts from: examples with their gold as passages of now."""

    held: Library
    examples: ExampleSet
    settings: Settings
    train: Sequence[Example]
    dev: Sequence[Example]
    gold: Mapping[str, Sequence[Passage]]


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
    )


def tune_dict(run: Run) -> dict[str, Any]:
    """Return the JSON of a run that scripts rely on."""
    return {
        "run": run.id,
        "part": run.part,
        "recipe": run.recipe.to_dict(),
        "seconds": run.seconds,
        "peak_memory_bytes": dict(run.peak_memory),
        "trainable_parameters": run.trainable_parameters,
        "dev": {"before": dict(run.before), "after": dict(run.after)},
    }


def record(workspace: Wiring, run: Run, material: Material, shown: Iterable[Passage]) -> None:
    """Write a run into the ledger with the documents, and the access, that it learned from."""
    documents = {p.document_id: "" for p in shown}
    access: set[str] = set()
    for id in documents:
        document = material.held.document(id)
        documents[id] = document.text_hash
        access |= set(document.access)
    workspace.ledger.record_run(
        run.id, run.created, part=run.part, example_set=material.examples.id,
        library_version=material.held.version, detail=tune_dict(run), documents=documents,
        access=access,
    )  # fmt: skip
