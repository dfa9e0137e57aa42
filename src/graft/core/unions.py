"""Unions: which things belong together, told one pair at a time (union-find)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

Name = TypeVar("Name", str, int)


class Unions(Generic[Name]):
    """Disjoint sets of names; the name of a set is its smallest, so that order does not matter.

    >>> sets = Unions[str]()
    >>> sets.join("b", "c"); sets.join("c", "a"); sets.find("b")
    'a'
    """

    def __init__(self) -> None:
        self._parent: dict[Name, Name] = {}

    def find(self, name: Name) -> Name:
        """Return the smallest name of the set that `name` is in (itself, when it is alone)."""
        root = name
        while (above := self._parent.get(root, root)) != root:
            root = above
        while (above := self._parent.get(name, name)) != root:
            self._parent[name] = root
            name = above
        return root

    def join(self, left: Name, right: Name) -> None:
        """Make one set of the two that hold these names."""
        low, high = sorted((self.find(left), self.find(right)))
        if low != high:
            self._parent[high] = low

    def sets(self, names: Iterable[Name]) -> list[list[Name]]:
        """Return the sets among `names`, each sorted, in the order of their smallest names."""
        members: dict[Name, list[Name]] = {}
        for name in sorted(set(names)):
            members.setdefault(self.find(name), []).append(name)
        return [members[root] for root in sorted(members)]
