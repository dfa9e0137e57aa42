"""Positions for the report's pictures: axes with round ticks, and lines that fill a box."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """A horizontal axis from `low` to `high` with round `ticks`."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """Return where a value lies, in per cent from the left, kept within the axis.

        >>> Axis(-1.0, 1.0, ()).at(0.0)
        50.0
        """
        share = (value - self.low) / (self.high - self.low)
        return 100 * min(1.0, max(0.0, share))


def forest_axis(intervals: Sequence[tuple[float, float]]) -> Axis:
    """Return an axis that holds every interval and zero.

    >>> forest_axis([(-0.1, 0.3)]).ticks
    (-0.1, 0.0, 0.1, 0.2, 0.3)
    """
    ends = [end for pair in intervals for end in pair if not math.isnan(end)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    step = _round_step((high - low) / 4 or 0.05)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(round(i * step, 10) for i in range(first, last + 1))
    return Axis(ticks[0], max(ticks[-1], ticks[0] + step), ticks)


def polyline(points: Sequence[tuple[float, float]], box: tuple[float, float, float, float]) -> str:
    """Return points scaled from `box` (x low, x high, y low, y high) to 100 by 50, y upwards.

    >>> polyline([(0, 0), (10, 1)], (0, 10, 0, 1))
    '0.00,50.00 100.00,0.00'
    """
    left, right, low, high = box
    scaled = (
        (100 * (x - left) / (right - left), 50 - 50 * (y - low) / (high - low)) for x, y in points
    )
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in scaled)


def _round_step(size: float) -> float:
    scale: float = 10.0 ** math.floor(math.log10(size))
    return min((scale * factor for factor in (1, 2, 5, 10)), key=lambda step: abs(step - size))
