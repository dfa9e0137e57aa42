"""How near an answer is to the accepted ones. A decline counts as a wrong, empty answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from graft.core.case import Case
from graft.core.measure import Measure, each
from graft.measures.text import exact_match, rouge_l, token_f1


def _text(case: Case) -> str:
    return "" if case.answer is None or case.answer.declined else case.answer.text


def _against(score: Callable[[str, Sequence[str]], float]) -> Callable[[Case], float]:
    return lambda case: score(_text(case), case.example.answers)


def _answer_f1(case: Case) -> float:
    if not case.example.answerable:
        return float(case.answer is not None and case.answer.declined)
    return token_f1(_text(case), case.example.answers) if case.has("reference") else math.nan


ANSWER_F1 = Measure(
    "answer_f1",
    "Answer F1",
    "answer\nF1",
    "SQuAD 2.0, arXiv:1806.03822",
    "Token F1 where there is an answer; where there is none, 1 for a decline and 0 otherwise.",
    ("answer",),
    each(_answer_f1),
    compared=True,
    bounds=(0.0, 1.0),
)
TOKEN_F1 = Measure(
    "token_f1",
    "Token F1",
    "token\nF1",
    "SQuAD, arXiv:1606.05250",
    "F1 over the words of the answer and of the nearest accepted one.",
    ("answer", "reference"),
    each(_against(token_f1)),
    spare=4,
    bounds=(0.0, 1.0),
)
EXACT_MATCH = Measure(
    "exact_match",
    "Exact match",
    "exact\nmatch",
    "SQuAD, arXiv:1606.05250",
    "Whether it equals an accepted answer, articles, case and punctuation aside.",
    ("answer", "reference"),
    each(_against(exact_match)),
    compared=True,
    spare=1,
    bounds=(0.0, 1.0),
)
ROUGE_L = Measure(
    "rouge_l",
    "ROUGE-L",
    "ROUGE\n-L",
    "Lin 2004, aclanthology.org/W04-1013",
    "The longest common subsequence of words, as an F-measure.",
    ("answer", "reference"),
    each(_against(rouge_l)),
    spare=5,
    bounds=(0.0, 1.0),
)
