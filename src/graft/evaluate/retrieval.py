"""Rankings scored against gold: a document ranks by its best passage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from graft.core.search import Hit
from graft.evaluate.score import Scored
from graft.measures.ranking import ranking_scores

RANKING_MEASURES = ("nDCG@10", "MRR@10", "Recall@5", "Recall@10")

Qrels = Mapping[str, Mapping[str, int]]
"""Query id to document (or passage) id to grade; what is not listed is not relevant."""


def rank_documents(hits: Sequence[Hit]) -> list[tuple[str, float]]:
    """Return (document id, score) best first: each document at its best passage's place.

    >>> rank_documents([Hit("p1", "a", 3.0), Hit("p2", "a", 2.0), Hit("p3", "b", 1.0)])
    [('a', 3.0), ('b', 1.0)]
    """
    best: dict[str, float] = {}
    for hit in hits:
        best.setdefault(hit.document_id, hit.score)
    return list(best.items())


def rank_passages(hits: Sequence[Hit]) -> list[tuple[str, float]]:
    """Return (passage id, score) best first."""
    return [(hit.passage_id, hit.score) for hit in hits]


def score_rankings(
    name: str,
    queries: Sequence[str],
    rankings: Sequence[Sequence[tuple[str, float]]],
    qrels: Qrels,
    *,
    seconds: float = 0.0,
) -> Scored:
    """Return one system's rankings scored, in the order of `queries`.

    A query that found nothing scores 0; one without any relevant document does not count.
    """
    judged = {q: qrels[q] for q in queries if any(grade > 0 for grade in qrels.get(q, {}).values())}
    run = dict(zip(queries, rankings, strict=True))
    # ranks decide, not scores: fused and reranked lists mix scales
    ordered = {q: [(id, -float(i)) for i, (id, _) in enumerate(run[q])] for q in judged}
    scores = ranking_scores(judged, ordered, RANKING_MEASURES)
    values = {
        measure: np.array([found.get(q, float("nan")) for q in queries], dtype=np.float64)
        for measure, found in scores.items()
    }
    return Scored(name, values, (), seconds)
