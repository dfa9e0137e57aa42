"""The gate: what a candidate has to show before it may replace what is in production.

Measures to improve must improve: the whole interval of the difference lies above zero. Measures to
guard must be not inferior: the lower bound of the difference lies above minus the margin (a
non-inferiority test, CONSORT 2012), so that a small set, whose interval is wide, cannot pass by
being blind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from graft.core.measure import measure_named
from graft.evaluate.compare import Difference
from graft.evaluate.result import SplitResult

Outcome = Literal["promote", "no gain", "worse", "cannot tell"]


@dataclass(frozen=True)
class Finding:
    """What one measure showed: its rule ("improve" or "guard"), outcome and a sentence."""

    measure: str
    rule: Literal["improve", "guard"]
    outcome: Outcome
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """The gate's word: `passed` only for "promote"; `sentence` is what a person reads."""

    outcome: Outcome
    sentence: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether the candidate may be promoted."""
        return self.outcome == "promote"


SENTENCES: dict[Outcome, str] = {
    "promote": "Promote: it is better, and nothing that is guarded is worse.",
    "no gain": "No gain: keep what you have.",
    "worse": "Worse: keep what you have.",
    "cannot tell": "Cannot tell: keep what you have, and test on more questions.",
}


@dataclass(frozen=True)
class Terms:
    """What a candidate is judged by: measures to improve and to guard, and by what margin.

    `split` and `pair` name the table, and the two systems in it, whose differences are read.
    """

    improve: tuple[str, ...]
    guard: tuple[str, ...]
    margin: float
    split: str
    pair: tuple[str, str]


def verdict_on(terms: Terms, tables: Mapping[str, SplitResult]) -> Verdict:
    """Return the verdict that the terms come to on the tables of an evaluation."""
    found = tables[terms.split].differences
    return judge(
        [d for d in found if (d.a, d.b) == terms.pair],
        improve=terms.improve,
        guard=terms.guard,
        margin=terms.margin,
    )


def judge(
    differences: Sequence[Difference],
    *,
    improve: Sequence[str],
    guard: Sequence[str],
    margin: float,
) -> Verdict:
    """Return the verdict on a candidate from its differences to what is in production.

    A measure that was not measured cannot be shown to hold, so it cannot be told. The order of
    outcomes: any harm is "worse"; else any doubt about a guard is "cannot tell"; else the
    measures to improve decide.
    """
    held = {d.measure: _oriented(d) for d in differences}
    findings = [_improved(name, held.get(name), margin) for name in improve]
    findings += [_guarded(name, held.get(name), margin) for name in guard]
    outcomes = [finding.outcome for finding in findings]
    guards = [finding.outcome for finding in findings if finding.rule == "guard"]
    if "worse" in outcomes:
        outcome: Outcome = "worse"
    elif "cannot tell" in guards:
        outcome = "cannot tell"
    elif "no gain" in outcomes:
        outcome = "no gain"
    elif "cannot tell" in outcomes:
        outcome = "cannot tell"
    else:
        outcome = "promote"
    return Verdict(outcome, SENTENCES[outcome], tuple(findings))


def _oriented(d: Difference) -> Difference:
    if not measure_named(d.measure).lower_is_better:
        return d
    return replace(d, mean=-d.mean, low=-d.high, high=-d.low)


def _improved(measure: str, d: Difference | None, margin: float) -> Finding:
    if d is None or d.n == 0:
        return Finding(measure, "improve", "cannot tell", f"{measure} was not measured")
    shown = _show(d)
    if d.small:
        return Finding(measure, "improve", "cannot tell", f"{shown}: too small a set to tell")
    if d.low > 0:
        return Finding(measure, "improve", "promote", f"{shown}: better")
    if d.high < 0:
        return Finding(measure, "improve", "worse", f"{shown}: worse")
    if d.high <= margin:
        return Finding(measure, "improve", "no gain", f"{shown}: no gain above {margin:g}")
    return Finding(measure, "improve", "cannot tell", f"{shown}: the interval holds zero")


def _guarded(measure: str, d: Difference | None, margin: float) -> Finding:
    if d is None or d.n == 0:
        return Finding(measure, "guard", "cannot tell", f"{measure} was not measured")
    shown = _show(d)
    if d.small:
        return Finding(measure, "guard", "cannot tell", f"{shown}: too small a set to tell")
    if d.low > -margin:
        return Finding(measure, "guard", "promote", f"{shown}: not inferior by {margin:g}")
    if d.high < -margin:
        return Finding(measure, "guard", "worse", f"{shown}: worse by more than {margin:g}")
    return Finding(measure, "guard", "cannot tell", f"{shown}: may be worse by {margin:g}")


def _show(d: Difference) -> str:
    return f"{d.measure} {d.mean:+.3f} [{d.low:+.3f}, {d.high:+.3f}], n = {d.n}"
