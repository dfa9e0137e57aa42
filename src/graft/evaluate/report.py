"""The report: one self-contained HTML file that a person can read, keep and send on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

from graft.core.measure import measure_named
from graft.evaluate.about import About, LossCurve
from graft.evaluate.compare import Difference
from graft.evaluate.draw import Axis, forest_axis, polyline
from graft.evaluate.gate import Verdict
from graft.evaluate.result import SplitResult


def render(about: About, results: Mapping[str, SplitResult], verdict: Verdict | None = None) -> str:
    """Return the report as one HTML page that loads nothing else."""
    environment = Environment(
        loader=PackageLoader("graft.evaluate"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "heading": lambda name: measure_named(name).heading,
        "signed": lambda value: f"{value:+.3f}",
        "seconds": _seconds,
        "bytes": lambda value: f"{value / 2**30:.2f} GiB" if value else "–",
    }
    made = datetime.fromtimestamp(about.created, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return environment.get_template("report.html").render(
        about=about,
        results=results,
        verdict=verdict,
        made=made,
        forest=_forest,
        chart=_chart,
        best=_best,
    )


def _best(result: SplitResult, measure: str) -> float:
    means = [m[measure].mean for m in result.systems.values() if measure in m and m[measure].n]
    if not means or len(set(means)) == 1:
        return math.nan
    return min(means) if measure_named(measure).lower_is_better else max(means)


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


def _forest(differences: Sequence[Difference], confidence: float) -> tuple[Axis, list[ForestRow]]:
    axis = forest_axis([(d.low, d.high) for d in differences])
    rows = []
    for d in differences:
        sign = -1 if measure_named(d.measure).lower_is_better else 1
        tone = "good" if sign * d.mean > 0 else "bad"
        if not d.clear(confidence):
            tone = "open"
        rows.append(ForestRow(d, axis.at(d.low), axis.at(d.mean), axis.at(d.high), tone))
    return axis, rows


def _chart(curve: LossCurve) -> tuple[dict[str, str], float, float, int]:
    """Return a loss chart's lines in a 100 by 50 box, by name, its loss bounds and last step."""
    points = [*curve.train, *curve.dev]
    last = max((step for step, _ in points), default=1)
    losses = [loss for _, loss in points]
    low, high = (min(losses), max(losses)) if losses else (0.0, 1.0)
    box = (0.0, float(max(last, 1)), low, high if high > low else low + 1)
    lines = {"train": polyline(curve.train, box), "dev": polyline(curve.dev, box)}
    return lines, low, high, last
