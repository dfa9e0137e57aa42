"""Clustered: the standard error of a mean where values of one document hang together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def standard_error(values: NDArray[np.float64], groups: Sequence[str]) -> float:
    """Return the standard error of the mean of `values` `(n,)`, by whole groups.

    The cluster-robust one of Liang and Zeger 1986 (doi:10.1093/biomet/73.1.13), its g groups
    counted as g - 1; infinite for fewer than two.

    >>> standard_error(np.array([0.0, 1.0, 0.0, 1.0]), ["a", "b", "c", "d"]).__round__(3)
    0.289
    """
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < 2:
        return float("inf")
    apart = np.bincount(index, weights=values - values.mean(), minlength=len(names))
    few = len(names) / (len(names) - 1)
    return float(np.sqrt(few * (apart**2).sum())) / len(values)
