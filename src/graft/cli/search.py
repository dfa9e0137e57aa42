"""graft search"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from graft.cli.session import JsonOption, Place, SetOption, parse_flags, screen

AsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--as", metavar="NAME",
        help="Ask as this principal (repeatable); the workspace's owner otherwise sees all.",
    ),
]  # fmt: skip
ReleaseOption = Annotated[
    int | None, typer.Option("--release", help="Use this release; the current one otherwise.")
]


def search(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="What to look for.")],
    limit: Annotated[int, typer.Option("-k", "--limit", min=1, help="How many passages.")] = 10,
    release: ReleaseOption = None,
    principals: AsOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show ranked passages, with what each stage contributed."""
    from graft.jobs.search import search as job
    from graft.wire import open_workspace

    place: Place = context.obj
    with screen(as_json) as shown:
        workspace = open_workspace(place.root, parse_flags(settings))
        who = frozenset(principals) if principals is not None else None
        found = job(
            workspace, query, limit=limit, release=release, principals=who, ctx=shown.context
        )
        if as_json:
            shown.json(found.to_dict())
            return
        if not found.hits:
            shown.out.print("nothing found")
            return
        names = list(dict.fromkeys(name for hit in found.hits for name in hit.stages))
        table = Table(box=None, pad_edge=False, show_edge=False)
        table.add_column("#", justify="right")
        for name in names:
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("passage", overflow="fold")
        for rank, hit in enumerate(found.hits, start=1):
            shares = [hit.stages.get(name) for name in names]
            cells = [f"{c.rank} ({c.score:.3f})" if c else "–" for c in shares]
            text = " ".join(hit.passage.text.split())[:160] if hit.passage else ""
            table.add_row(str(rank), *cells, f"[bold]{_safe(hit.document_id)}[/]  {_safe(text)}")
        shown.out.print(table)
        shown.out.print(f"[dim]{_safe(found.pipeline)}\neach stage: rank (score)")


def _safe(text: str) -> str:
    return text.replace("[", r"\[")
