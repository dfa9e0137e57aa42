"""Pool: dev questions and a fixed set of passages that an encoder under training ranks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from graft.core.context import Context
from graft.core.document import Passage
from graft.core.errors import InputError
from graft.core.example import Example
from graft.core.protocols import PassageStore
from graft.examples.gold import Judged
from graft.examples.searching import searched
from graft.measures.ranking import ranking_scores
from graft.retrieve.stages.bm25 import BM25
from graft.retrieve.stages.follow_up import FollowUp

MEASURES = ("nDCG@10", "MRR@10")
"""What tuning looks at."""

DECIDES = MEASURES[0]


@dataclass(frozen=True)
class Pool:
    """Dev questions by id, as they read without the conversation before them, and passages by id.

    `gold` says which passages answer which question, and `judged` what its rankings are judged on.
    """

    questions: Mapping[str, str]
    passages: Mapping[str, Passage]
    gold: Mapping[str, frozenset[str]]
    judged: Mapping[str, Judged]


def dev_pool(
    examples: Sequence[Example],
    positives: Mapping[str, Sequence[Passage]],
    judged: Mapping[str, Judged],
    store: PassageStore,
    *,
    size: int = 0,
    apart: frozenset[str] = frozenset(),
) -> Pool:
    """Return a pool of `size` passages at most: all positives, and what BM25 finds.

    The hard ones come from BM25 because a pool of the base encoder's own mistakes would hold
    none of the tuned one's, and flatter it. BM25's are taken rank by rank, so that every question
    has its share. A `size` of 0 is 64 and eight a question, at most 512: each look at dev embeds
    them all, and few questions cannot tell more apart. Documents of `apart` are left out of what
    BM25 finds. The same input gives the same pool.
    Raises InputError when no example has a positive.
    """
    known = [example for example in examples if positives.get(example.id)]
    if not known:
        raise InputError("tuning needs dev questions with gold, and there are none: import more")
    size = size or min(64 + 8 * len(known), 512)
    passages = {p.id: p for example in known for p in positives[example.id]}
    bm25 = FollowUp() >> BM25(store, depth=20)
    batches = searched(known, partial(bm25, ctx=Context()))
    found = {example.id: search for batch in batches for example, search in batch}
    rows = [[h for h in search.hits if h.document_id not in apart] for search in found.values()]
    deepest = max(map(len, rows))
    ranked = (row[rank].passage_id for rank in range(deepest) for row in rows if rank < len(row))
    fresh = [id for id in dict.fromkeys(ranked) if id not in passages]
    hard = store.passages(fresh[: max(size - len(passages), 0)])
    passages.update((passage.id, passage) for passage in hard)
    return Pool(
        {id: search.asked for id, search in found.items()},
        passages,
        {example.id: frozenset(p.id for p in positives[example.id]) for example in known},
        {example.id: judged[example.id] for example in known},
    )


def judged_means(
    judged: Mapping[str, Judged], rankings: Mapping[str, Iterable[Passage]]
) -> dict[str, float]:
    """Return the means of the measures over rankings of passages, best first, by question id."""
    qrels = {id: dict(each.grades) for id, each in judged.items()}
    run = {}
    for id, shown in rankings.items():
        # What comes again, as a document of several passages does, counts where it stands first.
        names = [judged[id].stands_for(p.id, p.document_id) for p in shown]
        run[id] = [(name, -float(rank)) for rank, name in enumerate(names)]
    found = ranking_scores(qrels, run, MEASURES)
    return {name: float(np.mean(list(found[name].values()))) for name in MEASURES}


def score_table(pool: Pool, similarities: NDArray[np.float32], scale: float) -> dict[str, float]:
    """Return the means of the measures over the pool's questions, and the "loss".

    `similarities` is `(questions, passages)`, in the pool's order. The loss is the tuning's own
    objective on dev, in nats: the cross-entropy of each gold passage against all that are not
    gold, at the tuning's `scale`.
    """
    shown, ids = list(pool.passages.values()), list(pool.passages)
    order = sorted(range(len(ids)), key=ids.__getitem__)
    rankings, losses = {}, []
    for (question, gold), row in zip(pool.gold.items(), similarities, strict=True):
        rankings[question] = [shown[i] for i in sorted(order, key=lambda i: -row[i])]
        held = np.asarray([id in gold for id in ids])
        others = np.logaddexp.reduce(scale * row[~held].astype(np.float64))
        losses.append(float(np.mean(np.logaddexp(0.0, others - scale * row[held]))))
    return {**judged_means(pool.judged, rankings), "loss": float(np.mean(losses))}
