"""The best of many scores: ties fall to the lower row, whatever the sort."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from graft.library.ranking import best


@given(st.lists(st.integers(0, 3), max_size=300), st.integers(-1, 320))
def test_the_best_are_those_of_a_full_sort(values: list[int], limit: int) -> None:
    rows, scores = best(np.array(values, dtype=np.float32), limit)
    order = sorted(range(len(values)), key=lambda row: (-values[row], row))[: max(limit, 0)]
    assert rows.tolist() == order
    assert scores.tolist() == [values[row] for row in order]


def test_rows_may_have_names() -> None:
    scores = np.array([1, 2, 2, 0], dtype=np.float32)
    rows, _ = best(scores, 3, np.array([3, 5, 8, 13]))
    assert rows.tolist() == [5, 8, 3]


def test_many_ties() -> None:
    scores = (np.arange(10_000) % 3).astype(np.float32)
    rows, _ = best(scores, 4000)
    assert rows.tolist() == [*range(2, 10_000, 3), *range(1, 2002, 3)]
