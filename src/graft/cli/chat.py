"""graft chat"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from graft.cli.ask import show_pieces
from graft.cli.question import AsOption, ReleaseOption, WhereOption, filtered
from graft.cli.session import JsonOption, Screen, SetOption, opened, screen
from graft.core.errors import GraftError

if TYPE_CHECKING:
    from graft.api import Chat

COMMANDS = "/sources shows what the last answer rests on, /new begins anew, /quit ends"


def chat(
    context: typer.Context,
    release: ReleaseOption = None,
    where: WhereOption = "",
    principals: AsOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask one question after the other, each with the turns before it.

    Every answer is checked and cited as that of `graft ask`. /sources shows what the last answer
    rests on, /new begins anew, /quit or the end of the input ends. Ctrl-C stops an answer, not the
    session. Where the input is no terminal, each line is a question; with --json, each answer is a
    line.
    """
    failed: GraftError | None = None
    with screen(as_json, moving=False) as shown, _interruptible():
        talk = opened(context, shown, settings).chat(
            release=release, filter=filtered(where), principals=principals
        )
        if sys.stdin.isatty():
            shown.err.print(COMMANDS, style="dim")
        while True:
            try:
                line = _read()
                if line is None or line == "/quit":
                    break
                failed = _turn(shown, talk, line) or failed
            except KeyboardInterrupt:
                shown.err.print("\nstopped; /quit ends")
    # A person has seen it; a script that fed the questions learns of it by the exit code.
    if failed and not sys.stdin.isatty():
        raise typer.Exit(failed.exit_code)


def _read() -> str | None:
    """Return the next line, or None at the end of the input."""
    if sys.stdin.isatty():
        try:
            return input("\n? ").strip()
        except EOFError:
            return None
    line = sys.stdin.readline()
    return line.strip() if line else None


def _turn(shown: Screen, talk: Chat, line: str) -> GraftError | None:
    """Do what a line says; return what failed."""
    if line == "/new":
        talk.clear()
    elif line == "/sources":
        _sources(shown, talk)
    elif line.startswith("/") and line[1:].isalpha():
        shown.err.print(f"there is no command {line}: {COMMANDS}", markup=False)
    elif line:
        try:
            if shown.as_json:
                shown.json(talk.ask(line).to_dict(), indent=None)
            else:
                show_pieces(shown, talk.stream(line))
        except GraftError as error:
            shown.err.print(f"error: {error}", markup=False)
            return error
    return None


def _sources(shown: Screen, talk: Chat) -> None:
    """Print the passages that the last answer was written from."""
    hits = [] if talk.last is None else talk.last.to_dict()["hits"]
    if shown.as_json:
        shown.json({"hits": hits}, indent=None)
    elif not hits:
        shown.out.print("no answer rests on anything yet")
    for hit in () if shown.as_json else hits:
        place = f"{hit['document_id']}:{hit['start']}-{hit['end']}"
        shown.out.print(f"[{hit['rank']}] {place}  {hit['title']}", style="bold", markup=False)
        shown.out.print(hit["text"], markup=False)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt at once, also while a reply is waited for."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
