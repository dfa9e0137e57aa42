"""Ranking measures, computed by ir-measures: nDCG, MRR, recall, precision, MAP, success."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence

import ir_measures

from graft.core.errors import ConfigError
from graft.measures.measure import Measure

_FAMILIES = {
    "ndcg": ("nDCG", Measure("nDCG", "Järvelin and Kekäläinen 2002, doi:10.1145/582415.582418")),
    "mrr": ("RR", Measure("MRR", "Voorhees 1999, TREC-8 question answering")),
    "recall": ("R", Measure("Recall", "trec_eval")),
    "precision": ("P", Measure("Precision", "trec_eval")),
    "map": ("AP", Measure("MAP", "trec_eval")),
    "success": ("Success", Measure("Success", "trec_eval")),
}
_NAME = re.compile(r"([a-z]+)(?:@([1-9][0-9]*))?", re.IGNORECASE)
_CUTOFF_NEEDED = frozenset({"precision", "recall", "success"})


def ranking_measure(name: str) -> Measure:
    """Return the measure of a name such as "nDCG@10", "MRR@10" or "Recall@100", in any case.

    Raises ConfigError for a name that is none.

    >>> ranking_measure("recall@5").name
    'Recall@5'
    """
    family, cutoff = _parse(name)
    known = _FAMILIES[family][1]
    return Measure(f"{known.name}@{cutoff}" if cutoff else known.name, known.paper)


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
    metrics = {name: _measure(name) for name in measures}
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


def _measure(name: str) -> ir_measures.Measure:
    family, cutoff = _parse(name)
    base = _FAMILIES[family][0]
    return ir_measures.parse_measure(f"{base}@{cutoff}" if cutoff else base)


def _parse(name: str) -> tuple[str, str]:
    match = _NAME.fullmatch(name.strip())
    family = match[1].lower() if match else name.lower()
    if match is None or family not in _FAMILIES:
        known = [measure.name for _, measure in _FAMILIES.values()]
        near = difflib.get_close_matches(name.partition("@")[0], known, 1, 0.0)
        raise ConfigError(f"there is no ranking measure {name!r}: did you mean '{near[0]}@10'?")
    if match[2] is None and family in _CUTOFF_NEEDED:
        raise ConfigError(f"measure {name!r} needs a depth: write '{name}@10'")
    return family, match[2] or ""
