"""Ranking measures, computed by ir-measures: nDCG, MRR, recall, precision, MAP, success."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import ir_measures

from graft.core.errors import ConfigError
from graft.core.measure import measure_named

_METRICS = {
    "ndcg": "nDCG", "mrr": "RR", "recall": "R", "precision": "P", "map": "AP", "success": "Success",
}  # fmt: skip
"""What ir-measures calls each; our names are those of `measures/values/ranking.py`."""
_NAME = re.compile(r"([a-z]+)(?:@([1-9][0-9]*))?", re.IGNORECASE)
_CUTOFF_NEEDED = frozenset({"precision", "recall", "success"})


def ranking_scores(
    qrels: Mapping[str, Mapping[str, int]],
    run: Mapping[str, Sequence[tuple[str, float]]],
    measures: Sequence[str],
) -> dict[str, dict[str, float]]:
    """Return every measure's score for every query of `qrels`, by name and then query.

    `qrels` maps query to document to relevance (above 0 is relevant); `run` maps query to
    (document, score), where equal scores are ordered by document id and a document that comes
    twice counts where it stands higher. A query that the run lacks, or that has no relevant
    document, scores 0 and is there: a mean over the values counts it. Agrees with trec_eval.
    Raises ConfigError for an unknown measure.

    >>> scores = ranking_scores({"q": {"a": 1}}, {"q": [("b", 2.0), ("a", 1.0)]}, ["MRR@10"])
    >>> scores["MRR@10"]["q"]
    0.5
    """
    metrics = {name: _metric(name) for name in measures}
    result = {name: dict.fromkeys(qrels, 0.0) for name in measures}
    judged = {query: dict(gold) for query, gold in qrels.items() if gold and run.get(query)}
    if not judged or not metrics:
        return result
    ranked = {query: _strict(run[query]) for query in judged}
    found = {
        (metric.measure, metric.query_id): float(metric.value)
        for metric in ir_measures.iter_calc(list(set(metrics.values())), judged, ranked)
    }
    for name, metric in metrics.items():
        result[name].update({query: found.get((metric, query), 0.0) for query in judged})
    return result


def _strict(hits: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Return scores that fall by one a rank, so that no tool breaks ties in its own way."""
    order = dict.fromkeys(id for id, _ in sorted(hits, key=lambda hit: (-hit[1], hit[0])))
    return {id: float(len(order) - rank) for rank, id in enumerate(order)}


def _metric(name: str) -> ir_measures.Measure:
    match = _NAME.fullmatch(name.strip())
    family = match[1].lower() if match else ""
    if match is None or family not in _METRICS:
        measure_named(name)  # says which is the nearest
        raise ConfigError(f"{name!r} is no measure of rankings")
    if match[2] is None and family in _CUTOFF_NEEDED:
        raise ConfigError(f"measure {name!r} needs a depth: write '{name}@10'")
    base = _METRICS[family]
    return ir_measures.parse_measure(f"{base}@{match[2]}" if match[2] else base)
