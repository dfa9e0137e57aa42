from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from graft.models.batching import batches


@given(
    st.lists(st.integers(0, 50), max_size=40), st.integers(1, 120), st.integers(0, 5)
)  # fmt: skip
def test_batches_hold_every_row_once_within_the_budget(
    lengths: list[int], budget: int, rows: int
) -> None:
    found = batches(lengths, budget, rows=rows)
    assert sorted(i for batch in found for i in batch) == list(range(len(lengths)))
    for batch in found:
        longest = max(lengths[i] for i in batch)
        assert len(batch) == 1 or len(batch) * longest <= budget
        assert not rows or len(batch) <= rows
    in_order = [lengths[i] for batch in found for i in batch]
    assert in_order == sorted(lengths, reverse=True)


def test_a_batch_is_as_large_as_the_budget_lets_it() -> None:
    assert [len(batch) for batch in batches([10] * 10, 40)] == [4, 4, 2]
    assert batches([], 40) == []
