"""Adapted: what the whole loop ends in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from graft.evaluate.about import LeftOut
from graft.evaluate.gate import Verdict
from graft.evaluate.result import SplitResult


@dataclass(frozen=True)
class Adapted:
    """The verdict, the release it speaks of, the results by split, and the report's path.

    `runs` maps what was tuned to its run; `facts` are further figures, each with its name.
    `left_out` are the test questions that a run was trained on, and asked of no system.
    """

    verdict: Verdict
    release: int
    promoted: bool
    results: Mapping[str, SplitResult]
    runs: Mapping[str, str]
    facts: tuple[tuple[str, str], ...]
    report: Path
    seconds: float
    left_out: tuple[LeftOut, ...] = ()

    def __str__(self) -> str:
        """Return the verdict and where the report is."""
        return f"{self.verdict.sentence} (release {self.release}, {self.report})"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON that scripts rely on."""
        return {
            "verdict": {
                "outcome": self.verdict.outcome,
                "sentence": self.verdict.sentence,
                "basis": self.verdict.basis,
                "findings": [asdict(finding) for finding in self.verdict.findings],
            },
            "release": self.release,
            "promoted": self.promoted,
            "splits": {name: result.to_dict() for name, result in self.results.items()},
            "runs": dict(self.runs),
            "facts": dict(self.facts),
            "left_out": [asdict(each) for each in self.left_out],
            "report": str(self.report),
            "seconds": self.seconds,
        }
