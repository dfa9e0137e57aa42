"""Result: systems scored on one split, with intervals, differences and the questions that moved."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from graft.core.example import Example
from graft.evaluate.compare import Difference, Mean, Sampling, adjust, difference, estimate
from graft.evaluate.score import Scored

WORTH = "answer_f1"
"""The measure by which a question counts as improved or harmed."""


@dataclass(frozen=True)
class Change:
    """One question whose score moved between two systems, with both answers."""

    question: str
    accepted: tuple[str, ...]
    before: str
    after: str
    delta: float


@dataclass(frozen=True)
class SplitResult:
    """One split: systems in the order they were given, each measure with its interval.

    `differences` are those that were asked for, Holm-adjusted together. `improved` and `harmed`
    are the questions that moved most between the two systems of `changed`.
    """

    n: int
    groups: int
    systems: Mapping[str, Mapping[str, Mean]]
    differences: tuple[Difference, ...]
    seconds: Mapping[str, float]
    ended: Mapping[str, float]
    confidence: float = 0.95
    changed: tuple[str, str] = ("", "")
    improved: tuple[Change, ...] = ()
    harmed: tuple[Change, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; what could not be measured is null."""
        systems = {
            name: {measure: _plain(asdict(mean)) for measure, mean in measures.items()}
            for name, measures in self.systems.items()
        }
        return {
            "n": self.n,
            "groups": self.groups,
            "systems": systems,
            "differences": [_plain(asdict(d)) for d in self.differences],
            "seconds": dict(self.seconds),
            "ended": _plain(dict(self.ended)),
        }


def summarise(
    systems: Sequence[Scored], examples: Sequence[Example], *,
    pairs: Sequence[tuple[str, str]], measures: Sequence[str], sampling: Sampling,
    changed: tuple[str, str] = ("", ""),
) -> SplitResult:  # fmt: skip
    """Return the systems' means with intervals, and the differences of `pairs` on `measures`.

    Pairs and measures that were not run are left out. The unit of resampling is the example's
    group, which is its document (or cluster of near-duplicates).
    """
    groups = [example.group or example.id for example in examples]
    by_name = {scored.name: scored for scored in systems}
    means = {
        scored.name: {m: estimate(v, groups, sampling) for m, v in scored.values.items()}
        for scored in systems
    }
    found = [
        difference(
            (a, by_name[a].values[m]), (b, by_name[b].values[m]), m,
            groups=groups, sampling=sampling,
        )
        for a, b in pairs
        for m in measures
        if a in by_name and b in by_name and m in by_name[a].values and m in by_name[b].values
    ]  # fmt: skip
    improved, harmed = _changes(by_name, examples, changed)
    return SplitResult(
        n=len(examples),
        groups=len(set(groups)),
        systems=means,
        differences=tuple(adjust([d for d in found if d.n])),
        seconds={scored.name: scored.seconds for scored in systems},
        ended={scored.name: scored.ended for scored in systems},
        confidence=sampling.confidence,
        changed=changed,
        improved=improved,
        harmed=harmed,
    )


def _changes(
    systems: Mapping[str, Scored], examples: Sequence[Example], pair: tuple[str, str],
    most: int = 5,
) -> tuple[tuple[Change, ...], tuple[Change, ...]]:  # fmt: skip
    if not all(name in systems and systems[name].answers for name in pair):
        return (), ()
    before, after = systems[pair[0]], systems[pair[1]]
    moved = []
    for i, example in enumerate(examples):
        delta = float(after.values[WORTH][i]) - float(before.values[WORTH][i])
        if delta and not math.isnan(delta):
            texts = before.answers[i].text, after.answers[i].text
            moved.append(Change(example.question, example.answers, *texts, delta))
    moved.sort(key=lambda change: (-change.delta, change.question))
    better = [change for change in moved if change.delta > 0]
    worse = [change for change in reversed(moved) if change.delta < 0]
    return tuple(better[:most]), tuple(worse[:most])


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    nan = {k for k, v in values.items() if isinstance(v, float) and math.isnan(v)}
    return {name: None if name in nan else value for name, value in values.items()}
