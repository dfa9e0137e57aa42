"""Parts: which setting names the run of each tuned part."""

from __future__ import annotations

from graft.core.config import Settings
from graft.core.files import RUNS
from graft.core.recipe import Part

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


def runs_of(settings: Settings) -> tuple[str, ...]:
    """Return the ids of the runs that the settings name, in the order of the pipeline.

    >>> runs_of(with_run(Settings(), "generator", "runs/generator-1"))
    ('generator-1',)
    """
    named = [str(getattr(getattr(settings, table), key)) for table, key in SETTINGS.values()]
    return tuple(name.removeprefix(RUNS) for name in named if name.startswith(RUNS))
