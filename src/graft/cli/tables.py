"""Tables of results, as a terminal shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from graft.core.measure import Measure, measure_named

if TYPE_CHECKING:
    from graft.evaluate.result import SplitResult


def show_results(out: Console, results: Mapping[str, SplitResult]) -> None:
    """Print each split's systems, and the differences that tell something."""
    for split, result in results.items():
        out.print(f"\n[bold]{split}[/]: {result.n} questions, {result.groups} groups of documents")
        out.print(_systems(result, _fitting(result, out.width)))
        if result.differences:
            _show_differences(out, result)


def _fitting(result: SplitResult, width: int) -> list[Measure]:
    """Return the measures whose columns fit beside the names of the systems.

    What is spared first is the measures' own matter; the report and --json have it all.
    """
    left = [measure_named(name) for name in result.shown]
    names = max(map(len, result.systems), default=0)
    for measure in sorted(left, key=lambda measure: -measure.spare):
        wide = names + sum(2 + max(map(len, each.short.split("\n"))) for each in left)
        if wide <= width or not measure.spare:
            break
        left.remove(measure)
    return left


def _systems(result: SplitResult, measures: Sequence[Measure]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("system", no_wrap=True)
    for measure in measures:
        table.add_column(measure.short, justify="right", no_wrap=True)
    for name, means in result.systems.items():
        cells = [str(means.get(measure.name, "–")) for measure in measures]
        table.add_row(name, *cells, style="bold" if name in result.plan.leading else "")
    return table


def _show_differences(out: Console, result: SplitResult) -> None:
    """Print the differences on the first measure, and any other that is clear."""
    first = result.differences[0].measure
    shown = [d for d in result.differences if d.measure == first or d.clear(result.confidence)]
    table = Table(box=None, pad_edge=False)
    interval = f"{100 * result.confidence:g} % interval"
    for name, side in (("difference", "left"), ("measure", "left"), ("mean", "right"),
                       (interval, "right"), ("p", "right"), ("", "left")):  # fmt: skip
        table.add_column(name, justify=side, no_wrap=True)  # type: ignore[arg-type]
    for d in shown:
        word = "small set" if d.small else ("clear" if d.clear(result.confidence) else "")
        table.add_row(
            f"{d.a} → {d.b}", measure_named(d.measure).heading, f"{d.mean:+.3f}",
            f"{d.low:+.3f} … {d.high:+.3f}", f"{d.p_adjusted:.3f}", word,
        )  # fmt: skip
    out.print(table)
    if len(shown) < len(result.differences):
        out.print(f"[dim]{len(result.differences) - len(shown)} more, none clear: see the report")
