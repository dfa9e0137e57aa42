"""Scores: what each system's cases are worth, question by question."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from graft.core.case import Case
from graft.core.measure import Measure
from graft.evaluate.tilting import Values


@dataclass(frozen=True)
class Scored:
    """One system on a set of questions: its cases, and values `(n,)` for each measure by name.

    A value is NaN where a measure does not apply to a question.
    """

    name: str
    values: Mapping[str, Values] = field(default_factory=dict)
    cases: tuple[Case, ...] = ()

    @property
    def seconds(self) -> float:
        """The wall time that all its questions took; 0 where it was not measured."""
        return sum(case.seconds for case in self.cases)

    @property
    def ended(self) -> float:
        """The share of answers that ended by themselves, before the token cap; NaN without any."""
        answers = [case.answer for case in self.cases if case.answer is not None]
        if not answers:
            return math.nan
        return sum(answer.finish_reason == "stop" for answer in answers) / len(answers)


def score(name: str, cases: Sequence[Case], measures: Iterable[Measure]) -> Scored:
    """Return a system's cases with every measure of them that can be taken.

    A measure is left out where no case has the first thing it needs, as a retrieval has no
    answers; where a case lacks any other thing, its value is NaN.
    """
    values = {
        measure.name: values_of(measure, cases)
        for measure in measures
        if not measure.needs or any(case.has(measure.needs[0]) for case in cases)
    }
    return Scored(name, values, tuple(cases))


def values_of(measure: Measure, cases: Sequence[Case]) -> Values:
    """Return what each case is worth by a measure, `(n,)`; NaN where it lacks what that needs."""
    found = np.full(len(cases), np.nan)
    able = [i for i, case in enumerate(cases) if all(map(case.has, measure.needs))]
    if able:
        found[able] = measure.score([cases[i] for i in able])
    return found
