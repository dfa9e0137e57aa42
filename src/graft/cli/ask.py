"""graft ask"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from graft.cli.ingest import show_ingested
from graft.cli.question import AsOption, HistoryOption, ReleaseOption, WhereOption, asked
from graft.cli.session import JsonOption, Screen, SetOption, WaitOption, opened, screen

if TYPE_CHECKING:
    from graft.core.answer import Answer


def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="The question.")],
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="Documents to ingest first, as graft ingest does."),
    ] = None,
    release: ReleaseOption = None,
    history: HistoryOption = "",
    where: WhereOption = "",
    principals: AsOption = None,
    settings: SetOption = None,
    wait: WaitOption = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Answer from the documents with citations, or decline and say what was looked for.

    With PATHS it reads them first, so that the library mirrors them; what has not changed since
    costs nothing.
    """
    with screen(as_json) as shown:
        search = asked(question, history=history, where=where, principals=principals)
        workspace = opened(context, shown, settings, wait=wait)
        if paths:
            show_ingested(shown.err, workspace.ingest(*paths))  # the output is the answer alone
        if as_json:
            shown.json(workspace.ask(search, release=release).to_dict())
        else:
            show_pieces(shown, workspace.stream(search, release=release))


def show_pieces(shown: Screen, pieces: Iterable[str | Answer]) -> None:
    """Print an answer as it comes: provisional words, then what was checked."""
    for piece in pieces:
        if not isinstance(piece, str):
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
    if answer.finish_reason == "length":
        cut = "cut at generate.max_new_tokens: raise it for the rest"
        out.print(f"  {cut}", markup=False, style="yellow")
    for source in sources:
        out.print(f"  {source}", markup=False, style="dim")
    word = "declined" if answer.declined else f"support {answer.support:.2f}"
    out.print(
        f"  release {answer.release}, library version {answer.library_version}, {word}",
        style="dim", markup=False,
    )  # fmt: skip
