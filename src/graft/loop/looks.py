"""Looks: how often questions were asked of systems before, as the ledger has it.

Whoever tries ten candidates on the same questions and keeps the best finds one that was lucky. So
an evaluation counts as a look at its questions, whatever it compared, and the gate tightens its
level with every further one (`graft.evaluate.gate.level_of`). What was asked of the same systems
once more, scored again or compared from its rows shows nothing new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from graft.core.example import Example
from graft.core.hashing import value_hash
from graft.examples.split import documents_of
from graft.wire import Wiring

SHARED = 0.5
"""Share of the smaller set of questions from which two evaluations are looks at the same."""

SHARED_DOCUMENTS = 0.2
"""The same of the documents that are asked about: who deals anew by another seed, or asks in other
words, looks at the same documents, and two quarters of a library share a quarter of each other."""


def marks(texts: Iterable[str]) -> list[str]:
    """Return a hash of each text, its case and spaces aside; sorted, each once.

    >>> marks(["Who pays?"]) == marks(["who  pays?"])
    True
    """
    return sorted({value_hash(" ".join(text.casefold().split()))[:12] for text in texts})


def marks_of(examples: Iterable[Example]) -> dict[str, list[str]]:
    """Return the marks of questions and of the documents that they are about."""
    asked = list(examples)
    documents = (document for example in asked for document in documents_of(example))
    return {"questions": marks(e.question for e in asked), "documents": marks(documents)}


def look_at(workspace: Wiring, examples: Iterable[Example], digest: str) -> int:
    """Return which look at these questions an evaluation is, from 1; `digest` is what it asked."""
    own = {kind: set(found) for kind, found in marks_of(examples).items()}
    others: set[str] = set()
    for row in workspace.ledger.evaluations():
        asked = _asked(row["detail"])
        if not asked or asked["digest"] == digest:
            continue
        questions = _share(own["questions"], asked["marks"])
        documents = _share(own["documents"], asked.get("documents", {}))
        if questions >= SHARED or documents >= SHARED_DOCUMENTS:
            others.add(asked["digest"])
    return 1 + len(others)


def _share(own: set[str], of_splits: Mapping[str, Iterable[str]]) -> float:
    """Return the share of the smaller set that both have."""
    seen = {mark for split in of_splits.values() for mark in split}
    return len(own & seen) / max(1, min(len(own), len(seen)))


def _asked(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    found = detail.get("asked")
    return found if isinstance(found, Mapping) else {}
