"""How well a ranking finds what is judged relevant. Grades count in nDCG alone.

A question that found nothing scores 0; one without anything relevant does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from graft.core.case import Case, Need
from graft.core.measure import Measure, MeasureFamily, Score
from graft.measures.ranking import ranking_scores


def _scored_by(name: str) -> Score:
    def score(cases: Sequence[Case]) -> NDArray[np.float64]:
        qrels = {str(i): case.judged for i, case in enumerate(cases)}
        # Places decide, not scores: fused and reranked lists mix scales.
        run = {
            str(i): [(id, -float(place)) for place, id in enumerate(case.ranking or ())]
            for i, case in enumerate(cases)
        }
        found = ranking_scores(qrels, run, [name])[name]
        return np.array([found[query] for query in qrels], dtype=np.float64)

    return score


def _at(name: str, short: str, paper: str, about: str) -> Callable[[int], Measure]:
    def at(depth: int) -> Measure:
        called = f"{name}@{depth}"
        told = about.format(depth=depth)
        needs: tuple[Need, ...] = ("ranking", "judged")
        return Measure(
            called, called, f"{short}\n@{depth}", paper, told, needs, _scored_by(called),
            bounds=(0.0, 1.0),
        )  # fmt: skip

    return at


NDCG = MeasureFamily(
    "nDCG",
    _at(
        "nDCG",
        "nDCG",
        "Järvelin and Kekäläinen 2002, doi:10.1145/582415.582418",
        "How much of the gain of the best order the first {depth} give, later ones counting less.",
    ),
)
MRR = MeasureFamily(
    "MRR",
    _at(
        "MRR",
        "MRR",
        "Voorhees 1999, TREC-8 question answering",
        "One over the place of the first relevant one among the first {depth}.",
    ),
)
RECALL = MeasureFamily(
    "Recall",
    _at("Recall", "Rec.", "trec_eval", "The share of all relevant ones among the first {depth}."),
)
PRECISION = MeasureFamily(
    "Precision",
    _at("Precision", "Prec.", "trec_eval", "The share of the first {depth} that are relevant."),
)
MAP = MeasureFamily(
    "MAP",
    _at(
        "MAP",
        "MAP",
        "trec_eval",
        "Precision at each relevant one among the first {depth}, averaged over all.",
    ),
)
SUCCESS = MeasureFamily(
    "Success",
    _at("Success", "Succ.", "trec_eval", "Whether any of the first {depth} is relevant."),
)

NDCG_10 = replace(NDCG.at(10), compared=True)
MRR_10 = replace(MRR.at(10), spare=3)
RECALL_5 = replace(RECALL.at(5), spare=6)
RECALL_10 = replace(RECALL.at(10), compared=True)
