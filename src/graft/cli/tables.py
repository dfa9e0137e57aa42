"""Tables of results, as a terminal shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from graft.evaluate.columns import COLUMNS

if TYPE_CHECKING:
    from graft.evaluate.result import SplitResult

HEADINGS: Mapping[str, str] = {
    "answer_f1": "answer\nF1",
    "token_f1": "token\nF1",
    "exact_match": "exact\nmatch",
    "rouge_l": "ROUGE\n-L",
    "support": "sup-\nport",
    "citation_precision": "cited\nright",
    "citation_recall": "gold\ncited",
    "right_declines": "decl.\nright",
    "wrong_declines": "decl.\nwrong",
    "nDCG@10": "nDCG\n@10",
    "MRR@10": "MRR\n@10",
    "Recall@5": "Rec.\n@5",
    "Recall@10": "Rec.\n@10",
}
"""What a column is headed in a terminal, where every letter counts."""

LEAST = ("Recall@5", "rouge_l", "token_f1", "MRR@10", "citation_precision", "exact_match")
"""What is left out first where a terminal is too narrow; the report and --json have it all."""

MAIN = ("base", "rag", "ft", "rag+ft")


def show_results(out: Console, results: Mapping[str, SplitResult]) -> None:
    """Print each split's systems, and the differences that tell something."""
    for split, result in results.items():
        out.print(f"\n[bold]{split}[/]: {result.n} questions, {result.groups} groups of documents")
        held = [m for m in COLUMNS if any(s.get(m) and s[m].n for s in result.systems.values())]
        out.print(_systems(result, _fitting(held, result, out.width)))
        if result.differences:
            _show_differences(out, result)


def _fitting(measures: Sequence[str], result: SplitResult, width: int) -> list[str]:
    """Return the measures whose columns fit beside the names of the systems."""
    left = list(measures)
    names = max(len(name) for name in result.systems)
    for measure in LEAST:
        if names + sum(2 + max(map(len, _heading(m).split("\n"))) for m in left) <= width:
            break
        if measure in left:
            left.remove(measure)
    return left


def _heading(measure: str) -> str:
    return HEADINGS.get(measure, measure)


def _systems(result: SplitResult, measures: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("system", no_wrap=True)
    for measure in measures:
        table.add_column(_heading(measure), justify="right", no_wrap=True)
    for name, means in result.systems.items():
        cells = [_cell(means, measure) for measure in measures]
        table.add_row(name, *cells, style="bold" if name in MAIN else "")
    return table


def _cell(means: Mapping[str, object], measure: str) -> str:
    mean = means.get(measure)
    shown = getattr(mean, "mean", None)
    if shown is None or not getattr(mean, "n", 0):
        return "–"
    text = f"{shown:.3f}"
    return text[1:] if text.startswith("0.") else text


def _show_differences(out: Console, result: SplitResult) -> None:
    """Print the differences on the first measure, and any other that is clear."""
    first = result.differences[0].measure
    shown = [d for d in result.differences if d.measure == first or _clear(d)]
    table = Table(box=None, pad_edge=False)
    interval = f"{100 * result.confidence:g} % interval"
    for name, side in (("difference", "left"), ("measure", "left"), ("mean", "right"),
                       (interval, "right"), ("p", "right"), ("", "left")):  # fmt: skip
        table.add_column(name, justify=side, no_wrap=True)  # type: ignore[arg-type]
    for d in shown:
        word = "small set" if d.small else ("clear" if _clear(d) else "")
        table.add_row(
            f"{d.a} → {d.b}", COLUMNS.get(d.measure, d.measure), f"{d.mean:+.3f}",
            f"{d.low:+.3f} … {d.high:+.3f}", f"{d.p_adjusted:.3f}", word,
        )  # fmt: skip
    out.print(table)
    if len(shown) < len(result.differences):
        out.print(f"[dim]{len(result.differences) - len(shown)} more, none clear: see the report")


def _clear(d: object) -> bool:
    small, low, high = (getattr(d, name) for name in ("small", "low", "high"))
    return not small and (low > 0 or high < 0)
