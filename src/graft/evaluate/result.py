"""Result: systems scored on one split, with intervals, differences and the questions that moved."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from graft.core.measure import measure_named, measures_in_order
from graft.evaluate.compare import Difference, Mean, Sampling, adjust, difference, estimate
from graft.evaluate.score import Scored

MOVED = 5
"""Questions shown that moved most, up and down each."""


@dataclass(frozen=True)
class Plan:
    """What is read off the systems of one split.

    `pairs` are compared on `measures`; where none is named, on those that are `compared` by
    default. `changed` are the two systems between which questions are shown that moved most, by
    the first of these measures. `leading` systems stand out in a table; `about` explains it.
    """

    about: str = ""
    pairs: tuple[tuple[str, str], ...] = ()
    measures: tuple[str, ...] = ()
    changed: tuple[str, str] = ("", "")
    leading: tuple[str, ...] = ()


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

    `differences` are those of the plan, Holm-adjusted together. `improved` and `harmed` are the
    questions that moved most between the two systems of its `changed`. `failed` counts the
    questions that a system has an error for in place of an answer.
    """

    n: int
    groups: int
    systems: Mapping[str, Mapping[str, Mean]]
    differences: tuple[Difference, ...]
    seconds: Mapping[str, float]
    ended: Mapping[str, float]
    plan: Plan = Plan()
    confidence: float = 0.95
    improved: tuple[Change, ...] = ()
    harmed: tuple[Change, ...] = ()
    failed: Mapping[str, int] = field(default_factory=dict)

    @property
    def shown(self) -> list[str]:
        """The measures that any system has, in the order of their columns."""
        held = [name for means in self.systems.values() for name, mean in means.items() if mean.n]
        return [measure.name for measure in measures_in_order(held)]

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
            "differences": [_plain(d.to_dict()) for d in self.differences],
            "seconds": dict(self.seconds),
            "ended": _plain(dict(self.ended)),
            "failed": dict(self.failed),
        }


def summarise(systems: Sequence[Scored], plan: Plan, sampling: Sampling) -> SplitResult:
    """Return the systems' means with intervals, and the differences of the plan.

    All were asked the same questions in the same order. Pairs and measures that were not run are
    left out, and so is a ranking measure that no plan names of two that answer and rank alike. What
    is drawn is the example's group, which is its document (or cluster of near-duplicates).
    """
    examples = [case.example for case in systems[0].cases] if systems else []
    groups = [example.group or example.id for example in examples]
    by_name = {scored.name: scored for scored in systems}
    taken = [name for scored in systems for name in scored.values]
    known = measures_in_order([*taken, *plan.measures])
    ranked = {m.name for m in known if "ranking" in m.needs}
    bounds = {m.name: m.bounds for m in known}
    compared = [m.name for m in known if m.compared]
    if plan.measures:
        compared = [name for name in plan.measures if name in {m.name for m in known}]
    found = [
        difference(
            (a, by_name[a].values[m]),
            (b, by_name[b].values[m]),
            m,
            groups=groups,
            sampling=sampling,
            bounds=bounds[m],
        )
        for a, b in plan.pairs
        for m in compared
        if a in by_name and b in by_name and m in by_name[a].values and m in by_name[b].values
        # It could only be 0, and would make the p values of the others larger.
        if m in plan.measures or not (m in ranked and _rank_alike(by_name[a], by_name[b]))
    ]
    pair = [by_name[name] for name in plan.changed if name in by_name]
    improved, harmed = _changes(pair[0], pair[1], compared) if len(pair) == 2 else ((), ())
    return SplitResult(
        n=len(examples),
        groups=len(set(groups)),
        systems={
            scored.name: {
                m: estimate(v, groups, sampling, bounds.get(m)) for m, v in scored.values.items()
            }
            for scored in systems
        },
        differences=tuple(adjust([d for d in found if d.n])),
        seconds={scored.name: scored.seconds for scored in systems},
        ended={scored.name: scored.ended for scored in systems},
        plan=plan,
        confidence=sampling.confidence,
        improved=improved,
        harmed=harmed,
        failed={
            scored.name: count
            for scored in systems
            if (count := sum(bool(c.answer and c.answer.error) for c in scored.cases))
        },
    )


def _rank_alike(one: Scored, other: Scored) -> bool:
    """Return whether two that answer rank the same: what they differ in is how they answer."""
    pairs = list(zip(one.cases, other.cases, strict=True))
    return all(a.answer is not None and a.ranking == b.ranking for a, b in pairs)


def _changes(
    before: Scored, after: Scored, measures: Sequence[str]
) -> tuple[tuple[Change, ...], tuple[Change, ...]]:
    """Return the questions that moved most up and down by the first measure that both have."""
    shared = [name for name in measures if name in before.values and name in after.values]
    if not shared:
        return (), ()
    sign = -1 if measure_named(shared[0]).lower_is_better else 1
    moved = []
    deltas = after.values[shared[0]] - before.values[shared[0]]
    for one, other, delta in zip(before.cases, after.cases, deltas.tolist(), strict=True):
        if one.answer is not None and other.answer is not None and delta and not math.isnan(delta):
            texts = one.answer.text, other.answer.text
            moved.append(Change(one.example.question, one.example.answers, *texts, delta))
    moved.sort(key=lambda change: (-sign * change.delta, change.question))
    better = [change for change in moved if sign * change.delta > 0]
    worse = [change for change in reversed(moved) if sign * change.delta < 0]
    return tuple(better[:MOVED]), tuple(worse[:MOVED])


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    nan = {k for k, v in values.items() if isinstance(v, float) and math.isnan(v)}
    return {name: None if name in nan else value for name, value in values.items()}
