"""graft ask"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from graft.cli.search import AsOption, ReleaseOption
from graft.cli.session import JsonOption, Place, SetOption, parse_flags, screen
from graft.core.answer import Answer


def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="The question.")],
    release: ReleaseOption = None,
    principals: AsOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer from the documents with citations, or decline and say what was looked for."""
    from graft.jobs.ask import ask as job
    from graft.jobs.ask import stream
    from graft.jobs.search import answer_dict
    from graft.wire import open_workspace

    place: Place = context.obj
    with screen(as_json) as shown:
        workspace = open_workspace(place.root, parse_flags(settings))
        who = frozenset(principals) if principals is not None else None
        if as_json:
            (answer,) = job(
                workspace, [question], release=release, principals=who, ctx=shown.context
            )
            shown.json(answer_dict(answer))
            return
        for piece in stream(
            workspace, question, release=release, principals=who, ctx=shown.context
        ):
            if isinstance(piece, Answer):
                _final(shown.out, piece)
            elif shown.err.is_terminal:
                # provisional words go to the terminal; the checked answer follows on stdout
                shown.err.out(piece, end="", style="dim", highlight=False)


def _final(out: Console, answer: Answer) -> None:
    out.print()
    text, sources = answer.cited()
    out.print(text, markup=False)
    for start, end in answer.unsupported:
        out.print(f"  not supported: {answer.text[start:end]}", markup=False, style="yellow")
    for source in sources:
        out.print(f"  {source}", markup=False, style="dim")
    word = "declined" if answer.declined else f"support {answer.support:.2f}"
    out.print(
        f"  release {answer.release}, library version {answer.library_version}, {word}",
        style="dim", markup=False,
    )  # fmt: skip
