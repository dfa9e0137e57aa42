"""The report: one self-contained HTML file that a person can read, keep and send on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

from graft.evaluate.columns import COLUMNS
from graft.evaluate.compare import Difference, Mean
from graft.evaluate.draw import Axis, Line, forest_axis, polyline
from graft.evaluate.gate import Verdict
from graft.evaluate.result import SplitResult


@dataclass(frozen=True)
class Curve:
    """One training's losses: (step, loss) points for train and for dev."""

    name: str
    train: tuple[tuple[int, float], ...]
    dev: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Cost:
    """What one step took: seconds of wall time, and the most memory in bytes (0 unknown)."""

    step: str
    seconds: float
    bytes: int = 0
    note: str = ""


@dataclass(frozen=True)
class Section:
    """One table of systems on one split, with what it is and how to read it."""

    title: str
    about: str
    result: SplitResult


@dataclass(frozen=True)
class Report:
    """Everything that the page shows. `created` is in seconds since the epoch."""

    title: str
    created: float
    command: str
    verdict: Verdict | None
    sections: Sequence[Section]
    curves: Sequence[Curve] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)
    costs: Sequence[Cost] = ()
    facts: Sequence[tuple[str, str]] = ()
    lineage: Sequence[tuple[str, str]] = ()


def render(report: Report) -> str:
    """Return the report as one HTML page that loads nothing else."""
    environment = Environment(
        loader=PackageLoader("graft.evaluate"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "share": _share,
        "signed": lambda value: f"{value:+.3f}",
        "seconds": _seconds,
        "bytes": lambda value: f"{value / 2**30:.2f} GiB" if value else "–",
    }
    made = datetime.fromtimestamp(report.created, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return environment.get_template("report.html").render(
        report=report, made=made, columns=COLUMNS, shown=_shown, forest=_forest, chart=_chart,
        best=_best,
    )  # fmt: skip


def _shown(result: SplitResult) -> list[str]:
    """Return the measures that any system of a table has."""
    held = {
        measure
        for measures in result.systems.values()
        for measure, mean in measures.items()
        if mean.n
    }
    return [measure for measure in COLUMNS if measure in held]


def _best(result: SplitResult, measure: str) -> float:
    means = [m[measure].mean for m in result.systems.values() if measure in m and m[measure].n]
    if not means or len(set(means)) == 1:
        return math.nan
    return min(means) if measure == "wrong_declines" else max(means)


def _share(mean: Mean | None) -> str:
    """Return a mean as the page shows it, without a leading zero."""
    if mean is None or not mean.n:
        return "–"
    text = f"{mean.mean:.3f}"
    return text[1:] if text.startswith("0.") else text


def _seconds(value: float) -> str:
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 120:
        return f"{value:.1f} s"
    return f"{value / 60:.1f} min"


@dataclass(frozen=True)
class ForestRow:
    """One difference as drawn: positions in per cent of the axis."""

    difference: Difference
    low: float
    mean: float
    high: float
    tone: str


def _forest(differences: Sequence[Difference]) -> tuple[Axis, list[ForestRow]]:
    axis = forest_axis([(d.low, d.high) for d in differences])
    rows = []
    for d in differences:
        sign = -1 if d.measure == "wrong_declines" else 1
        clear = d.low > 0 or d.high < 0
        tone = "open" if d.small or not clear else ("good" if sign * d.mean > 0 else "bad")
        rows.append(ForestRow(d, axis.at(d.low), axis.at(d.mean), axis.at(d.high), tone))
    return axis, rows


def _chart(curve: Curve) -> tuple[list[Line], float, float, int]:
    """Return the lines of a loss chart in a 100 by 50 box, its loss bounds and last step."""
    points = [*curve.train, *curve.dev]
    last = max((step for step, _ in points), default=1)
    losses = [loss for _, loss in points]
    low, high = (min(losses), max(losses)) if losses else (0.0, 1.0)
    box = (0.0, float(max(last, 1)), low, high if high > low else low + 1)
    lines = [Line("train", polyline(curve.train, box)), Line("dev", polyline(curve.dev, box))]
    return lines, low, high, last
