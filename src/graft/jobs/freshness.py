"""Freshness: how long until an edited fact is answered right, by a sync and by a training."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from graft.core.config import Settings
from graft.core.context import Context
from graft.core.document import Document
from graft.core.example import Example
from graft.core.files import Layout
from graft.core.search import Search
from graft.examples.holding import holds
from graft.jobs.ingest import put_documents
from graft.library.store import Library
from graft.wire import Wiring, answerer, library, reading


@dataclass(frozen=True)
class Freshness:
    """`right` of `facts` edited facts were answered as edited, `seconds` after the edit began."""

    facts: int
    right: int
    seconds: float


def edited_facts(
    workspace: Wiring, settings: Settings, examples: Sequence[Example], *, count: int, ctx: Context
) -> Freshness:
    """Edit facts in a copy of the library, sync it, ask, and time it all.

    Facts are taken where the system answers right today, and each gets the answer of another
    question of the same kind, so that what it says afterwards can only come from the edit. The
    seconds cover re-cutting, re-embedding, publishing and answering; the library itself is left
    as it is.
    """
    held = reading(workspace, settings)
    chosen = _answered(workspace, settings, held, examples, count, ctx)
    if not chosen:
        return Freshness(0, 0, 0.0)
    with tempfile.TemporaryDirectory(prefix="graft-edited-") as folder:
        home = Path(folder) / ".graft"
        shutil.copytree(workspace.layout.library, home / "library")
        shutil.copytree(workspace.layout.releases, home / "releases")
        kept = {k: v for k, v in workspace.loaded.items() if k not in ("library", "ledger")}
        copy = Wiring(Layout(Path(folder)), workspace.config, kept)
        started = ctx.clock()
        edited = _edit(held, chosen)
        with copy.layout.writer():
            put_documents(copy, edited, [settings], ctx=ctx)
        serving = replace(answerer(copy, settings, library(copy)), decline_threshold=0.0)
        answers = serving.answer([Search(e.question) for e, _ in chosen], ctx)
        seconds = ctx.clock() - started
        right = sum(holds(a.text, new) for a, (_, new) in zip(answers, chosen, strict=True))
        return Freshness(len(chosen), right, seconds)


def _answered(
    workspace: Wiring, settings: Settings, held: Library, examples: Sequence[Example], count: int,
    ctx: Context,
) -> list[tuple[Example, str]]:  # fmt: skip
    able = [
        e for e in examples
        if e.answers and e.gold and e.gold[0].start is not None and len(e.answers[0].split()) <= 4
    ][: 4 * count]  # fmt: skip
    serving = replace(answerer(workspace, settings, held), decline_threshold=0.0)
    answers = serving.answer([Search(e.question) for e in able], ctx)
    right = [e for e, a in zip(able, answers, strict=True) if holds(a.text, e.answers[0])]
    documents: set[str] = set()
    chosen: list[tuple[Example, str]] = []
    for example in right:
        id = example.gold[0].document_id
        others = [
            e.answers[0] for e in able
            if e is not example and _kind(e.answers[0]) == _kind(example.answers[0])
            and not holds(held.document(id).text, e.answers[0])
        ]  # fmt: skip
        if others and id not in documents and len(chosen) < count:
            documents.add(id)
            chosen.append((example, others[0]))
    return chosen


def _kind(answer: str) -> tuple[bool, bool]:
    return any(c.isdigit() for c in answer), answer[:1].isupper()


def _edit(held: Library, chosen: Sequence[tuple[Example, str]]) -> list[Document]:
    edited = []
    for example, new in chosen:
        document = held.document(example.gold[0].document_id)
        text = document.text.replace(example.answers[0], new)
        edited.append(replace(document, text=text, fingerprint=""))
    return edited
