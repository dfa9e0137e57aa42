"""Estimate: what a tuning is expected to cost, told before it starts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """What a tuning is expected to cost: `bytes` is the peak of the whole process."""

    seconds: float
    bytes: int
    tokens: int
    steps: int
    trainable_parameters: int

    def sentence(self) -> str:
        """Return it as a line for a person.

        >>> Estimate(754.0, 3 << 30, 214_000, 50, 4_884_480).sentence()
        'about 13 min and 3.0 GiB: 50 steps over 214,000 tokens, training 4,884,480 parameters'
        """
        return (
            f"about {duration(self.seconds)} and {self.bytes / (1 << 30):.1f} GiB: "
            f"{self.steps:,} steps over {self.tokens:,} tokens, "
            f"training {self.trainable_parameters:,} parameters"
        )


def duration(seconds: float) -> str:
    """Return a span of time as a person says it.

    >>> duration(42.3), duration(754), duration(7300)
    ('42 s', '13 min', '2 h 2 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
