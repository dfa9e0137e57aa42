"""graft release list / show / promote / rollback"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer
from rich.table import Table

from graft.cli.session import JsonOption, WaitOption, date, opened, screen
from graft.core.errors import InputError

app = typer.Typer(no_args_is_help=True, help="Show the releases, and switch between them.")


@app.command("list")
def list_(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the releases; the current one is marked."""
    with screen(as_json) as shown:
        rows = opened(context, shown).list_releases()
        if as_json:
            shown.json({"releases": rows})
            return
        if not rows:
            shown.out.print("no release yet: `graft ingest PATH` makes release 0")
            return
        table = Table(box=None, pad_edge=False)
        for name in ("", "release", "made", "verdict", "note"):
            table.add_column(name)
        for row in rows:
            made = date(row["created"])
            mark = "*" if row["current"] else ""
            verdict = row["verdict"] or "not judged"
            table.add_row(mark, str(row["number"]), made, verdict, row["note"])
        shown.out.print(table)


@app.command()
def show(
    context: typer.Context,
    number: Annotated[int | None, typer.Argument(help="The current one otherwise.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a release: settings, prompts, digests, and everything behind it."""
    with screen(as_json) as shown:
        detail = opened(context, shown).show_release(number)
        if as_json:
            shown.json(detail)
            return
        _print(shown.out.print, {**detail, "created": date(detail["created"])}, "")


@app.command()
def promote(
    context: typer.Context,
    number: Annotated[int | None, typer.Argument(help="The release to put into use.")] = None,
    runs: Annotated[
        list[str] | None,
        typer.Option("--run", metavar="ID", help="The release in use, with this run as its part."),
    ] = None,
    from_config: Annotated[
        bool, typer.Option("--config", help="Make a release of graft.toml as it stands.")
    ] = False,
    force: Annotated[bool, typer.Option(help="Promote although the gate did not say so.")] = False,
    wait: WaitOption = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Put a release into use, if the gate let it through (exit 1 if it did not).

    With --run (which may be repeated) or --config, a release is made first and put into use on
    your own word: no gate has judged it.
    """
    with screen(as_json) as shown:
        if (number is not None) + from_config + bool(runs) != 1:
            raise InputError(
                "name one release to promote (`graft release list`), or pass --run ID, or --config"
            )
        workspace = opened(context, shown, wait=wait)
        if number is None:
            number = workspace.propose(*(runs or ()))
            force = True
        now = workspace.promote(number, force=force)
        if as_json:
            shown.json({"release": now})
        else:
            shown.out.print(f"release {now} is in use")


@app.command()
def rollback(context: typer.Context, wait: WaitOption = 0.0, as_json: JsonOption = False) -> None:
    """Go back to the release in use before; the contents stay as they are now."""
    with screen(as_json) as shown:
        now = opened(context, shown, wait=wait).rollback()
        if as_json:
            shown.json({"release": now})
        else:
            shown.out.print(f"release {now} is in use")


def _print(write: Callable[..., None], value: object, indent: str) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, dict | list) and inner:
                write(f"{indent}{key}", style="bold")
                _print(write, inner, indent + "  ")
            elif inner not in ("", [], {}, None):
                write(f"{indent}{key} = {inner}", markup=False)
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, dict):
                _print(write, inner, indent)
                write("")
            else:
                write(f"{indent}{inner}", markup=False)
