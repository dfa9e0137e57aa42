"""Power: what a test of n questions can show, told before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from graft.evaluate.gate import level_of
from graft.evaluate.tilting import Groups

SPREAD = 0.5
"""Standard deviation of a question's difference in answer F1 between two generators: .45 to .6 was
seen (docs/log.md, "What a test can show")."""

CHANGED = 0.1
"""Share of questions that a guard sees change, half of them for the worse, if all is well."""

OFTEN = 0.8
"""How often a true gain is to be shown."""

WORTH = 0.1
"""A gain in the answer F1 that is worth a release: documents are kept from training to show it."""


@dataclass(frozen=True)
class Power:
    """What `n` questions can show at a look's level.

    `gain` is the smallest gain of the answer F1 that is shown four times in five, `unchanged` how
    many questions, each on a document of its own, a guard's margin takes when none changes,
    `changing` when one in ten does.
    """

    n: int
    gain: float
    unchanged: int
    changing: int

    @property
    def sentence(self) -> str:
        """Return it as a person reads it."""
        return (
            f"{self.n} questions show a gain of {self.gain:.2f} in the answer F1 four times in "
            f"five; a guard's margin takes {self.unchanged} documents if no question changes, and "
            f"about {self.changing} questions if one in ten does"
        )


def power(n: int, margin: float, look: int = 1) -> Power:
    """Return what `n` questions on as many documents can show; of fewer documents it is less.

    The normal approximation (Cohen 1988) is near enough for a plan; how many questions a guard
    takes without any change is what the gate's own test says.

    >>> power(300, 0.05).unchanged, round(power(300, 0.05).gain, 2)
    (85, 0.09)
    """
    level, both = level_of(look), _both(look)
    gain = both * SPREAD / math.sqrt(max(1, n))
    margin = min(max(margin, 1e-4), 0.999)  # no number of questions shows a margin of nothing
    unchanged = math.ceil(math.log(level) / math.log1p(-margin))
    while not certifies([1] * unchanged, margin, look):
        unchanged += 1 + unchanged // 100
    changing = max(unchanged, math.ceil(CHANGED * (both / margin) ** 2))
    return Power(n, gain, unchanged, changing)


def certifies(sizes: Sequence[int], margin: float, look: int = 1) -> bool:
    """Whether a guard passes its margin when nothing changes, on groups of so many questions each.

    Large groups beside small ones certify less: an unseen loss may be one of the large.

    >>> certifies([1] * 85, 0.05), certifies([1] * 84, 0.05), certifies([1] * 85 + [20], 0.05)
    (True, False, False)
    """
    if not sizes:
        return False
    nothing = np.zeros(len(sizes))
    groups = Groups(nothing, nothing, np.array(sizes, dtype=np.float64), (-1.0, 1.0))
    return groups.p_above(-margin) <= level_of(look)


def questions_for(gain: float, look: int = 1) -> int:
    """Return how many questions, each on a document of its own, show a gain of the answer F1 four
    times in five; several on one document show less, the more the likelier they share one fate.

    >>> questions_for(0.1), round(power(questions_for(0.1), 0.05).gain, 3)
    (226, 0.1)
    """
    return math.ceil((_both(look) * SPREAD / gain) ** 2)


def _both(look: int) -> float:
    """Return the standard errors that a true gain lies above zero, so that it is shown as often."""
    return float(special.ndtri(1 - level_of(look)) + special.ndtri(OFTEN))
