"""Tables of results, as a terminal shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from graft.evaluate.columns import COLUMNS

if TYPE_CHECKING:
    from graft.evaluate.result import SplitResult


def show_results(out: Console, results: Mapping[str, SplitResult]) -> None:
    """Print each split's systems, and the differences that were asked for."""
    for split, result in results.items():
        out.print(f"\n[bold]{split}[/]: {result.n} questions, {result.groups} groups of documents")
        measures = [m for m in COLUMNS if any(s.get(m) and s[m].n for s in result.systems.values())]
        table = Table(box=None, pad_edge=False)
        table.add_column("system")
        for measure in measures:
            table.add_column(COLUMNS[measure], justify="right")
        for name, means in result.systems.items():
            cells = [_cell(means, measure) for measure in measures]
            main = name in ("base", "rag", "ft", "rag+ft")
            table.add_row(name, *cells, style="bold" if main else "")
        out.print(table)
        if result.differences:
            out.print(_differences(result))


def _cell(means: Mapping[str, object], measure: str) -> str:
    mean = means.get(measure)
    shown = getattr(mean, "mean", None)
    return "–" if shown is None or not getattr(mean, "n", 0) else f"{shown:.3f}"


def _differences(result: SplitResult) -> Table:
    table = Table(box=None, pad_edge=False)
    interval = f"{100 * result.confidence:g} % interval"
    for name, side in (("difference", "left"), ("measure", "left"), ("mean", "right"),
                       (interval, "right"), ("p", "right"), ("", "left")):  # fmt: skip
        table.add_column(name, justify=side)  # type: ignore[arg-type]
    for d in result.differences:
        word = "too small to tell" if d.small else ("clear" if d.low > 0 or d.high < 0 else "")
        table.add_row(
            f"{d.a} → {d.b}", COLUMNS.get(d.measure, d.measure), f"{d.mean:+.3f}",
            f"{d.low:+.3f} … {d.high:+.3f}", f"{d.p_adjusted:.3f}", word,
        )  # fmt: skip
    return table
