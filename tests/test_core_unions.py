"""Unions: which things belong together, whatever the order in which it is told."""

from __future__ import annotations

from itertools import permutations

from graft.core.unions import Unions

PAIRS = ((4, 2), (2, 9), (7, 8), (9, 1))


def test_the_name_of_a_set_is_its_smallest_member_in_whatever_order_it_is_told() -> None:
    for pairs in permutations(PAIRS):
        sets: Unions[int] = Unions()
        for left, right in pairs:
            sets.join(left, right)
        assert sets.sets([9, 8, 7, 4, 3, 2, 1]) == [[1, 2, 4, 9], [3], [7, 8]]
        assert [sets.find(name) for name in (9, 8, 3)] == [1, 7, 3]


def test_a_set_is_told_of_the_names_that_are_asked_for() -> None:
    sets: Unions[str] = Unions()
    sets.join("b", "c")
    sets.join("c", "a")
    assert sets.sets(["c", "b"]) == [["b", "c"]]
    assert sets.find("c") == "a" and sets.find("z") == "z"
