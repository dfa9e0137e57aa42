"""Parts: a run put into settings, the runs that settings name, and which base a run goes on."""

from __future__ import annotations

from pathlib import Path

from graft.core.config import Settings
from graft.core.errors import ConfigError, InputError
from graft.core.files import RUNS
from graft.core.runs import Run, read_run
from graft.wire import Wiring, base_digest, line_of, with_changes


def with_run(settings: Settings, run: Run) -> Settings:
    """Return the settings with what a run changes in them, whatever part of them that is.

    Raises ConfigError where they have no such setting.
    """
    return with_changes(settings, run.changes)


def runs_of(settings: Settings) -> tuple[str, ...]:
    """Return the ids of the runs that the settings use, in the order of the pipeline.

    >>> runs_of(Settings.model_validate({"generate": {"adapter": "runs/generator-1"}}))
    ('generator-1',)
    """
    stages = line_of(settings).used.values()
    tables = (settings.encoder, *stages, settings.generate)
    named = [value for table in tables for value in dict(table).values()]
    found = [v.removeprefix(RUNS) for v in named if isinstance(v, str) and v.startswith(RUNS)]
    return tuple(dict.fromkeys(found))


def run_named(workspace: Wiring, name: str) -> Run:
    """Return a run by its id, with or without "runs/". Raises NotFound when there is none."""
    return read_run(Path(workspace.layout.model_path(RUNS + name.removeprefix(RUNS))))


def require_fit(workspace: Wiring, settings: Settings, run: Run) -> None:
    """Raise unless a run goes on what the settings name: an adapter, on the base it was tuned on.

    Raises ConfigError where the generator is remote, InputError where it is another model.
    """
    if not any(artefact.part == "generator" for artefact in run.artefacts):
        return
    table = settings.generate
    if table.url:
        raise ConfigError(
            f"{RUNS}{run.id} is an adapter, and generate.url names a remote model "
            f"({table.url}): serve the adapter there, or name a local model"
        )
    if run.recipe.base_digest and run.recipe.base_digest != base_digest(workspace, table):
        raise InputError(
            f"{RUNS}{run.id} was tuned on {run.recipe.base!r}, and generate.model is "
            f"{table.model!r}, which has other weights: use the model it was tuned on, or tune anew"
        )
