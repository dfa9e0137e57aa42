"""Tilting: what a mean of bounded values could have been, from whole groups of questions.

A hypothesis about a mean is tested on the likeliest distribution for which it holds: the one seen,
its groups weighted anew (Efron 1981's tilting, doi:10.2307/3314608), and with it a group in which
every question scores the bound, whether one was seen or not. For paired wins, ties and losses of
single questions this is Tango's restricted likelihood (1998), on which a set without any loss still
says how many there may be: no losses of 125 show that there are fewer than 3 %, and none of 20
show nothing. The sum of draws from it has a known distribution, computed here and not sampled, so
skewness and ties count, and the same rows always give the same figures.

How far the questions of a group share their fate is not known where few of them differ. So the
unseen group is as large as its questions hang together: by their correlation, to which a few pairs
that share everything are added, and a set without any difference counts whole groups as lost.

Groups that lose all, and of which none was seen, are asked for by their number alone besides: where
questions jitter each by itself they tell nothing of a document that would lose all of its own.

Few groups, or a few large ones, say less than a normal distribution has it: tails are expanded as
Student's t is wider (Hesterberg 2015, doi:10.1080/00031305.2015.1089789, section 4.1), the groups
counted by the geometric mean of Kish's number (1965: as many of one size as vary as much) and
Satterthwaite's (1946: as many as share what differs).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

Values = NDArray[np.float64]

GRID = 2**14
"""Points of the grid of sums for 300 groups; it grows with their square root."""

ADDED_PAIRS = 4
"""Pairs of one group, both at the bound, that are added to those seen."""

SMALLEST_P = 1e-12
"""Below this the transform's rounding decides."""


