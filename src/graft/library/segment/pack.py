"""Packing: which pieces share a passage, so that passages are even and end where it reads well."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graft.library.segment.counts import Counts, span_size
from graft.library.segment.pieces import Piece


def pack(
    found: Sequence[Piece], counts: Counts, room: Callable[[int], int]
) -> list[tuple[int, int]]:
    """Return the half-open ranges of pieces that form passages, the best way of all.

    A passage that begins with piece i holds up to `room(i)` tokens; one piece alone always may.
    The cost of a way is the sum over its passages of the squared share of room left empty and
    the penalty of their first piece: few passages, of even size (Knuth and Plass 1981).

    >>> from graft.models.tokenizer import WordTokenizer
    >>> words = [Piece(i, i + 1) for i in range(0, 11, 2)]
    >>> pack(words, Counts("a b c d e f", WordTokenizer()), lambda i: 4)
    [(0, 3), (3, 6)]
    """
    rooms = [max(room(i), 1) for i in range(len(found))]
    widest = max(rooms, default=0)
    before = [counts.before(piece.start) for piece in found]
    costs = [0.0] * (len(found) + 1)
    begins = [0] * (len(found) + 1)
    for end in range(1, len(found) + 1):
        last = found[end - 1].end
        until = counts.until(last)
        best, begin = float("inf"), end - 1
        for first in range(end - 1, -1, -1):
            size = span_size(found[first].start, last, until - before[first])
            fits = size <= rooms[first]
            if first == end - 1 or fits:
                empty = (rooms[first] - size) / rooms[first] if fits else 0.0
                cost = costs[first] + empty * empty + (found[first].penalty if first else 0.0)
                if cost < best:
                    best, begin = cost, first
            if size > widest:
                break
        costs[end], begins[end] = best, begin
    ranges = []
    end = len(found)
    while end:
        ranges.append((begins[end], end))
        end = begins[end]
    return ranges[::-1]
