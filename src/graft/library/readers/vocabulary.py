"""Sets of names, written as one string."""

from __future__ import annotations


def vocabulary(names: str) -> frozenset[str]:
    """Return the names of a string, which are parted by white space.

    >>> sorted(vocabulary("ul ol"))
    ['ol', 'ul']
    """
    return frozenset(names.split())
