"""Placing: whether a number of a claim stands in a text with what the claim says of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from graft.measures.notation import plain_decimal
from graft.measures.quantity import Quantity
from graft.measures.source import Figure, SourceText

STANDS = 0.5
"""The share of the words around a number, of those the text holds, that must stand with it."""

ANSWERS = 0.75
"""The share of a question's words with which another number must stand to be the one asked for.

A question that spans sentences has no number that stands with all of it.
"""

MARGIN = 0.15
"""The share of words by which another number must be ahead, to be the one that is meant."""


@dataclass(frozen=True)
class Stated:
    """A quantity of a claim, and the words and numbers that the claim says it with.

    `asked`: the words of the question are among them.
    """

    quantity: Quantity
    beside: frozenset[str]
    asked: bool = False


def is_placed(stated: Stated, source: SourceText) -> bool:
    """Return whether the text has the quantity, with its unit, where it has the words beside it.

    At least half of them, of those that the text holds at all, must stand in the quantity's
    sentence or in what that goes on from, and no other quantity of its kind may stand with
    clearly more of them, there or in its clause. Words of a question need only not stand with
    another one.
    """
    beside = frozenset(key for key in stated.beside if key in source.places)
    same = [f for f in source.figures if _same(stated.quantity, f.quantity)]
    alike = [f for f in same if f.quantity.kind == stated.quantity.kind] or same
    kinds = {stated.quantity.kind, *(f.quantity.kind for f in alike)}
    others = [f for f in source.figures if f not in same and f.quantity.kind in kinds]
    best, other = _best(same, beside), _best(others, beside)
    # Rows of one table share all but what tells them apart.
    margin = 0.0 if same and all(f.table for f in same) else MARGIN
    ahead = other[0] > best[0] + margin or (other[0] >= best[0] and other[1] > best[1] + margin)
    if stated.quantity.kind == "ordinal" and stated.quantity.value == "1":
        # "First" is an adverb as often as a number: only another one in its place tells.
        return not ahead or other[0] < STANDS
    if not same:
        return False
    if stated.asked:
        return not ahead or other[0] < ANSWERS
    return not ahead and best[0] >= STANDS


def stands_anywhere(stated: Stated, source: SourceText) -> bool:
    """Return whether the text holds the quantity, with its unit, of whatever it says it."""
    return any(_same(stated.quantity, figure.quantity) for figure in source.figures)


def _best(figures: Iterable[Figure], beside: frozenset[str]) -> tuple[float, float]:
    """The largest share of words in reach of one of the figures, and of those in its clause."""
    size = len(beside)
    if not size:
        return 1.0, 1.0
    shares = ((len(beside & f.reach) / size, len(beside & f.own) / size) for f in figures)
    return max(shares, default=(0.0, 0.0))


def _same(one: Quantity, other: Quantity) -> bool:
    if one.kind == other.kind == "clock":
        return one.value == other.value and _same_half(one.unit, other.unit)
    equal = one.value == other.value
    if one.kind not in {"", "year"} or other.kind not in {"", "year"}:
        equal = plain_decimal(one.value) == plain_decimal(other.value)
    return equal and (one.unit == other.unit or not (one.unit and other.unit))


def _same_half(one: str, other: str) -> bool:
    if one and other:
        return one[:2] == other[:2]
    return (one or other) != "pm24"
