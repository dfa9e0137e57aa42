"""Joining: whether a tuned part helps as it would serve, asked of dev.

A part joins the candidate by what the candidate serves with and without it (rankings of the whole
line, answers as they are written) and never by a training's own loss: a generator's fell from 1.18
to .44 while its answers became useless. The gain has to be more than one standard error (Breiman et
al. 1984), since any gain at all lets half of the parts in that gain nothing. What a training chose
its weights by is not asked here, where dev is large enough to be dealt in two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graft.core.case import Case
from graft.core.clustered import standard_error
from graft.core.example import Example
from graft.core.hashing import text_hash
from graft.core.measure import Measure
from graft.evaluate.score import values_of

FEWEST = 20
"""Questions of dev from which on it is dealt in two: what a training looks at, and what it joins
by."""


@dataclass(frozen=True)
class Gain:
    """What a part changes in the mean of a measure on `n` questions, with its standard error."""

    measure: str
    before: float
    after: float
    error: float
    n: int

    @property
    def joins(self) -> bool:
        """Whether the gain is more than one standard error."""
        return self.after - self.before > self.error

    @property
    def sentence(self) -> str:
        """Return it as a person reads it."""
        gain = self.after - self.before
        return (
            f"dev {self.measure} {self.before:.3f} → {self.after:.3f} on {self.n} questions, "
            f"{gain:+.3f} with a standard error of {self.error:.3f}"
        )


def halves(dev: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """Return dev in two, by whole groups: what trainings look at, and what parts join by.

    Groups are dealt by a hash, larger ones first, to the side that has fewer. A small dev is both.

    >>> [len(side) for side in halves([Example(f"e{i}", "?", group=f"d{i}") for i in range(21)])]
    [11, 10]
    """
    groups: dict[str, list[Example]] = {}
    for example in dev:
        groups.setdefault(example.group or example.id, []).append(example)
    sides: tuple[list[Example], list[Example]] = ([], [])
    order = sorted(groups, key=lambda name: (-len(groups[name]), text_hash(name)))
    for name in order:
        sides[len(sides[0]) > len(sides[1])].extend(groups[name])
    if len(dev) < FEWEST or not all(sides):
        return list(dev), list(dev)
    return sides


def gain_of(measure: Measure, before: Sequence[Case], after: Sequence[Case]) -> Gain:
    """Return what a part changes in a measure, paired by question; lower is turned round."""
    sides = [values_of(measure, cases) for cases in (before, after)]
    counts = ~(np.isnan(sides[0]) | np.isnan(sides[1]))
    if not counts.any():
        return Gain(measure.name, 0.0, 0.0, float("inf"), 0)
    sign = -1.0 if measure.lower_is_better else 1.0
    one, two = (sign * side[counts] for side in sides)
    groups = [
        case.example.group or case.example.id
        for case, here in zip(before, counts, strict=True)
        if here
    ]
    error = standard_error(two - one, groups)
    return Gain(measure.name, float(one.mean()), float(two.mean()), error, int(counts.sum()))
