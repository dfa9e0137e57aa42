"""graft evaluate"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graft.cli.session import JsonOption, SetOption, opened, screen
from graft.cli.tables import show_results
from graft.core.errors import InputError
from graft.examples.trec import write_runs


def evaluate(
    context: typer.Context,
    beir: Annotated[
        str, typer.Option(metavar="FOLDER", help="Score an ingested BEIR folder on its qrels.")
    ] = "",
    split: Annotated[str, typer.Option(help="The BEIR split.")] = "test",
    answers: Annotated[
        bool, typer.Option("--answers", help="With --beir: also the cells, on answers.jsonl.")
    ] = False,
    trec: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="With --beir: write the rankings as TREC runs, told apart by their tag.",
        ),
    ] = "",
    closed: Annotated[
        str, typer.Option(help="The run (runs/ID) tuned without passages, for the cells.")
    ] = "",
    raft: Annotated[
        str, typer.Option(help="The run (runs/ID) tuned with passages, for the cells.")
    ] = "",
    releases: Annotated[
        list[int] | None,
        typer.Option("--release", metavar="N", help="Compare releases as they serve; repeat it."),
    ] = None,
    runs: Annotated[
        list[str] | None,
        typer.Option(
            "--run",
            metavar="ID",
            help="Compare a run of `graft tune`, put into the release in use; repeat it.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Take a sample of questions.")] = 0,
    seed: Annotated[int, typer.Option(help="The seed of the sample and of the intervals.")] = 0,
    examples: Annotated[str, typer.Option(help="The set's id; the latest otherwise.")] = "",
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score systems with paired intervals: the cells, releases, runs, or a BEIR folder.

    Without --beir, --release or --run: the cells on the example set's test splits. The latest
    runs of `graft tune generator` are used where none are named. With --beir, a --run is one of a
    retriever, a fusion or a reranker.
    """
    if trec and not beir:
        raise InputError("--trec writes the rankings of a BEIR folder: name it with --beir")
    with screen(as_json, seed) as shown:
        workspace = opened(context, shown, settings)
        cells = {name: run for name, run in (("closed", closed), ("raft", raft)) if run}
        if beir:
            done = workspace.evaluate_beir(
                beir, split=split, answers=answers, runs=cells, added=runs or (), limit=limit
            )
            if trec:
                write_runs(done.rankings, Path(trec))
        elif releases or runs:
            done = workspace.compare(releases or (), runs or (), examples=examples, limit=limit)
        else:
            done = workspace.evaluate(examples=examples, runs=cells, limit=limit)
        if as_json:
            shown.json(done.to_dict())
        else:
            show_results(shown.out, done.results)
            shown.out.print(f"report: {done.report}", markup=False)
