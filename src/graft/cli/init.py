"""graft init"""

from __future__ import annotations

import typer

from graft.cli.session import JsonOption, opened, screen


def init(context: typer.Context, as_json: JsonOption = False) -> None:
    """Write a commented graft.toml into the workspace."""
    with screen(as_json) as shown:
        path = opened(context, shown).init()
        if as_json:
            shown.json({"path": str(path)})
        else:
            shown.out.print(f"wrote {path}: every setting with its default")
