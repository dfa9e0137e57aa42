"""Writing a run's folder: whole or not at all."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from graft.core.curves import to_csv
from graft.core.files import RUNS, flush
from graft.core.hashing import value_hash
from graft.core.installed import installed_versions
from graft.core.recipe import Part, Recipe
from graft.core.runs import Artefact, Run, weights_digest
from graft.tune.data import DATA, DataRow, write_rows

Save = Callable[[Path], object]
"""Writes weights into an empty folder."""

RUN = "RUN"

CHANGES: Mapping[Part, Mapping[str, str]] = {
    "retriever": {"encoder.model": RUN},
    "fusion": {"retrieve.stages.fuse.run": RUN},
    "reranker": {"retrieve.pipeline": "{} >> rerank", "retrieve.stages.rerank.model": RUN},
    "generator": {"generate.adapter": RUN},
}
"""What a run of each part changes in the settings, unless it says otherwise; RUN is its name."""


def run_id(recipe: Recipe, created: float) -> str:
    """Return a short, readable id: part, UTC date, and a hash of recipe and time.

    >>> run_id(Recipe("generator", "raft", "starter"), 0.0)[:19]
    'generator-19700101-'
    """
    day = datetime.fromtimestamp(created, UTC).strftime("%Y%m%d")
    return f"{recipe.part}-{day}-{value_hash([recipe.to_dict(), created])[:6]}"


def versions() -> dict[str, str]:
    """Return the versions of Python, of the packages that matter, and the machine's kind.

    Variables of the environment are never recorded: they hold secrets.

    >>> sorted(versions())[-1]
    'transformers'
    """
    found = {"python": platform.python_version(), "machine": platform.machine()}
    found |= {"system": platform.system(), "cpus": str(os.cpu_count() or 0)}
    return found | installed_versions()


def write_run(
    runs: Path, run: Run, save: Save | Mapping[Part, Save], *, data: Iterable[DataRow] = ()
) -> Run:
    """Write a run under `runs` and return it with its folder, artefacts and digests.

    `save` writes the weights of the run's part into an empty folder; where there are several
    parts, it has one for each. `data`, what it was trained on, is written row by row. A run that
    does not say what it changes puts itself where its parts are named. Everything goes to a hidden
    folder first, is flushed, and is renamed last: a run exists whole or not at all, whatever
    fails, `save` included.
    """
    saves = {run.part: save} if callable(save) else dict(save)
    runs.mkdir(parents=True, exist_ok=True)
    folder, partial = runs / run.id, runs / f".{run.id}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        artefacts = []
        for part, write in saves.items():
            own = partial / ("adapter" if part == run.part else part)
            own.mkdir(parents=True)
            write(own)
            told = next((each for each in run.artefacts if each.part == part), Artefact(part))
            artefacts.append(replace(told, folder=own.name, digest=weights_digest(own)))
        done = replace(
            run,
            role=run.role or run.recipe.objective,
            artefacts=tuple(artefacts),
            changes=run.changes or changes_of(run.id, *saves),
            data_digest=write_rows(data, partial / DATA),
            folder=folder,
        )
        for name, text in _files(done).items():
            (partial / name).write_text(text, encoding="utf-8")
        flush([partial, *partial.rglob("*")])
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    flush([runs])
    return done


def changes_of(id: str, *parts: Part) -> dict[str, str]:
    """Return what a run of these parts changes in the settings.

    >>> changes_of("generator-1", "generator")
    {'generate.adapter': 'runs/generator-1'}
    """
    usual = (item for part in parts for item in CHANGES[part].items())
    return {key: value.replace(RUN, RUNS + id) for key, value in usual}


def _files(run: Run) -> dict[str, str]:
    about = {
        "id": run.id,
        "part": run.part,
        "role": run.role,
        "artefacts": [asdict(artefact) for artefact in run.artefacts],
        "changes": dict(run.changes),
        "access": list(run.access),
        "created": run.created,
        "seconds": run.seconds,
        "seed": run.recipe.seed,
        "data": run.recipe.data,
        "recipe_digest": run.recipe.digest,
        "trainable_parameters": run.trainable_parameters,
        "peak_memory_bytes": dict(run.peak_memory),
        "estimate": asdict(run.estimate) if run.estimate else None,
        "library_version": run.library_version,
        "data_digest": run.data_digest,
    }
    dev = {"before": dict(run.before), "after": dict(run.after)}
    return {
        "recipe.json": _text(run.recipe.to_dict()),
        "settings.json": _text(dict(run.settings)),
        "metrics.json": _text({"dev": dev, "counts": dict(run.counts)}),
        "curves.csv": to_csv(run.curves),
        "versions.json": _text(dict(run.versions)),
        "run.json": _text(about),
    }


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
