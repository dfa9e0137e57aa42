"""What a file of measures is written with: `Measure`, `Family`, and `each` for one case at a time.

>>> words = Measure(
...     "words", "Words", "words", "none", "How many words an answer has.", ("answer",),
...     each(lambda case: len(case.answer.text.split())),
... )
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from graft.core.case import Case, Need
from graft.core.measure import Family, Measure, Score

__all__ = ["Case", "Family", "Measure", "Need", "Score", "each"]


def each(score: Callable[[Case], float]) -> Score:
    """Return the score of a list of cases from the score of one."""

    def scores(cases: Sequence[Case]) -> NDArray[np.float64]:
        return np.array([score(case) for case in cases], dtype=np.float64)

    return scores
