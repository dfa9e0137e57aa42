"""The command line: one module a verb, errors as one sentence, exit codes that scripts can use."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Annotated

import typer

from graft import __version__
from graft.cli import (
    adapt,
    ask,
    demo,
    doctor,
    evaluate,
    examples,
    ingest,
    init,
    library,
    release,
    search,
    tune,
)
from graft.cli.session import Place
from graft.core.errors import GraftError, SetupError

HELP = """\
Joins your documents (retrieval) and small trained parts (fine-tuning) to an open language model,
and lets the result ship only when it has proved that it is better.

\b
  graft ingest docs/          read documents, so that the library mirrors the folder
  graft ask "How ...?"        a cited answer, or a plain word that there is none
  graft adapt docs/           the whole loop: questions, tuning, evaluation, verdict, report
  graft release promote 1     put what passed the gate into use

\b
Exit codes: 0 done, 1 a check that was asked for failed, 2 bad input, 3 the environment failed,
130 interrupted.
"""

app = typer.Typer(
    name="graft", help=HELP, no_args_is_help=True, rich_markup_mode=None,
    pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip

for module in (init, ingest, search, ask, adapt, evaluate, doctor, demo):
    kind = getattr(module, "COMMAND", None)
    app.command(cls=kind)(getattr(module, module.__name__.rpartition(".")[2]))
app.add_typer(library.app, name="library")
app.add_typer(examples.app, name="examples")
app.add_typer(tune.app, name="tune")
app.add_typer(release.app, name="release")


def _version(value: bool) -> None:
    if value:
        typer.echo(f"graft {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    workspace: Annotated[
        Path | None,
        typer.Option(
            "-w",
            "--workspace",
            metavar="DIR",
            help="The workspace's folder; the current one otherwise.",
            show_default=False,
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    from graft.wire import require_folder

    context.obj = Place(require_folder(workspace or Path()), named=workspace is not None)


def main() -> None:
    """Run the command line; a mistake of the user's ends in one sentence, not in a traceback."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    signal.signal(signal.SIGINT, _interrupt)
    try:
        app()
    except GraftError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # the reader of our output went away, as `graft search ... | head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, sqlite3.OperationalError) as error:
        sys.stderr.write(f"error: {_refused(error)}\n")
        sys.exit(SetupError.exit_code)


def _refused(error: OSError | sqlite3.OperationalError) -> str:
    """Return what the disk or the network refused, in one sentence."""
    told = " ".join((getattr(error, "strerror", None) or str(error)).split())
    name = getattr(error, "filename", None)
    if name is None:
        return f"the system refused ({told}): check the workspace's folder, its disk and its rights"
    return f"{name} cannot be used ({told}): check that it may be read or written, or name another"


def _interrupt(number: int, frame: object) -> None:
    sys.stderr.write("interrupted; what was published before is whole\n")
    sys.exit(130)
