"""Parts: a run put into settings, the runs that settings name, and which base a run goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from graft.core.config import Settings
from graft.core.errors import ConfigError, InputError
from graft.core.files import RUNS
from graft.core.runs import Run, read_run
from graft.core.table import Table
from graft.retrieve.line import without
from graft.wire import Wiring, base_digest, line_of, with_changes, with_line

T = TypeVar("T", bound=Table)


def with_run(settings: Settings, run: Run) -> Settings:
    """Return the settings with what a run changes in them, whatever part of them that is.

    Raises ConfigError where they have no such setting.
    """
    return with_changes(settings, run.changes)


def without_run(settings: Settings, run: str, *, base: str = "") -> Settings:
    """Return the settings with a run undone: `base` in its place as the encoder, and else nothing.

    Without a base the encoder is the default one. A stage that a run is the model of goes, and a
    sum counts its legs as the line says.

    >>> changes = {"retrieve.pipeline": "{} >> rerank", "retrieve.stages.rerank.model": "runs/r-1"}
    >>> without_run(with_changes(Settings(), changes), "r-1").retrieve.pipeline
    'follow_up >> dense + bm25'
    """
    name, line = RUNS + run.removeprefix(RUNS), line_of(settings)
    for stage, table in line.used.items():
        if name in dict(table).values():
            line = without(line, stage)
    tables = {stage: _reset(table, name) for stage, table in line.tables.items()}
    encoder, generate = _reset(settings.encoder, name, base), _reset(settings.generate, name)
    settings = settings.model_copy(update={"encoder": encoder, "generate": generate})
    return with_line(settings, replace(line, tables=tables))


def _reset(table: T, name: str, base: str = "") -> T:
    """Return a table with `base`, or else the default, wherever it names a run."""
    fields = type(table).model_fields
    named = [key for key, value in dict(table).items() if value == name]
    return table.model_copy(update={key: base or fields[key].default for key in named})


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
