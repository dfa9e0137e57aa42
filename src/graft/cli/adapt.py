"""graft adapt"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from graft.cli.session import (
    JsonOption,
    SetOption,
    StrictOption,
    WaitOption,
    opened,
    screen,
    stricter,
)
from graft.core.errors import CheckFailed

if TYPE_CHECKING:
    from graft.api import Adapted


def adapt(
    context: typer.Context,
    paths: Annotated[list[str] | None, typer.Argument(help="Documents to ingest first.")] = None,
    examples: Annotated[str, typer.Option(help="Use this example set instead of making one.")] = "",
    promote: Annotated[
        bool, typer.Option("--promote", help="Put the release into use if the gate lets it.")
    ] = False,
    require_gain: Annotated[
        bool, typer.Option("--require-gain", help="Exit 1 unless the verdict is to promote.")
    ] = False,
    strict: StrictOption = False,
    settings: SetOption = None,
    seed: Annotated[int, typer.Option(help="The seed of everything random.")] = 0,
    wait: WaitOption = 0.0,
    as_json: JsonOption = False,
) -> None:
    """The whole loop: ingest, make questions, tune, evaluate, judge, report.

    It ends with a verdict, a release that `graft release promote` puts into use if the verdict is
    to promote, and a report. Keeping what you have is a normal end.
    """
    with screen(as_json, seed) as shown:
        workspace = opened(context, shown, stricter(settings, strict), wait=wait)
        done = workspace.adapt(*(paths or ()), examples=examples, promote=promote)
        if as_json:
            shown.json(done.to_dict())
        else:
            show_adapted(shown.out, done)
    if require_gain and not done.verdict.passed:
        raise CheckFailed(f"--require-gain: {done.verdict.sentence}")


def show_adapted(out: Console, done: Adapted) -> None:
    """Print the tables, the verdict with its findings, and where the report is."""
    from graft.cli.tables import show_results

    show_results(out, done.results)
    out.print()
    for name, value in done.facts:
        out.print(f"{name}: {value}", markup=False)
    style = "bold green" if done.verdict.passed else "bold"
    out.print(f"\nverdict: {done.verdict.sentence}", style=style, markup=False)
    if done.verdict.basis:
        out.print(f"  judged {done.verdict.basis}", markup=False)
    for finding in done.verdict.findings:
        out.print(f"  {finding.rule}: {finding.sentence}", markup=False)
    if done.promoted:
        out.print(f"release {done.release} is in use")
    elif done.verdict.passed:
        out.print(f"put it into use: graft release promote {done.release}")
    out.print(f"report: {done.report}", markup=False, soft_wrap=True)
