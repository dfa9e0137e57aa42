"""Statistics: means and paired differences with intervals resampled by document.

Questions on one document share its difficulty, so they are not independent: resampling single
questions makes intervals too narrow. Whole groups are drawn instead (the cluster bootstrap, Field
and Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x), the same ones for both systems. Percentile
intervals of few groups are too narrow (.90 where .95 is claimed, at 40), so they are
expanded as Hesterberg 2015 does (doi:10.1080/00031305.2015.1089789, section 4.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

Values = NDArray[np.float64]

SMALLEST_GROUPS = 10
"""With fewer groups a cluster bootstrap's intervals are too narrow to be believed."""


@dataclass(frozen=True)
class Sampling:
    """How intervals are made: resamples, confidence, seed, and the smallest set that can tell."""

    resamples: int = 2000
    confidence: float = 0.95
    seed: int = 0
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

    `p` is two-sided; `p_adjusted` is corrected for all differences reported together (Holm 1979).
    `small` says that the set is too small to tell, whatever the interval shows.
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


def estimate(values: Values, groups: Sequence[str], sampling: Sampling) -> Mean:
    """Return the mean of `values` `(n,)` with its interval; NaN marks questions that do not count.

    >>> estimate(np.array([1.0, 1.0]), ["a", "b"], Sampling()).mean
    1.0
    """
    draws, mean, n, distinct = _resample(values, groups, sampling)
    low, high = _interval(draws, sampling.confidence, distinct)
    return Mean(mean, low, high, n)


def difference(
    a: tuple[str, Values],
    b: tuple[str, Values],
    measure: str,
    *,
    groups: Sequence[str],
    sampling: Sampling,
) -> Difference:
    """Return `b - a` on the questions where both count, with its interval and p value."""
    draws, mean, n, distinct = _resample(b[1] - a[1], groups, sampling)
    low, high = _interval(draws, sampling.confidence, distinct)
    small = n < sampling.smallest_n or distinct < SMALLEST_GROUPS
    p = _p_value(draws, distinct)
    return Difference(a[0], b[0], measure, mean, low, high, p, p, n, distinct, small)


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


def _resample(
    values: Values, groups: Sequence[str], sampling: Sampling
) -> tuple[Values, float, int, int]:
    """Return bootstrap means `(resamples,)`, the mean, the number that counts, and of groups."""
    counts = ~np.isnan(values)
    if not counts.any():
        return np.full(1, np.nan), float("nan"), 0, 0
    names, index = np.unique(np.asarray(groups)[counts], return_inverse=True)
    sums = np.bincount(index, weights=values[counts], minlength=len(names))
    sizes = np.bincount(index, minlength=len(names))
    generator = np.random.default_rng(sampling.seed)
    share = np.full(len(names), 1 / len(names))
    drawn = generator.multinomial(len(names), share, size=sampling.resamples)
    means = (drawn @ sums) / (drawn @ sizes)
    return means, float(sums.sum() / sizes.sum()), int(counts.sum()), len(names)


def _interval(draws: Values, confidence: float, groups: int) -> tuple[float, float]:
    """Return the expanded percentile interval: normal quantiles become Student's t ones."""
    tail = (1 - confidence) / 2
    if groups > 1:
        student = special.stdtrit(groups - 1, tail)
        tail = float(special.ndtr(student * np.sqrt(groups / (groups - 1))))
    low, high = np.quantile(draws, [tail, 1 - tail])
    return float(low), float(high)


def _p_value(draws: Values, groups: int) -> float:
    """Two-sided: how often a resampled difference falls on the other side of zero.

    One is added to both counts, since a p value of zero cannot be known from a sample (Davison
    and Hinkley 1997, section 4.2); then it is expanded as the interval is, so that both agree.
    """
    if np.isnan(draws).all():
        return 1.0
    below, above = int((draws <= 0).sum()), int((draws >= 0).sum())
    tail = (1 + min(below, above)) / (1 + len(draws))
    if groups > 1 and tail < 0.5:
        normal = special.ndtri(tail) / np.sqrt(groups / (groups - 1))
        tail = float(special.stdtr(groups - 1, normal))
    return min(1.0, 2 * tail)
