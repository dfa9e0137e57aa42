"""The gate: what a candidate has to show before it may replace what is in production.

Measures to improve must improve: the whole interval of the difference lies above zero. Measures to
guard must be not inferior: the lower bound of the difference lies above minus the margin (a
non-inferiority test, CONSORT 2012), so that a small set, whose interval is wide, cannot pass by
being blind. Every part has to hold at the level, so all together err no more often than that
(Berger 1982's intersection-union test, doi:10.1080/00401706.1982.10487790).

Questions that were looked at before have had their chance to flatter: of the level the k-th look at
them may spend 6 / (π² k²), which for any number of looks adds up to the whole (alpha spending,
Lan and DeMets 1983, doi:10.1093/biomet/70.3.659; the sum is Euler's).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from graft.core.measure import measure_named
from graft.evaluate.compare import Difference
from graft.evaluate.result import SplitResult

Outcome = Literal["promote", "no gain", "worse", "cannot tell"]

LEVEL = 0.025
"""How often, at most, all looks at a set of questions together may promote what should not be."""


def level_of(look: int) -> float:
    """Return what the look of this number, from 1, may spend of the level.

    >>> [round(level_of(look), 4) for look in (1, 2, 3)]
    [0.0152, 0.0038, 0.0017]
    """
    return LEVEL * 6 / (math.pi * look) ** 2


@dataclass(frozen=True)
class Finding:
    """What one measure showed: its rule ("improve" or "guard"), outcome and a sentence."""

    measure: str
    rule: Literal["improve", "guard"]
    outcome: Outcome
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """The gate's word: `passed` only for "promote"; `sentence` is what a person reads.

    `basis` says at which level it was judged, and why at that one.
    """

    outcome: Outcome
    sentence: str
    findings: tuple[Finding, ...]
    basis: str = ""

    @property
    def passed(self) -> bool:
        """Whether the candidate may be promoted."""
        return self.outcome == "promote"


SENTENCES: dict[Outcome, str] = {
    "promote": "Promote: it is better, and nothing that is guarded is worse by the margin.",
    "no gain": "No gain: keep what you have.",
    "worse": "Worse: keep what you have.",
    "cannot tell": "Cannot tell: keep what you have, and test on more questions.",
}


@dataclass(frozen=True)
class Terms:
    """What a candidate is judged by: measures to improve and to guard, and by what margin.

    `split` and `pair` name the table, and the two systems in it, whose differences are read.
    `look` counts the evaluations of these questions, this one included; 0, of one that was made
    before they were counted, spends the whole level.
    """

    improve: tuple[str, ...]
    guard: tuple[str, ...]
    margin: float
    split: str
    pair: tuple[str, str]
    look: int = 0

    @property
    def level(self) -> float:
        """The one-sided level of each part."""
        return level_of(self.look) if self.look else LEVEL


def verdict_on(terms: Terms, tables: Mapping[str, SplitResult]) -> Verdict:
    """Return the verdict that the terms come to on the tables of an evaluation.

    A question for which either side has an error in place of an answer compares an endpoint's
    luck, so that with any of them nothing is better than what is there.
    """
    table = tables[terms.split]
    found = judge([d for d in table.differences if (d.a, d.b) == terms.pair], terms)
    failed = {name: table.failed[name] for name in terms.pair if table.failed.get(name)}
    if not failed or not found.passed:
        return found
    told = ", ".join(f"{count} of {table.n} by {name!r}" for name, count in failed.items())
    sentence = f"errors in place of answers: {told}; ask again when what failed is mended"
    finding = Finding("errors", "guard", "cannot tell", sentence)
    return replace(
        found, outcome="cannot tell", sentence=SENTENCES["cannot tell"],
        findings=(*found.findings, finding),
    )  # fmt: skip


def judge(differences: Sequence[Difference], terms: Terms) -> Verdict:
    """Return the verdict on a candidate from its differences to what is in production.

    A measure that was not measured cannot be shown to hold, so it cannot be told. The order of
    outcomes: any harm is "worse"; else any doubt about a guard is "cannot tell"; else the
    measures to improve decide.
    """
    held = {d.measure: _oriented(_at_level(d, terms.level)) for d in differences}
    findings = [_improved(name, held.get(name), terms) for name in terms.improve]
    findings += [_guarded(name, held.get(name), terms) for name in terms.guard]
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
    return Verdict(outcome, SENTENCES[outcome], tuple(findings), _basis(terms))


def _basis(terms: Terms) -> str:
    told = f"each part at {terms.level:.2%} ({1 - 2 * terms.level:.2%} intervals)"
    if terms.look > 1:
        told += (
            f", since this is look number {terms.look} at these questions: new ones, on documents "
            "that are ingested, begin anew"
        )
    return told


def _at_level(d: Difference, level: float) -> Difference:
    """Return it with the interval whose ends are the tests of this level."""
    if d.held is None:
        return d
    low, high = d.held.interval(1 - 2 * level)
    return replace(d, low=low, high=high)


def _oriented(d: Difference) -> Difference:
    if not measure_named(d.measure).lower_is_better:
        return d
    return replace(d, mean=-d.mean, low=-d.high, high=-d.low)


def _improved(measure: str, d: Difference | None, terms: Terms) -> Finding:
    if d is None or d.n == 0:
        return Finding(measure, "improve", "cannot tell", f"{measure} was not measured")
    shown = _show(d)
    if d.small:
        return Finding(measure, "improve", "cannot tell", f"{shown}: too small a set to tell")
    if not math.isfinite(_range(d)):
        return Finding(measure, "improve", "cannot tell", f"{shown}: a measure without bounds")
    if d.low > 0:
        return Finding(measure, "improve", "promote", f"{shown}: better")
    if d.high < 0:
        return Finding(measure, "improve", "worse", f"{shown}: worse")
    if d.high <= terms.margin:
        return Finding(measure, "improve", "no gain", f"{shown}: no gain above {terms.margin:g}")
    return Finding(measure, "improve", "cannot tell", f"{shown}: the interval holds zero")


def _guarded(measure: str, d: Difference | None, terms: Terms) -> Finding:
    if d is None or d.n == 0:
        return Finding(measure, "guard", "cannot tell", f"{measure} was not measured")
    shown, margin = _show(d), terms.margin * _range(d)
    if d.small:
        return Finding(measure, "guard", "cannot tell", f"{shown}: too small a set to tell")
    if not math.isfinite(_range(d)):
        return Finding(measure, "guard", "cannot tell", f"{shown}: a measure without bounds")
    if d.high < -margin:
        return Finding(measure, "guard", "worse", f"{shown}: worse by more than {margin:g}")
    if d.high < 0 and measure.startswith("utility@"):
        return Finding(measure, "guard", "worse", f"{shown}: worse")
    if d.low <= -margin:
        return Finding(measure, "guard", "cannot tell", f"{shown}: may be worse by {margin:g}")
    told = "worse, but not" if d.high < 0 else "not inferior"
    return Finding(measure, "guard", "promote", f"{shown}: {told} by {margin:g}")


def _range(d: Difference) -> float:
    """Return how far apart two scores can lie; of a measure without bounds nothing is certified."""
    return d.held.bounds[1] if d.held is not None else 1.0


def _show(d: Difference) -> str:
    # The sign is turned where lower is better: below zero is always worse.
    named = d.measure + (" (turned)" if measure_named(d.measure).lower_is_better else "")
    shown = f"{named} {d.mean:+.3f} [{d.low:+.3f}, {d.high:+.3f}], n = {d.n}"
    if max(d.n_a, d.n_b) > d.n:
        shown += f" (of {d.n_a} and {d.n_b} that have a value, only those both have)"
    return shown