@dataclass(frozen=True)
class Groups:
    """Sums, sums of squares and numbers of questions, `(g,)` each, of g groups of values.

    Values lie in `bounds`; infinite ones add nothing to what was seen.
    """

    sums: Values
    squares: Values
    sizes: Values
    bounds: tuple[float, float]

    @classmethod
    def of(
        cls, values: Values, groups: Sequence[object] | NDArray[Any], bounds: tuple[float, float]
    ) -> Groups:
        """Return values `(n,)` by the groups of their questions."""
        _, index = np.unique(np.asarray(groups), return_inverse=True)
        sums = np.bincount(index, weights=values).astype(np.float64)
        squares = np.bincount(index, weights=values**2).astype(np.float64)
        return cls(sums, squares, np.bincount(index).astype(np.float64), bounds)

    @property
    def mean(self) -> float:
        """The mean over questions."""
        return float(self.sums.sum() / self.sizes.sum())

    @cached_property
    def effective(self) -> float:
        """How many groups of one size vary as much (Kish 1965), between 1 and g."""
        return float(self.sizes.sum() ** 2 / (self.sizes**2).sum())

    @cached_property
    def least(self) -> float:
        """The least that the mean could be."""
        least = self.bounds[0]
        return least if math.isfinite(least) else float((self.sums / self.sizes).min())

    @property
    def turned(self) -> Groups:
        """The same with every sign turned."""
        return replace(self, sums=-self.sums, bounds=(-self.bounds[1], -self.bounds[0]))

    def p_unseen(self, mean: float) -> float:
        """Return how likely it is that no group lost all, where so many do that the mean is `mean`.

        Jitter of single questions says nothing of whole documents that are lost, and this asks of
        their number alone: of n it is the rule of three (Hanley and Lippman-Hand 1983), 3 / n of
        them.

        >>> ties = Groups.of(np.zeros(300), np.repeat(np.arange(30), 10), (-1.0, 1.0))
        >>> round(ties.p_unseen(-0.05), 3)
        0.215
        """
        least = self.bounds[0]
        if not math.isfinite(least):
            return 0.0
        if mean >= self.mean:
            return 1.0
        lost = min(1.0, (self.mean - mean) / (self.mean - least))
        return float((1 - lost) ** len(self.sums))

    @cached_property
    def together(self) -> float:
        """The questions of an unseen group that share one fate, from 1 to the size of a group.

        Of an average question's group, `1 + (size - 1) * correlation` (Kish's design effect).
        """
        size = float((self.sizes**2).sum() / self.sizes.sum())
        apart = self.sums - self.mean * self.sizes
        squares = self.squares - self.mean * (2 * self.sums - self.mean * self.sizes)
        shared = float((apart**2 - squares).sum()) / 2
        whole = float((squares * (self.sizes - 1)).sum()) / 2
        added = ADDED_PAIRS * max(b * b for b in self.bounds)
        return 1 + (size - 1) * min(1.0, max(0.0, (shared + added) / (whole + added)))

    def p_above(self, mean: float) -> float:
        """Return the one-sided p value of the hypothesis that the mean is `mean` or less.

        >>> none_lost = Groups.of(np.zeros(125), [str(i) for i in range(125)], (-1.0, 1.0))
        >>> round(none_lost.p_above(-0.03), 4)
        0.0237
        """
        residuals = self.sums - mean * self.sizes
        total = float(residuals.sum())
        if total <= 0 or self.effective <= 1:
            return 1.0
        if mean <= self.least:  # no mean lies there
            return SMALLEST_P
        bound = self.bounds[0]
        unseen = self.together * (bound - mean) if math.isfinite(bound) else bound
        values, weights = _null(residuals, unseen)
        seen = self._expanded(_tail(values, weights, len(self.sums), total), residuals)
        return max(seen, self.p_unseen(mean))

    def p_below(self, mean: float) -> float:
        """Return the one-sided p value of the hypothesis that the mean is `mean` or more."""
        return self.turned.p_above(-mean)

    def p_equal(self, mean: float) -> float:
        """Return the two-sided p value of the hypothesis that the mean is `mean`."""
        return min(1.0, 2 * min(self.p_above(mean), self.p_below(mean)))

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the means that no test of size (1 - confidence) / 2 on either side rejects."""
        tail = (1 - confidence) / 2
        return self._lower(tail), -self.turned._lower(tail)

    def _lower(self, tail: float) -> float:
        bound, mean = self.least, self.mean
        wanted = special.ndtri(tail)

        def off(at: float) -> float:  # nearly a straight line in `at`
            return float(special.ndtri(min(self.p_above(at), 0.5)) - wanted)

        near = mean - 1e-9 * max(1.0, abs(mean))
        if mean <= bound + 1e-9 or self.effective <= 1:
            return float(bound)
        if off(near) <= 0:
            return mean
        return float(optimize.brentq(off, bound, near, xtol=1e-5))

    def _expanded(self, p: float, residuals: Values) -> float:
        if not 0 < p < 0.5:
            return p
        # Where a few groups hold most of what differs, they decide (Satterthwaite 1946); by that
        # alone an interval is too wide, by the sizes alone too narrow, so that it is in between.
        deciding = float((residuals**2).sum() ** 2 / (residuals**4).sum())
        groups = max(1.5, math.sqrt(self.effective * min(self.effective, deciding)))
        normal = special.ndtri(p) / math.sqrt(groups / (groups - 1))
        return float(special.stdtr(groups - 1, normal))


def _null(residuals: Values, bound: float) -> tuple[Values, Values]:
    """Return the values and weights of the likeliest distribution with mean zero.

    `residuals` `(g,)` have a positive sum, `bound` is negative: the value of a group that may not
    have been seen. Each residual r weighs 1 / (g (1 + t r)) (Owen 2001, Empirical Likelihood,
    section 2.9), with the t at which their mean is zero, or at which `bound` takes the rest.
    """
    values, counts = np.unique(residuals, return_counts=True)
    seen = counts / len(residuals)
    furthest = min(bound, float(values[0])) if math.isfinite(bound) else float(values[0])
    most = -1 / furthest * (1 - 1e-12)

    def mean(t: float) -> float:
        return float((seen * values / (1 + t * values)).sum())

    if mean(0.0) <= 0:  # but for rounding
        return values, seen
    if mean(most) > 0:  # then no value seen is as far out as `bound`
        weights = seen / (1 + most * values)
        return np.append(values, bound), np.append(weights, max(0.0, 1 - weights.sum()))
    weights = seen / (1 + float(optimize.brentq(mean, 0.0, most)) * values)
    return values, weights / weights.sum()


def _tail(values: Values, weights: Values, draws: int, total: float) -> float:
    """Return how likely a sum of independent draws is `total` or more.

    The distribution is laid on a grid and raised to the power of `draws` by a Fourier transform;
    what falls between two points is dealt to both, which keeps the mean. Ties with `total` count,
    so the grid's blur is taken off it.
    """
    deviation = math.sqrt(max(0.0, float((values**2 * weights).sum())))
    if not deviation:
        return 1.0
    points = GRID * 2 ** max(0, math.ceil(math.log2(math.sqrt(draws / 300))))
    width = max(24 * math.sqrt(draws) * deviation, 2.2 * float(np.ptp(values)))
    step = width / points
    if total >= width / 2:
        return SMALLEST_P
    cell = np.floor(values / step)
    part = values / step - cell
    index = np.concatenate([cell, cell + 1]).astype(np.int64) % points
    mass = np.concatenate([weights * (1 - part), weights * part])
    laid = np.fft.rfft(np.bincount(index, weights=mass, minlength=points))
    summed = np.fft.irfft(_power(laid, draws), points)
    blur = step * math.sqrt(draws * float((weights * part * (1 - part)).sum()))
    first = math.ceil((total - 3 * blur - 1e-9) / step)
    found = float(summed[max(first, -points // 2) % points : points // 2].sum())
    if first < 0:
        found = float(summed[: points // 2].sum() + summed[first:].sum())
    return min(1.0, max(SMALLEST_P, found))


def _power(values: NDArray[np.complex128], exponent: int) -> NDArray[np.complex128]:
    """Return values ** exponent by squaring: numpy's own takes logarithms, six times as long."""
    found = np.ones_like(values)
    while exponent:
        if exponent & 1:
            found = found * values
        values = values * values
        exponent >>= 1
    return found
