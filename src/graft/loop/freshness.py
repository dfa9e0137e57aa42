"""Freshness: how long until an edited fact is answered right.

No training is timed beside it: a few steps on the facts alone, each in one phrasing, would be
beaten by anything, and one that keeps what the generator knew takes as long as the tuning did.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from graft.core.answer import Answer
from graft.core.config import Settings
from graft.core.context import Context
from graft.core.document import Document
from graft.core.example import Example
from graft.core.files import Layout
from graft.examples.holding import holds
from graft.examples.searching import search_for
from graft.library.store import Library
from graft.loop.spaces import put_documents
from graft.measures.text import token_f1
from graft.measures.words import STOP_WORDS, content, fold
from graft.wire import Wiring, answerer, library, reading

Edit = tuple[Example, str]
"""A question, and what its answer is edited to."""

SHORT = 4
"""Words up to which an answer is a date, a number or a name, and must be given as it is."""

SAID = 0.5
"""Token F1 from which a longer answer, such as a sentence, counts as given."""


@dataclass(frozen=True)
class Freshness:
    """`right` of `facts` edited facts were answered as edited, `seconds` after the edit began."""

    facts: int
    right: int
    seconds: float


def edits(
    workspace: Wiring, settings: Settings, examples: Sequence[Example], *, count: int, ctx: Context
) -> list[Edit]:
    """Return up to `count` facts to edit, one a document, each with what it is edited to.

    Facts are taken where the system answers right today, and each gets the answer of another
    question of the same kind, so that what is said afterwards can only come from the edit.
    """
    held = reading(workspace, settings)
    known = set(held.document_ids())
    able = [e for e in examples if e.gold and e.gold[0].document_id in known and _fact(held, e)]
    able = able[: 4 * count]
    serving = replace(answerer(workspace, settings, held), decline_threshold=0.0)
    answers = serving.answer([search_for(e) for e in able], ctx)
    documents: set[str] = set()
    chosen: list[Edit] = []
    for example, answer in zip(able, answers, strict=True):
        id = example.gold[0].document_id
        if id in documents or len(chosen) == count or not _says(answer, example.answers[0]):
            continue
        text = held.document(id).text
        others = [
            e.answers[0] for e in able
            if _kind(e.answers[0]) == _kind(example.answers[0]) and not holds(text, e.answers[0])
        ]  # fmt: skip
        if others:
            documents.add(id)
            chosen.append((example, others[0]))
    return chosen


def by_sync(
    workspace: Wiring, settings: Settings, chosen: Sequence[Edit], *, wait: float, ctx: Context
) -> Freshness:
    """Edit facts in a copy of the library, sync it, ask, and time it all.

    The seconds cover re-cutting, re-embedding, publishing and answering; the library itself is
    left as it is. The caller holds no lock.
    """
    with _copy(workspace, wait) as copy:
        started = ctx.clock()
        held = reading(workspace, settings)
        edited = [_edited(held.document(e.gold[0].document_id), e, new) for e, new in chosen]
        with copy.layout.writer():
            put_documents(copy, edited, [settings], ctx=ctx)
        serving = replace(answerer(copy, settings, library(copy)), decline_threshold=0.0)
        answers = serving.answer([search_for(e) for e, _ in chosen], ctx)
        seconds = ctx.clock() - started
    return Freshness(len(chosen), _right(answers, chosen), seconds)


@contextmanager
def _copy(workspace: Wiring, wait: float) -> Iterator[Wiring]:
    """Yield the workspace with a copy of its library, taken while nothing is being published."""
    with tempfile.TemporaryDirectory(prefix="graft-edited-") as folder:
        home = Path(folder) / ".graft"
        with workspace.layout.writer(wait):
            shutil.copytree(workspace.layout.library, home / "library")
            shutil.copytree(workspace.layout.releases, home / "releases")
        kept = {k: v for k, v in workspace.loaded.items() if k not in ("library", "ledger")}
        # A run's weights are read from the workspace that they were tuned in.
        (home / "runs").symlink_to(workspace.layout.runs.resolve())
        yield Wiring(Layout(Path(folder)), workspace.config, kept)


def _right(answers: Sequence[Answer], chosen: Sequence[Edit]) -> int:
    return sum(_says(answer, new) for answer, (_, new) in zip(answers, chosen, strict=True))


def _says(answer: Answer, wanted: str) -> bool:
    if len(wanted.split()) <= SHORT:
        return holds(answer.text, wanted)
    return token_f1(answer.text, [wanted]) >= SAID


def _fact(held: Library, example: Example) -> bool:
    """Whether an example's answer stands, as it is, in its evidence, and no name in its question.

    "Which function of textwrap ...?" asks for no function of another module.
    """
    gold = example.gold[0]
    if not example.answers or gold.start is None:
        return False
    answer = example.answers[0]
    if len(answer.split()) <= SHORT and content(answer) & content(example.question):
        return False
    text = held.document(gold.document_id).text[gold.start : gold.end]
    return bool(_whole(example.answers[0]).search(text))


def _whole(answer: str) -> re.Pattern[str]:
    # "12" stands in "2012", and is not meant there; a sentence may go over a line's end
    words = r"\s+".join(map(re.escape, answer.split()))
    return re.compile(rf"(?<!\w){words}(?!\w)")


def _kind(answer: str) -> tuple[object, ...]:
    """What two answers have in common that may stand for each other in a sentence."""
    first = fold(answer.split(maxsplit=1)[0])
    lead = first if first in STOP_WORDS else ""  # "if", "by", "to"
    if len(answer.split()) > SHORT:
        return True, lead
    return False, lead, any(c.isdigit() for c in answer), answer[:1].isupper()


def _edited(document: Document, example: Example, new: str) -> Document:
    text = _whole(example.answers[0]).sub(lambda _: new, document.text)
    return replace(document, text=text, fingerprint="")
