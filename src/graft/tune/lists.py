"""Lists: dev questions with the first stage's candidates, that a reranker puts in a new order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from graft.core.document import Passage
from graft.core.errors import InputError
from graft.core.example import Example
from graft.core.protocols import PassageStore
from graft.examples.gold import Judged
from graft.examples.searching import Retrieve, passages_of, searched
from graft.tune.pool import judged_means


@dataclass(frozen=True)
class Lists:
    """For each dev question its text, its candidates in the first stage's order, and its gold.

    The text is the question as a reranker reads it, without the conversation before it. `judged`
    is what its rankings are judged on: what the first stage missed is in it, so that no order of
    the candidates gets full marks then.
    """

    questions: Mapping[str, str]
    candidates: Mapping[str, tuple[Passage, ...]]
    gold: Mapping[str, frozenset[str]]
    judged: Mapping[str, Judged]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every (question, passage) in order, as the reranker reads them."""
        return [
            (question, passage.indexed_text)
            for id, question in self.questions.items()
            for passage in self.candidates[id]
        ]

    @property
    def labels(self) -> list[bool]:
        """Whether the passage of each pair answers its question."""
        return [p.id in self.gold[id] for id in self.questions for p in self.candidates[id]]


def dev_lists(
    examples: Sequence[Example],
    positives: Mapping[str, Sequence[Passage]],
    judged: Mapping[str, Judged],
    retrieve: Retrieve,
    store: PassageStore,
    *,
    depth: int = 20,
) -> Lists:
    """Return the first stage's first `depth` candidates of each example with gold.

    A search that failed has no candidates and scores 0. Raises InputError when no example has
    gold, or no search found any.
    """
    known = [example for example in examples if positives.get(example.id)]
    candidates: dict[str, tuple[Passage, ...]] = {}
    questions: dict[str, str] = {}
    for batch in searched(known, retrieve):
        found = passages_of([replace(s, hits=s.hits[:depth]) for _, s in batch], store)
        candidates |= zip((example.id for example, _ in batch), map(tuple, found), strict=True)
        questions |= {example.id: search.asked for example, search in batch}
    gold = {example.id: frozenset(p.id for p in positives[example.id]) for example in known}
    if not any(p.id in gold[id] for id, shown in candidates.items() for p in shown):
        raise InputError(
            f"tuning a reranker needs dev questions whose gold the first stage finds in its first "
            f"{depth}, and it finds none of {len(known)}: import more examples"
        )
    return Lists(questions, candidates, gold, {id: judged[id] for id in questions})


def first_stage_scores(lists: Lists) -> dict[str, float]:
    """Return the measures' means for the candidates as the first stage ordered them."""
    return _scores(lists, [-i for shown in lists.candidates.values() for i in range(len(shown))])


def score_lists(lists: Lists, logits: NDArray[np.float32]) -> dict[str, float]:
    """Return the measures' means for the candidates ordered by `logits`, and the "loss".

    `logits` is `(pairs,)`, one for each of `lists.pairs`. The loss is the tuning's own objective
    on dev: the binary cross-entropy in nats, averaged over pairs.
    """
    x, y = logits.astype(np.float64), np.asarray(lists.labels, dtype=np.float64)
    loss = float(np.mean(np.logaddexp(0.0, x) - x * y))
    return {**_scores(lists, x.tolist()), "loss": loss}


def _scores(lists: Lists, scores: Sequence[float]) -> dict[str, float]:
    values = iter(scores)
    rankings = {}
    for id, shown in lists.candidates.items():
        scored = [(-next(values), passage.id, passage) for passage in shown]
        rankings[id] = [passage for _, _, passage in sorted(scored, key=lambda row: row[:2])]
    return judged_means(lists.judged, rankings)
