"""What every command shares: the workspace, progress, output as a table or JSON, interrupts."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from graft.core.context import Context, Event

if TYPE_CHECKING:
    from graft.api import Workspace

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a setting for this call, a release's too, as in retrieve.depth=50.",
    ),
]
StrictOption = Annotated[
    bool,
    typer.Option(
        "--strict", help="Fail where one test question was trained on, instead of leaving it out."
    ),
]
WaitOption = Annotated[
    float, typer.Option(help="Seconds to wait while another process writes to the workspace.")
]


@dataclass(frozen=True)
class Place:
    """Where a command works: the workspace's folder, and whether -w named it."""

    root: Path
    named: bool = True


@dataclass
class Screen:
    """Results go to stdout; progress, notes and warnings go to stderr, and only a terminal moves.

    Notes collect while a bar is drawn and are printed above it.
    """

    as_json: bool
    out: Console = field(default_factory=lambda: _console(sys.stdout.isatty()))
    err: Console = field(default_factory=lambda: _console(sys.stderr.isatty(), stderr=True))
    context: Context = field(default_factory=Context)

    def json(self, value: Mapping[str, Any], *, indent: int | None = 2) -> None:
        """Print a value as JSON, one document; without an indent on one line, sent at once."""
        sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=indent) + "\n")
        sys.stdout.flush()


def stricter(settings: list[str] | None, strict: bool) -> list[str] | None:
    """Return what `--set` said with what `--strict` adds.

    >>> stricter(None, True), stricter(["seed=1"], False)
    (['evaluate.strict=true'], ['seed=1'])
    """
    return [*(settings or ()), "evaluate.strict=true"] if strict else settings


def date(seconds: float) -> str:
    """Return a time, in seconds since the epoch, as tables show it.

    >>> date(0.0)
    '1970-01-01 00:00 UTC'
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _console(terminal: bool, *, stderr: bool = False) -> Console:
    # A line that goes to a file or a pipe is left whole, for grep and for copying.
    return Console(stderr=stderr, highlight=False, soft_wrap=not terminal)


class Progressing:
    """Listens to events and draws a bar for each stage under way."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[counts]}"),
            console=console,
            transient=True,
        )
        self.tasks: dict[str, TaskID] = {}

    def __call__(self, event: Event) -> None:
        if event.phase in ("note", "warning"):
            show_note(self.console, event)
        elif event.phase == "start":
            task = self.progress.add_task(event.stage, total=event.total, counts="")
            self.tasks[event.stage] = task
        elif event.stage in self.tasks:
            task = self.tasks[event.stage]
            shown = "  ".join(f"{name} {value:.4g}" for name, value in event.counts.items())
            self.progress.update(task, completed=event.done, counts=shown)
            if event.phase == "end":
                self.progress.remove_task(self.tasks.pop(event.stage))
                self.console.print(f"[dim]{event.stage}: {event.done:,} in {event.seconds:.1f} s")


class Logging:
    """Listens to events and writes a line now and then: for a log, or a terminal that is none.

    A stage says what it came to when it has ended, and while it runs every `every` seconds. Of
    stages within others only the outermost end is told.
    """

    def __init__(self, console: Console, every: float = 60.0) -> None:
        self.console = console
        self.every = every
        self.told: dict[str, float] = {}
        self.open: list[str] = []

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        if event.phase in ("note", "warning"):
            show_note(self.console, event)
        elif event.phase == "start":
            self.told[event.stage] = now
            self.open.append(event.stage)
        elif event.phase == "end":
            # What failed has had no end, and is over with the stage around it.
            # The innermost of its name: a cut of retrieval may stand within another one.
            del self.open[-1 - self.open[::-1].index(event.stage) :]
            if not self.open and event.seconds >= 1:
                self.console.print(f"{event.stage}: {event.done:,} in {event.seconds:.1f} s")
        elif event.phase == "progress" and now - self.told.get(event.stage, now) >= self.every:
            self.told[event.stage] = now
            of = f" of {event.total:,}" if event.total else ""
            counts = "".join(f", {name} {value:.4g}" for name, value in event.counts.items())
            self.console.print(f"{event.stage}: {event.done:,}{of}{counts}", markup=False)


def show_note(console: Console, event: Event) -> None:
    """Print a note or a warning."""
    style, mark = ("yellow", "warning: ") if event.phase == "warning" else ("dim", "")
    console.print(f"{mark}{event.stage}: {event.message}", style=style, markup=False)


@contextmanager
def screen(as_json: bool = False, seed: int = 0, *, moving: bool = True) -> Iterator[Screen]:
    """Give a command its screen and context; Ctrl-C asks the job to stop at the next boundary.

    Where the output is a terminal a bar moves, unless the command itself writes there meanwhile;
    of what happens it is then told warnings alone.
    """
    cancel = threading.Event()
    shown = Screen(as_json)

    def stop(number: int, frame: object) -> None:
        if cancel.is_set():
            sys.exit(130)
        cancel.set()
        shown.err.print("stopping at the next boundary; press Ctrl-C again to stop at once")

    listener = Progressing(shown.err)
    logging = Logging(shown.err)

    def quiet(event: Event) -> None:
        if event.phase == "warning" or (moving and not as_json):
            logging(event)

    drawn = moving and shown.err.is_terminal
    shown.context = Context(seed=seed, cancel=cancel, events=listener if drawn else quiet)
    main_thread = threading.current_thread() is threading.main_thread()
    previous = signal.signal(signal.SIGINT, stop) if main_thread else None
    try:
        if drawn:
            with listener.progress:
                yield shown
        else:
            yield shown
    finally:
        if main_thread:
            signal.signal(signal.SIGINT, previous)


def opened(
    context: typer.Context, shown: Screen, settings: list[str] | None = None, *, wait: float = 0.0
) -> Workspace:
    """Return the workspace that a command works in, with its flags and its screen's context."""
    from graft.api import Workspace  # brings the settings: help does not wait for them

    place: Place = context.obj
    return Workspace(place.root, parse_flags(settings), context=shown.context, wait=wait)


def parse_flags(values: list[str] | None) -> dict[str, Any]:
    """Return `--set KEY=VALUE` pairs as a mapping; lists are comma-separated.

    >>> parse_flags(["retrieve.depth=50"])
    {'retrieve.depth': '50'}
    """
    flags: dict[str, Any] = {}
    for pair in values or []:
        key, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"--set {pair} has no '=': write --set retrieve.depth=50")
        flags[key.strip()] = value
    return flags
