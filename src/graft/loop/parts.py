"""Parts: a run put into settings, the runs that settings name, and which base a run goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from graft.core.config import Settings, nested, override
from graft.core.errors import ConfigError, InputError
from graft.core.files import RUNS
from graft.core.runs import PRESENT, Run, read_run
from graft.wire import Wiring, base_digest


def with_run(settings: Settings, run: Run) -> Settings:
    """Return the settings with what a run changes in them, whatever part of them that is.

    Raises ConfigError where they have no such setting: the run was made by another version.
    """
    changed = settings
    for key, value in run.changes.items():
        if isinstance(value, str) and PRESENT in value:
            value = value.replace(PRESENT, str(_present(settings, key)))  # noqa: PLW2901
        changed = override(changed, nested(key, value))
    return changed


def runs_of(settings: Settings) -> tuple[str, ...]:
    """Return the ids of the runs that the settings name, in the order of the settings.

    >>> retrieve = {"reranker": "runs/reranker-1"}
    >>> runs_of(Settings.model_validate({"retrieve": retrieve}))
    ('reranker-1',)
    """
    named = [text for text in _texts(settings.model_dump()) if text.startswith(RUNS)]
    return tuple(dict.fromkeys(text.removeprefix(RUNS) for text in named))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)


def _present(settings: Settings, key: str) -> Any:
    found: Any = settings.model_dump()
    for name in key.split("."):
        found = found.get(name, "") if isinstance(found, Mapping) else ""
    return found


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
