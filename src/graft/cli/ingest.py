"""graft ingest"""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from graft.cli.session import JsonOption, SetOption, WaitOption, opened, screen
from graft.core.errors import InputError
from graft.core.left_out import told_left_out

if TYPE_CHECKING:
    from graft.api import Ingested


def ingest(
    context: typer.Context,
    paths: Annotated[list[str], typer.Argument(help="Files, folders, globs or BEIR folders.")],
    access: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Who may see these documents (repeatable). Without it, a path keeps what it was "
            "ingested with, and a new one is for everyone.",
        ),
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="Everyone may see these documents, from now on.")
    ] = False,
    settings: SetOption = None,
    wait: WaitOption = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Add, update and remove documents so that the library mirrors PATHS.

    A file that has not changed costs nothing; a file that is gone is removed, but only under a
    path that is named now. A file that cannot be read is reported and stops nothing.
    """
    if public and access:
        raise InputError("--public and --access say two things: pass one of them")
    with screen(as_json) as shown:
        # no word on access keeps what is stored; an empty list opens to everyone
        readers = () if public else access or None
        done = opened(context, shown, settings, wait=wait).ingest(*paths, access=readers)
        if as_json:
            shown.json(done.to_dict())
            return
        show_ingested(shown.out, done)


def show_ingested(out: Console, done: Ingested) -> None:
    """Print what an ingest did, and what could not be read."""
    out.print(
        f"{done.documents:,} documents, {done.passages:,} passages "
        f"(+{done.added:,} ~{done.updated:,} -{done.removed:,} ={done.unchanged:,}) "
        f"in {done.seconds:.1f} s"
    )
    for failure in done.failed[:20]:
        out.print(f"  not read: {failure.path}: {failure.reason}", markup=False)
    if len(done.failed) > 20:
        out.print(f"  and {len(done.failed) - 20} more: graft ingest --json lists them all")
    counts: Counter[str] = Counter()
    for each in done.left_out:
        counts.update(each.counts)
    if counts:
        told = told_left_out(dict(counts.most_common()))
        files = f"{len(done.left_out)} document{'s' if len(done.left_out) > 1 else ''}"
        out.print(f"  left out of {files}: {told} (graft library show ID)", markup=False)
    for path, count in done.absent.items():
        out.print(
            f"  {path} is not there any more, and {count:,} documents from it stay: if it was "
            f"renamed or is gone, graft library remove --under {shlex.quote(path)}",
            markup=False,
        )
    for group in done.duplicates[:10]:
        out.print(f"  {group.kind} duplicates: {', '.join(group.ids)}", markup=False)
    if len(done.duplicates) > 10:
        out.print(f"  and {len(done.duplicates) - 10} more groups of duplicates")
