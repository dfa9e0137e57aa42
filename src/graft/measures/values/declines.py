"""Whether it was right to decline, and what answering and declining are worth together."""

from __future__ import annotations

import math
from dataclasses import replace

from graft.core.case import Case
from graft.core.measure import Measure, MeasureFamily, each
from graft.measures.text import RIGHT, is_answer


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
    bounds=(0.0, 1.0),
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
    bounds=(0.0, 1.0),
)


def is_right(case: Case) -> bool:
    """Return whether it was answered, and rightly; nothing answers an unanswerable question."""
    answer, example = case.answer, case.example
    if answer is None or answer.declined or not example.answerable:
        return False
    return is_answer(answer.text, example.answers)


def _right_answer(case: Case) -> float:
    if not case.example.answerable or not case.has("reference"):
        return math.nan
    return float(is_right(case))


RIGHT_ANSWERS = Measure(
    "right_answers",
    "Right answers",
    "right",
    "Whitehead et al. 2022, Reliable VQA (coverage at correct answers), arXiv:2204.13631",
    "The share of answerable questions that were answered rightly: what no decline can gain.",
    ("answer",),
    each(_right_answer),
    bounds=(0.0, 1.0),
)


def _utility_at(cost: float) -> Measure:
    def utility(case: Case) -> float:
        if case.example.answerable and not case.has("reference"):
            return math.nan
        if _declined(case):
            return 0.0
        return 1.0 if is_right(case) else -cost

    name = f"utility@{cost:g}"
    about = (
        f"What an answer is worth: 1 if it is right (token F1 of {RIGHT:g} or more, with the same "
        f"numbers and negation, and all of a short answer), 0 if it declines, -{cost:g} if it is "
        "wrong, which any answer to an unanswerable question is."
    )
    return Measure(
        name, f"Utility, a wrong answer costing {cost:g}", "utility",
        "Whitehead et al. 2022, Reliable VQA (effective reliability), arXiv:2204.13631", about,
        ("answer",), each(utility), bounds=(-cost, 1.0),
    )  # fmt: skip


UTILITY = MeasureFamily("utility", _utility_at, decimals=True)
UTILITY_1 = replace(UTILITY.at(1.0), heading="Utility", compared=True)
