"""Measure: a named value that scores answers or rankings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """What a score is called, and where it is defined.

    `paper` names the paper or the tool whose definition is followed. All scores lie in 0..1.
    """

    name: str
    paper: str
