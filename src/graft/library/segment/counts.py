"""Counts: how many tokens a span of a document takes, after tokenising it once."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right

from graft.core.protocols import Tokenizer

CHARACTERS_PER_TOKEN = 40
"""A token counts once for every so many characters: encoders call a word of 100 letters, or of a
million, one unknown token, and drop signs that they do not know."""

_BLOCK = 1 << 16


class Counts:
    """The tokens of one text by their offsets; a span holds every token that it touches."""

    def __init__(self, text: str, tokenizer: Tokenizer) -> None:
        self._starts = array("q")
        self._ends = array("q")
        place = 0
        while place < len(text):  # in blocks, since a token is large until its offsets are kept
            stop = _block_end(text, place)
            offsets = tokenizer.offsets(text[place:stop])
            self._starts.extend([place + start for start, _ in offsets])
            self._ends.extend([place + end for _, end in offsets])
            place = stop

    def size(self, start: int, end: int) -> int:
        """Return the tokens of `text[start:end]`, or its characters / 40 when they are more."""
        return span_size(start, end, self.until(end) - self.before(start))

    def before(self, start: int) -> int:
        """Return how many tokens end before `start`, or there."""
        return bisect_right(self._ends, start)

    def until(self, end: int) -> int:
        """Return how many tokens start before `end`."""
        return bisect_left(self._starts, end)

    def reach(self, start: int, size: int) -> int:
        """Return the furthest end, at least `start + 1`, whose span from `start` has `size`."""
        last = bisect_right(self._ends, start) + size
        end = start + size * CHARACTERS_PER_TOKEN
        if last < len(self._starts):
            end = min(end, self._starts[last])
        return max(end, start + 1)


def span_size(start: int, end: int, tokens: int) -> int:
    """Return what a span of so many tokens counts as."""
    return max(tokens, -((start - end) // CHARACTERS_PER_TOKEN))


def _block_end(text: str, start: int) -> int:
    """Return where a block ends: after a line or a word if the next 64 KiB hold one."""
    stop = start + _BLOCK
    if stop >= len(text):
        return len(text)
    for mark in ("\n", " "):
        found = text.rfind(mark, start + _BLOCK // 2, stop)
        if found > start:
            return found + 1
    return stop
