"""graft evaluate"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperCommand

from graft.cli.session import JsonOption, SetOption, StrictOption, opened, screen, stricter
from graft.core.errors import InputError


class COMMAND(TyperCommand):
    """Ends its help with the measures; they are looked for when help is asked for."""

    @property
    def epilog(self) -> str:
        from graft.core.measure import FAMILIES, measures_taken

        told = [
            f"  {m.name}: {m.about} [{m.paper}; needs {', '.join(m.needs)}]"
            for m in measures_taken()
        ]
        families = ", ".join(f"{family.name}@K" for family in FAMILIES.all().values())
        named = f"Named in graft.toml alone (evaluate.measures, gate), for any depth: {families}."
        return "\b\nMeasures:\n" + "\n".join(told) + "\n\n" + named

    @epilog.setter
    def epilog(self, value: str | None) -> None:
        """Take what Typer sets, which is nothing."""


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
    cells: Annotated[
        list[str] | None,
        typer.Option(
            "--cell",
            metavar="NAME=RUN",
            help="A run of `graft tune generator` as a cell; repeat it. NAME is asked without "
            "passages, rag+NAME with what is retrieved, NAME/gold with the evidence; NAME alone is "
            "also asked with both, as NAME/retrieved and NAME/gold.",
        ),
    ] = None,
    again: Annotated[
        list[str] | None,
        typer.Option(
            "--again",
            metavar="ID",
            help="Score an evaluation again from its rows, or, repeated, compare several; no model "
            "is asked.",
        ),
    ] = None,
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
    strict: StrictOption = False,
    seed: Annotated[int, typer.Option(help="The seed of the sample and of the intervals.")] = 0,
    examples: Annotated[str, typer.Option(help="The set's id; the latest otherwise.")] = "",
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score systems with paired intervals: the cells, releases, runs, or a BEIR folder.

    Without --beir, --release, --run or --again: the cells on the example set's test splits. The
    latest runs of `graft tune generator` are used where no --cell names one: what was tuned
    without passages as ft, with them as rag+ft. With --beir, a --run is one of a retriever, a
    fusion or a reranker. An evaluation that was interrupted goes on when it is called again.
    Questions that a run was trained on, in the same words or in others, are left out for every
    system, and told; where they are many, nothing is asked.
    """
    named = _cells(cells or [])
    if trec and not beir:
        raise InputError("--trec writes the rankings of a BEIR folder: name it with --beir")
    if named and (again or releases or runs) and not answers:
        raise InputError("--cell names a cell: leave out --release, --run and --again")
    if named and beir and not answers:
        raise InputError("--cell with --beir needs --answers, which the cells are scored on")
    with screen(as_json, seed) as shown:
        workspace = opened(context, shown, stricter(settings, strict))
        if again:
            done = workspace.evaluate_again(*again)
        elif beir:
            done = workspace.evaluate_beir(
                beir, runs or (), split=split, cells=named if answers else None, limit=limit
            )
            if trec:
                from graft.examples.trec import write_runs

                write_runs(done.rankings, Path(trec))
        elif releases or runs:
            done = workspace.compare(releases or (), runs or (), examples=examples, limit=limit)
        else:
            done = workspace.evaluate(examples=examples, cells=named, limit=limit)
        if as_json:
            shown.json(done.to_dict())
        else:
            from graft.cli.tables import show_results

            show_results(shown.out, done.results)
            shown.out.print(f"report: {done.report}", markup=False)


def _cells(words: list[str]) -> dict[str, str]:
    """Return cells with their runs, each written NAME=RUN. Raises InputError.

    >>> _cells(["ft=generator-1", "rag+ft=runs/generator-2"])
    {'ft': 'generator-1', 'rag+ft': 'runs/generator-2'}
    """
    found: dict[str, str] = {}
    for word in words:
        name, equals, run = word.partition("=")
        if not equals or not run:
            raise InputError(f"--cell {word!r} names no run: write --cell {name or 'NAME'}=RUN")
        if found.setdefault(name, run) != run:
            raise InputError(f"--cell names {name!r} twice: give each run a name of its own")
    return found
