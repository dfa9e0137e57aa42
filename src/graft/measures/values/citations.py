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


def _right_citations(case: Case) -> float:
    right = _right(case)
    counts = case.example.answerable and right
    return sum(right) / len(right) if counts else math.nan


def _gold_cited(case: Case) -> float:
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
RIGHT_CITATIONS = Measure(
    "right_citations",
    "Right citations",
    "cited\nright",
    "Graft's own: gold spans say what is right, where ALCE's precision (arXiv:2305.14627) asks a "
    "model whether the statement needs the citation",
    "The share of an answer's citations that lie in the gold evidence.",
    ("answer", "evidence", "gold"),
    each(_right_citations),
    spare=2,
    bounds=(0.0, 1.0),
)
GOLD_CITED = Measure(
    "gold_cited",
    "Gold cited",
    "gold\ncited",
    "Graft's own: ALCE's recall (arXiv:2305.14627) is the share of statements that their citations "
    "bear out",
    "Whether any citation lies in the gold evidence.",
    ("answer", "evidence", "gold"),
    each(_gold_cited),
    bounds=(0.0, 1.0),
)
