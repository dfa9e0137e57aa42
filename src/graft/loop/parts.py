"""Parts: which setting names the run of each tuned part, and which base it goes on."""

from __future__ import annotations

from pathlib import Path

from graft.core.config import Settings
from graft.core.errors import ConfigError, InputError
from graft.core.files import RUNS
from graft.core.recipe import Part
from graft.tune.run import Run, read_run
from graft.wire import Wiring, base_digest

SETTINGS: dict[Part, tuple[str, str]] = {
    "retriever": ("encoder", "model"),
    "fusion": ("retrieve", "fusion"),
    "reranker": ("retrieve", "reranker"),
    "generator": ("generate", "adapter"),
}
"""The table and the key of graft.toml that a run of each part stands in."""


def with_run(settings: Settings, part: Part, run: str) -> Settings:
    """Return the settings with a run (its id, with or without "runs/") as one of their parts.

    >>> with_run(Settings(), "reranker", "reranker-1").retrieve.reranker
    'runs/reranker-1'
    """
    table, key = SETTINGS[part]
    name = RUNS + run.removeprefix(RUNS)
    changed = getattr(settings, table).model_copy(update={key: name})
    return settings.model_copy(update={table: changed})


def without_run(settings: Settings, run: str, *, base: str = "") -> Settings:
    """Return the settings with a run undone: `base` where it tuned the encoder, or else nothing.

    Without a base, the encoder is the one that graft.toml has by default.

    >>> without_run(with_run(Settings(), "reranker", "reranker-1"), "reranker-1") == Settings()
    True
    """
    for table, key in SETTINGS.values():
        held = getattr(settings, table)
        if getattr(held, key) == RUNS + run:
            default = type(held).model_fields[key].default
            value = (base or default) if table == "encoder" else default
            settings = settings.model_copy(update={table: held.model_copy(update={key: value})})
    return settings


def runs_of(settings: Settings) -> tuple[str, ...]:
    """Return the ids of the runs that the settings name, in the order of the pipeline.

    >>> runs_of(with_run(Settings(), "generator", "runs/generator-1"))
    ('generator-1',)
    """
    named = [str(getattr(getattr(settings, table), key)) for table, key in SETTINGS.values()]
    return tuple(name.removeprefix(RUNS) for name in named if name.startswith(RUNS))


def run_named(workspace: Wiring, name: str) -> Run:
    """Return a run by its id, with or without "runs/". Raises NotFound when there is none."""
    return read_run(Path(workspace.layout.model_path(RUNS + name.removeprefix(RUNS))))


def require_fit(workspace: Wiring, settings: Settings, run: Run) -> None:
    """Raise unless a run goes on what the settings name: an adapter, on the base it was tuned on.

    Raises ConfigError where the generator is remote, InputError where it is another model.
    """
    if run.part != "generator":
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
