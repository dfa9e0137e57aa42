"""Scores: what each system's answers are worth, question by question."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graft.core.answer import Answer
from graft.core.document import Span
from graft.core.example import Example, on_gold
from graft.evaluate.compare import Values
from graft.measures.text import exact_match, rouge_l, token_f1

ANSWER_MEASURES = (
    "answer_f1",
    "token_f1",
    "exact_match",
    "rouge_l",
    "support",
    "citation_precision",
    "citation_recall",
    "right_declines",
    "wrong_declines",
)
LOWER_IS_BETTER = frozenset({"wrong_declines"})

NOT_COUNTED = math.nan


@dataclass(frozen=True)
class Scored:
    """One system on a set of examples: values `(n,)` for each measure, NaN where none applies.

    `seconds` is the wall time for all its answers; `ended` the share that ended before the cap.
    """

    name: str
    values: Mapping[str, Values]
    answers: tuple[Answer, ...] = ()
    seconds: float = 0.0

    @property
    def ended(self) -> float:
        """The share of answers that ended by themselves, before the token cap."""
        if not self.answers:
            return NOT_COUNTED
        return sum(a.finish_reason == "stop" for a in self.answers) / len(self.answers)


def score_answer(example: Example, answer: Answer) -> dict[str, float]:
    """Return every answer measure of one answer; NaN where a measure does not apply.

    `answer_f1` counts every question, as SQuAD 2.0 does (arXiv:1806.03822): token F1 where there
    is an answer, and 1 or 0 for a decline or an answer where there is none. The other text
    measures count answerable questions. A decline there is a wrong, empty answer.
    `support` counts what was answered. `right_declines` counts unanswerable questions alone,
    `wrong_declines` answerable ones alone. `citation_recall` is whether any citation lies in the
    gold evidence; `citation_precision` the share of citations that do (ALCE, arXiv:2305.14627,
    with gold spans in place of an entailment model).
    """
    scores = dict.fromkeys(ANSWER_MEASURES, NOT_COUNTED)
    if not answer.declined:
        scores["support"] = answer.support
    if not example.answerable:
        scores["right_declines"] = scores["answer_f1"] = float(answer.declined)
        return scores
    scores["wrong_declines"] = float(answer.declined)
    text = "" if answer.declined else answer.text
    if example.answers:
        scores["exact_match"] = exact_match(text, example.answers)
        scores["token_f1"] = scores["answer_f1"] = token_f1(text, example.answers)
        scores["rouge_l"] = rouge_l(text, example.answers)
    if example.gold:
        right = [
            on_gold([Span(cited.document_id, cited.source_start, cited.source_end)], example.gold)
            for cited in answer.citations
        ]
        scores["citation_recall"] = float(any(right))
        if right:
            scores["citation_precision"] = sum(right) / len(right)
    return scores


def score_answers(
    name: str, examples: Sequence[Example], answers: Sequence[Answer], *, seconds: float = 0.0
) -> Scored:
    """Return one system's answers scored against its examples, in their order."""
    rows = [score_answer(e, a) for e, a in zip(examples, answers, strict=True)]
    values = {m: np.array([row[m] for row in rows], dtype=np.float64) for m in ANSWER_MEASURES}
    return Scored(name, values, tuple(answers), seconds)
