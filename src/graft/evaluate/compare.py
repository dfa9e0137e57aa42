"""Statistics: means and paired differences with intervals, by whole documents.

Questions on one document share its difficulty, so they are not independent: taking them for single
draws makes intervals too narrow. Whole groups are what is drawn (Field and Welsh 2007,
doi:10.1111/j.1467-9868.2007.00593.x), the same ones for both systems. One procedure, `tilting`,
gives p value, interval, label and verdict, so that none of them contradicts another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from graft.evaluate.tilting import Groups, Values

SMALLEST_GROUPS = 10
"""With fewer groups nothing is told, however many questions they hold."""

Bounds = tuple[float, float] | None
"""The least and the most that a value can be; None where there is no such bound."""


@dataclass(frozen=True)
class Sampling:
    """What a sample of questions is asked to tell: with what confidence, and from how many on."""

    confidence: float = 0.95
    smallest_n: int = 20


@dataclass(frozen=True)
class Mean:
    """A mean with its interval; `n` is the number of questions that count."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        """Return it as tables show it, without a leading zero.

        >>> str(Mean(0.5, 0.4, 0.6, 10)), str(Mean(0.0, 0.0, 0.0, 0))
        ('.500', '–')
        """
        text = f"{self.mean:.3f}" if self.n else "–"
        return text[1:] if text.startswith("0.") else text


@dataclass(frozen=True)
class Difference:
    """`b` minus `a` on one measure, paired by question.

    `n` questions count, which is where both have a value; `n_a` and `n_b` are how many each has.
    `p` is two-sided; `p_adjusted` is corrected for all differences reported together (Holm 1979).
    `small` says that the set is too small to tell, whatever the interval shows. `held` are the
    groups of questions, from which an interval of any confidence can be made.
    """

    a: str
    b: str
    measure: str
    mean: float
    low: float
    high: float
    p: float
    p_adjusted: float
    n: int
    groups: int
    small: bool
    n_a: int = 0
    n_b: int = 0
    held: Groups | None = field(default=None, repr=False, compare=False)

    def clear(self, confidence: float) -> bool:
        """Return whether it lies clear of zero, all differences reported with it considered."""
        return not self.small and self.p_adjusted <= 1 - confidence

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "held"}


def estimate(
    values: Values, groups: Sequence[str], sampling: Sampling, bounds: Bounds = None
) -> Mean:
    """Return the mean of `values` `(n,)` with its interval; NaN marks questions that do not count.

    >>> estimate(np.array([1.0, 1.0]), ["a", "b"], Sampling(), (0.0, 1.0)).mean
    1.0
    """
    held, n = _held(values, groups, bounds)
    if held is None:
        return Mean(float("nan"), float("nan"), float("nan"), 0)
    low, high = held.interval(sampling.confidence)
    return Mean(held.mean, low, high, n)


def difference(
    a: tuple[str, Values],
    b: tuple[str, Values],
    measure: str,
    *,
    groups: Sequence[str],
    sampling: Sampling,
    bounds: Bounds = None,
) -> Difference:
    """Return `b - a` on the questions where both count, with its interval and p value.

    `bounds` are those of the measure. A value outside of them raises ValueError.
    """
    apart = None if bounds is None else (bounds[0] - bounds[1], bounds[1] - bounds[0])
    held, n = _held(b[1] - a[1], groups, apart)
    n_a, n_b = int((~np.isnan(a[1])).sum()), int((~np.isnan(b[1])).sum())
    if held is None:
        nan = float("nan")
        return Difference(a[0], b[0], measure, nan, nan, nan, 1.0, 1.0, 0, 0, True, n_a, n_b)
    low, high = held.interval(sampling.confidence)
    distinct, p = len(held.sums), held.p_equal(0.0)
    small = n < sampling.smallest_n or distinct < SMALLEST_GROUPS
    return Difference(
        a[0], b[0], measure, held.mean, low, high, p, p, n, distinct, small, n_a, n_b, held
    )


def adjust(differences: Sequence[Difference]) -> list[Difference]:
    """Return the differences with Holm-adjusted p values, in their order.

    Holm 1979: the i-th smallest of m p values is multiplied by m - i, made monotone, cut at 1.
    """
    order = sorted(range(len(differences)), key=lambda i: differences[i].p)
    adjusted = [0.0] * len(differences)
    running = 0.0
    for position, index in enumerate(order):
        running = max(running, differences[index].p * (len(differences) - position))
        adjusted[index] = min(running, 1.0)
    return [replace(d, p_adjusted=p) for d, p in zip(differences, adjusted, strict=True)]


def _held(values: Values, groups: Sequence[str], bounds: Bounds) -> tuple[Groups | None, int]:
    """Return the groups of the values that count, and how many count."""
    counts = ~np.isnan(values)
    if not counts.any():
        return None, 0
    counted = values[counts]
    bounds = bounds or (-np.inf, np.inf)
    least, most = float(counted.min()), float(counted.max())
    if least < bounds[0] - 1e-9 or most > bounds[1] + 1e-9:
        raise ValueError(f"values from {least:g} to {most:g} are not within {bounds}")
    named = [group for group, here in zip(groups, counts, strict=True) if here]
    return Groups.of(counted, named, bounds), int(counts.sum())
