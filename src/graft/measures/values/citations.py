"""Whether an answer is borne out by what it was shown. Asked without passages, nothing counts."""

from __future__ import annotations

import math

from graft.core.case import Case
from graft.core.document import Span
from graft.core.example import on_gold
from graft.core.measure import Measure, each

BORNE_OUT = 0.5
"""Support from which an answer counts as borne out."""


def _support(case: Case) -> float:
    answer = case.answer
    return math.nan if answer is None or answer.declined else answer.support


def _unsupported(case: Case) -> float:
    answer = case.answer
    return float(answer is not None and not answer.declined and answer.support < BORNE_OUT)


def _right(case: Case) -> list[bool]:
    cited = case.answer.citations if case.answer else ()
    spans = [Span(c.document_id, c.source_start, c.source_end) for c in cited]
    return [on_gold([span], case.example.gold) for span in spans]


def _precision(case: Case) -> float:
    right = _right(case)
    counts = case.example.answerable and right
    return sum(right) / len(right) if counts else math.nan


def _recall(case: Case) -> float:
    return float(any(_right(case))) if case.example.answerable else math.nan


SUPPORT = Measure(
    "support",
    "Support",
    "sup-\nport",
    "Graft's own: lexical agreement with a span of the evidence",
    "How far what was answered stands in what was cited; benchmarks/support.py says how well it "
    "tells.",
    ("answer", "evidence"),
    each(_support),
    compared=True,
    bounds=(0.0, 1.0),
)
UNSUPPORTED = Measure(
    "unsupported",
    "Unsupported answers",
    "un-\nsupp.",
    "Graft's own: support, counted over all questions",
    f"The share of all questions with an answer whose support is below {BORNE_OUT:g}; a decline "
    "claims nothing. Lower is better.",
    ("answer", "evidence"),
    each(_unsupported),
    lower_is_better=True,
    compared=True,
    spare=1,
    bounds=(0.0, 1.0),
)
CITATION_PRECISION = Measure(
    "citation_precision",
    "Citation precision",
    "cited\nright",
    "ALCE, arXiv:2305.14627, with gold spans in place of an entailment model",
    "The share of an answer's citations that lie in the gold evidence.",
    ("answer", "evidence", "gold"),
    each(_precision),
    spare=2,
    bounds=(0.0, 1.0),
)
CITATION_RECALL = Measure(
    "citation_recall",
    "Citation recall",
    "gold\ncited",
    "ALCE, arXiv:2305.14627, with gold spans in place of an entailment model",
    "Whether any citation lies in the gold evidence.",
    ("answer", "evidence", "gold"),
    each(_recall),
    bounds=(0.0, 1.0),
)
