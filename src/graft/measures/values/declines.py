"""Whether it was right to decline."""

from __future__ import annotations

import math

from graft.core.case import Case
from graft.core.measure import Measure, each


def _right_decline(case: Case) -> float:
    return math.nan if case.example.answerable else _declined(case)


def _wrong_decline(case: Case) -> float:
    return _declined(case) if case.example.answerable else math.nan


def _declined(case: Case) -> float:
    return float(case.answer is not None and case.answer.declined)


RIGHT_DECLINES = Measure(
    "right_declines",
    "Right declines",
    "decl.\nright",
    "SQuAD 2.0, arXiv:1806.03822",
    "The share of unanswerable questions that were declined.",
    ("answer",),
    each(_right_decline),
)
WRONG_DECLINES = Measure(
    "wrong_declines",
    "Wrong declines",
    "decl.\nwrong",
    "SQuAD 2.0, arXiv:1806.03822",
    "The share of answerable questions that were declined; lower is better.",
    ("answer",),
    each(_wrong_decline),
    lower_is_better=True,
)
