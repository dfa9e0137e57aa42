"""The best of many scores, with ties broken by row: rows are in the order of passage ids."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Best = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Rows and their scores, best first."""


def best(scores: NDArray[np.float32], limit: int, rows: NDArray[np.int64] | None = None) -> Best:
    """Return the `limit` best scores with their rows; of equal scores the lower row is first.

    `rows` names the row of each score, in rising order; by default its place.

    >>> rows, scores = best(np.array([1, 3, 3, 2], dtype=np.float32), 2)
    >>> rows.tolist(), scores.tolist()
    ([1, 2], [3.0, 3.0])
    """
    limit = max(limit, 0)
    if 0 < limit < len(scores):
        least = np.partition(scores, len(scores) - limit)[len(scores) - limit]
        kept = np.flatnonzero(scores >= least)
    else:
        kept = np.arange(len(scores))
    order = kept[np.argsort(-scores[kept], kind="stable")][:limit]
    chosen = order if rows is None else rows[order]
    return chosen.astype(np.int64), scores[order]
