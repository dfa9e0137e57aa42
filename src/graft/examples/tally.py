"""Tally: how many questions were dropped for each reason, with a few of them to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

SAMPLES = 5
"""Questions kept for the report of each reason."""


class Tally:
    """Counts what is dropped; samples are (document id, question), the first ones of a reason.

    >>> tally = Tally()
    >>> tally.drop("copied", "a.md", "Is it so?"); tally.counts
    {'copied': 1}
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._samples: dict[str, list[tuple[str, str]]] = {}

    def drop(self, reason: str, document_id: str, question: str) -> None:
        """Count one question that is not kept."""
        self._counts[reason] += 1
        held = self._samples.setdefault(reason, [])
        if len(held) < SAMPLES:
            held.append((document_id, question))

    @property
    def counts(self) -> dict[str, int]:
        """How many were dropped, by reason."""
        return dict(sorted(self._counts.items()))

    @property
    def samples(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """The first questions of each reason."""
        return {reason: tuple(held) for reason, held in sorted(self._samples.items())}
