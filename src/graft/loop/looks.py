"""Looks: how often questions were asked of systems before, as the ledger has it.

Whoever tries ten candidates on the same questions and keeps the best finds one that was lucky. So
an evaluation counts as a look at its questions, whatever it compared, and the gate tightens its
level with every further one (`graft.evaluate.gate.level_of`). What was asked of the same systems
once more, scored again or compared from its rows shows nothing new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from graft.core.hashing import value_hash
from graft.wire import Wiring

SHARED = 0.5
"""Share of the smaller set from which two evaluations count as looks at the same questions."""


def marks(questions: Iterable[str]) -> list[str]:
    """Return a hash of each question, its case and spaces aside; sorted, each once.

    >>> marks(["Who pays?"]) == marks(["who  pays?"])
    True
    """
    return sorted({value_hash(" ".join(text.casefold().split()))[:12] for text in questions})


def look_at(workspace: Wiring, questions: Iterable[str], digest: str) -> int:
    """Return which look at these questions an evaluation is, from 1; `digest` is what it asked."""
    own = set(marks(questions))
    others: dict[str, set[str]] = {}
    for row in workspace.ledger.evaluations():
        asked = _asked(row["detail"])
        if not asked or asked["digest"] == digest:
            continue
        seen = {mark for split in asked["marks"].values() for mark in split}
        if len(own & seen) >= SHARED * max(1, min(len(own), len(seen))):
            others[asked["digest"]] = seen
    return 1 + len(others)


def _asked(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    found = detail.get("asked")
    return found if isinstance(found, Mapping) else {}
