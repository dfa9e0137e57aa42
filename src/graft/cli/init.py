"""graft init"""

from __future__ import annotations

import typer

from graft.cli.session import JsonOption, Place, screen


def init(context: typer.Context, as_json: JsonOption = False) -> None:
    """Write a commented graft.toml into the workspace."""
    from graft.jobs.init import init as job

    place: Place = context.obj
    path = job(place.root)
    with screen(as_json) as shown:
        if as_json:
            shown.json({"path": str(path)})
        else:
            shown.out.print(f"wrote {path}: every setting with its default")
