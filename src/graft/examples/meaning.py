"""Meaning: which questions ask the same in other words, by the vectors of an encoder.

Two questions do when no word tells them apart (`measures.sameness`), their vectors are near, and so
are those of what each asks of what they share. How near is near depends on the encoder (unrelated
questions have a cosine of .1 by one, of .75 by another), so both thresholds are fitted to pairs of
which it is known: see `thresholds`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from graft.core.protocols import Vectors
from graft.examples.planted import DIFFERENT, SAME, Pairs
from graft.measures.sameness import frames, told_apart

Encode = Callable[[Sequence[str]], Vectors]
"""What turns questions into vectors, `(n, d) float32`."""

FALSE_ALARMS = 0.05
"""Share of the pairs of different questions that may be taken for the same.

They are hard ones: of all pairs of questions on a subject, one in thousands is like them."""

FEWEST_FOUND = 0.3
"""Share of the paraphrases below which an encoder cannot tell them, and meaning is not compared."""

BLOCK = 1024
"""Questions whose cosines with all others are held at once: 4 KiB for each other one."""

_GRID = np.round(np.arange(0.3, 1.0, 0.05), 2)


@dataclass(frozen=True)
class Thresholds:
    """Cosines from which questions are the same: of both as they are, and of their frames."""

    whole: float
    frame: float


@dataclass
class Meaning:
    """Compares questions by the vectors that `encode` makes; each text is encoded once."""

    encode: Encode
    known: dict[str, NDArray[np.float32]] = field(default_factory=dict, repr=False)

    @cached_property
    def fitted(self) -> Thresholds | None:
        """The thresholds of this encoder; None where it finds too few of the planted pairs."""
        return thresholds(self.vectors)

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts, of length 1: `(n, d) float32`."""
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        if new:
            made = np.asarray(self.encode(new), dtype=np.float32)
            length = np.linalg.norm(made, axis=1, keepdims=True)
            self.known.update(zip(new, made / np.where(length > 0, length, 1), strict=True))
        return np.stack([self.known[text] for text in texts])

    def same(self, lefts: Sequence[str], rights: Sequence[str]) -> list[tuple[int, int, float]]:
        """Return (left place, right place, cosine) of all that ask the same, in their order.

        All pairs are compared, a block of rows at a time: 20,000 by 20,000 take 16 products of a
        second or so, and encoding them some minutes.
        """
        if not lefts or not rights or self.fitted is None:
            return []
        near = list(self._near(lefts, rights, self.fitted.whole))
        asked = [frames(lefts[one], rights[two]) for one, two, _ in near]
        cosines = _cosines(asked, self.vectors)
        return [
            pair for pair, cosine in zip(near, cosines, strict=True) if cosine >= self.fitted.frame
        ]

    def _near(
        self, lefts: Sequence[str], rights: Sequence[str], threshold: float
    ) -> Iterator[tuple[int, int, float]]:
        """Yield the pairs that are near as they are, and that no word tells apart."""
        left, right = self.vectors(lefts), self.vectors(rights)
        for start in range(0, len(left), BLOCK):
            cosines = left[start : start + BLOCK] @ right.T
            for row, column in np.argwhere(cosines >= threshold).tolist():
                one = start + row
                if not told_apart(lefts[one], rights[column]):
                    yield one, column, float(cosines[row, column])


def thresholds(
    encode: Encode, same: Pairs = SAME, different: Pairs = DIFFERENT
) -> Thresholds | None:
    """Return the strictest thresholds that find about as many of the same pairs as any.

    Of the different pairs `FALSE_ALARMS` at most may be found, and of the others as many as the
    best thresholds find, less one standard error (the rule of Breiman et al. 1984 for trees): real
    questions are further apart than planted ones, and what is stricter leaves more of them in.
    None where less than `FEWEST_FOUND` are found: by such an encoder nothing should be left out.
    """
    found, taken = (np.array(_left(pairs, encode)).reshape(-1, 2) for pairs in (same, different))
    able = [
        (float((found >= grid).all(axis=1).sum()) / len(same), Thresholds(*grid))
        for grid in product(_GRID.tolist(), _GRID.tolist())
        if (taken >= grid).all(axis=1).sum() <= FALSE_ALARMS * len(different)
    ]
    best = max((hits for hits, _ in able), default=0.0)
    if best < FEWEST_FOUND:
        return None
    slack = math.sqrt(best * (1 - best) / len(same))
    fair = [limits for hits, limits in able if hits >= best - slack]
    return max(fair, key=lambda limits: (limits.whole + limits.frame, limits.whole))


def _left(pairs: Pairs, encode: Encode) -> list[tuple[float, float]]:
    """Return both cosines of the pairs that no word tells apart."""
    open_ = [pair for pair in pairs if not told_apart(*pair)]
    framed = [frames(*pair) for pair in open_]
    return list(zip(_cosines(open_, encode), _cosines(framed, encode), strict=True))


def _cosines(pairs: Sequence[tuple[str, str]], encode: Encode) -> list[float]:
    if not pairs:
        return []
    one, two = encode([a for a, _ in pairs]), encode([b for _, b in pairs])
    found: list[float] = np.einsum("nd,nd->n", one, two).tolist()
    return found
