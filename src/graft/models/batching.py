"""Batches by token budget: sorted by length, so that little is spent on padding."""

from __future__ import annotations

from collections.abc import Sequence


def batches(lengths: Sequence[int], budget: int, *, rows: int = 0) -> list[list[int]]:
    """Return positions of `lengths` in batches, longest first.

    A batch is as many rows as fit `budget` tokens when each is padded to its longest, at most
    `rows` of them (0: any number), and always at least one. Longest first, so that what does not
    fit the memory fails at once.

    >>> batches([3, 9, 4, 1], 9)
    [[1], [2, 0], [3]]
    """
    ordered = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    found: list[list[int]] = []
    for position in ordered:
        last = found[-1] if found else []
        # The first of a batch is its longest.
        full = last and (len(last) + 1) * max(lengths[last[0]], 1) > budget
        if not last or full or len(last) == rows:
            found.append([position])
        else:
            last.append(position)
    return found
