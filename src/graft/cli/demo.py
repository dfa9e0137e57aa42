"""graft demo"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graft.cli.adapt import show_adapted
from graft.cli.session import JsonOption, Place, screen

WORKSPACE = "graft-demo"


def demo(
    context: typer.Context,
    seed: Annotated[int, typer.Option(help="The seed of everything random.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Adapt to real documents that every Python has: its language reference and docstrings.

    It all goes into a workspace of its own: graft-demo, unless -w names another.
    """
    place: Place = context.obj
    root = place.root if place.named else Path(WORKSPACE)
    with screen(as_json, seed) as shown:
        from graft.api import Workspace

        done = Workspace(root, context=shown.context).demo()
        if as_json:
            shown.json(done.to_dict())
        else:
            show_adapted(shown.out, done)
