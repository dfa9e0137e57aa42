"""examples: make, take in, hand out, check and show the questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from graft.core.context import Context
from graft.core.errors import InputError
from graft.examples import store
from graft.examples.formats import FORMATS, Format, export_examples, import_examples
from graft.examples.gold import pin, resolve
from graft.examples.make import MakeOptions, make_examples
from graft.examples.split import Shares, assign
from graft.examples.store import LATEST, ExampleSet
from graft.examples.unions import Unions
from graft.library.duplicates import groups as duplicate_clusters
from graft.library.store import Library
from graft.wire import Wiring, generator, library, pipeline, reading, settings_of

TITLE_SHARED_BY = 2
"""Documents that share a title are parts of one article, and are kept on one side of a split."""


def build(workspace: Wiring, *, ctx: Context) -> dict[str, Any]:
    """Make questions from the library's passages, filter and split them; return the counts.

    The generator and the retrieval are those of the release in use.
    """
    settings, _ = settings_of(workspace, None)
    held, table = reading(workspace, settings), workspace.config.examples
    made = make_examples(
        ((held.document(id), held.passages_of(id)) for id in held.document_ids()),
        generator(workspace, settings.generate),
        options=MakeOptions(
            per_document=table.per_document,
            limit=table.limit,
            unanswerable=table.unanswerable,
            free=table.free,
        ),
        retrieve=pipeline(workspace, settings, held, limit=10),
        ctx=ctx,
    )
    clusters = document_groups(held, workspace.config.ingest.near_duplicate)
    shares = Shares(table.dev, table.test_seen, table.test_new)
    dealt = assign(made.examples, groups=clusters, shares=shares, seed=ctx.seed)
    dropped = {**made.dropped, **{why: len(ids) for why, ids in dealt.dropped.items()}}
    return _keep(workspace, ExampleSet(dealt.examples, held.version, dropped), "made", ctx)


def import_(
    workspace: Wiring,
    path: str,
    *,
    split: str = "",
    limit: int = 0,
    ctx: Context,
) -> dict[str, Any]:
    """Take in questions from a file or BEIR folder; return the counts.

    Rows that name their splits keep them; where none is dev, one is dealt from train, whole
    articles apart. A file whose rows name no split is dealt into all four.
    """
    held, table = library(workspace), workspace.config.examples
    source = Path(path)
    if not source.exists():
        raise InputError(f"{path} is not there: name a file or a BEIR folder of questions")
    found = import_examples(source, split=split, limit=limit, seed=ctx.seed)
    pinned = pin(found, held.document)
    if not pinned.examples:
        raise InputError(
            f"none of the {len(found)} questions of {path} is about a document of the "
            "library: ingest their documents first"
        )
    dropped = {"document not in the library": len(pinned.missing)} if pinned.missing else {}
    train = [e for e in pinned.examples if e.split == "train"]
    rest = [e for e in pinned.examples if e.split != "train"]
    if train and not any(e.split == "dev" for e in rest):
        clusters = document_groups(held, workspace.config.ingest.near_duplicate)
        alone = not rest and not split
        # dev stands for documents that are new, as the test questions will be
        shares = (
            Shares(table.dev, table.test_seen, table.test_new) if alone else Shares(0, 0, table.dev)
        )
        dealt = assign(train, groups=clusters, shares=shares, seed=ctx.seed)
        dropped |= {reason: len(ids) for reason, ids in dealt.dropped.items()}
        train = [
            e if alone or e.split == "train" else replace(e, split="dev") for e in dealt.examples
        ]
    examples = [*train, *rest]
    return _keep(workspace, ExampleSet(tuple(examples), held.version, dropped), path, ctx)


def export(workspace: Wiring, path: str, *, format: str = "", examples: str = "") -> int:
    """Write an example set in another tool's format and return how many there are."""
    found = load_examples(workspace, examples)
    target = Path(path)
    guess: dict[str, Format] = {"": "beir", ".json": "squad", ".jsonl": "chat"}
    chosen = format or guess.get(target.suffix, "")
    if chosen not in FORMATS:
        raise InputError(
            f"no format is known for {path!r} ({format or 'none given'}): "
            f"pass --format with one of {', '.join(FORMATS)}"
        )
    export_examples(found.examples, target, chosen, document=library(workspace).document)
    return len(found.examples)


def check(workspace: Wiring, *, examples: str = "") -> dict[str, Any]:
    """Check a set's splits for leaks and its gold against the documents of now.

    Raises LeakError, naming the pair, for a question or document on both sides.
    """
    found = load_examples(workspace, examples)
    settings, _ = settings_of(workspace, None)
    held = reading(workspace, settings)
    gold = resolve(found.examples, held.document, passages_of=held.passages_of)
    states = {"found": len(gold.passages), "moved": len(gold.moved)}
    states |= {reason: len(ids) for reason, ids in gold.dropped.items()}
    return {"id": found.id, **found.counts, "leaks": 0, "gold": states}


def show(
    workspace: Wiring, *, split: str = "", limit: int = 20, examples: str = ""
) -> list[dict[str, Any]]:
    """Return the first examples of a set (or of one split) as plain rows."""
    found = load_examples(workspace, examples)
    rows = [e for e in found.examples if not split or e.split == split]
    return [
        {
            "id": e.id, "split": e.split, "kind": e.kind, "question": e.question,
            "answers": list(e.answers), "group": e.group,
            "gold": [
                g.document_id + (f":{g.start}-{g.end}" if g.start is not None else "")
                for g in e.gold
            ],
        }
        for e in rows[:limit]
    ]  # fmt: skip


def load_examples(workspace: Wiring, name: str = "") -> ExampleSet:
    """Return an example set by id, or the latest, checked for leaks."""
    return store.read(workspace.layout.examples, name or LATEST)


def document_groups(held: Library, threshold: float) -> Mapping[str, str]:
    """Return for each document the group that splits keep whole.

    Near-duplicates belong together, and so do documents that share a title: they are sections of
    one article, and a question on one is often answered in the next.
    """
    tied = Unions()
    titles: dict[str, list[str]] = {}
    for row in held.document_rows():
        if row.title:
            titles.setdefault(row.title, []).append(row.id)
    for ids in titles.values():
        if len(ids) >= TITLE_SHARED_BY:
            for id in ids[1:]:
                tied.join(ids[0], id)
    for id, cluster in duplicate_clusters(held.texts(), threshold).items():
        tied.join(cluster, id)
    return {id: tied.find(id) for id in held.document_ids()}


def _keep(workspace: Wiring, made: ExampleSet, origin: str, ctx: Context) -> dict[str, Any]:
    store.write(workspace.layout.examples, made)
    detail = {"origin": origin, "counts": made.counts, "dropped": dict(made.dropped)}
    workspace.ledger.record_examples(made.id, ctx.clock(), made.library_version, detail=detail)
    return {"id": made.id, **made.counts, "dropped": dict(made.dropped)}
