"""Run: one tuning's folder, from which it can be used, understood and made again.

runs/ID/
  adapter/        the weights: PEFT format (generator) or sentence-transformers format (others)
  recipe.json     what was asked for: part, objective, adapter, schedule, data digest, seed
  metrics.json    dev before and after, and how many examples were used or left out, and why
  curves.csv      loss, learning rate and tokens a second at each step
  versions.json   Python, packages and machine; never the environment's variables
  run.json        id, time, duration, peak memory, estimate, digest of the weights
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from graft.core.errors import FormatError, NotFound
from graft.core.hashing import file_hash, value_hash
from graft.core.recipe import Part, Recipe
from graft.tune.cost import Estimate
from graft.tune.curves import Point, from_csv, to_csv

PACKAGES = ("graft-rag", "numpy", "peft", "sentence-transformers", "torch", "transformers")
"""The packages whose versions can change what a training ends at."""


@dataclass(frozen=True)
class Run:
    """One finished tuning.

    `created` is in seconds since the epoch; `seconds` is the training's own duration;
    `peak_memory` has "host" and "device" in bytes; `before` and `after` are measures on dev;
    `counts` tells how many examples were used and left out by reason. `digest` hashes the
    weights; `folder` is where the run was read from or written to.
    """

    id: str
    recipe: Recipe
    created: float
    seconds: float
    trainable_parameters: int
    peak_memory: Mapping[str, int]
    before: Mapping[str, float]
    after: Mapping[str, float]
    curves: tuple[Point, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    estimate: Estimate | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
    folder: Path = field(default=Path(), compare=False)

    @property
    def part(self) -> Part:
        """Which part was tuned."""
        return self.recipe.part

    @property
    def weights(self) -> Path:
        """The folder of the weights."""
        return self.folder / "adapter"


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
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def write_run(runs: Path, run: Run, save: Callable[[Path], object]) -> Run:
    """Write a run under `runs` and return it with its folder and weights' digest.

    `save` is called with an empty folder to write the weights into. Everything goes to a hidden
    folder first, is flushed, and is renamed last: a run exists whole or not at all, whatever
    fails, `save` included.
    """
    runs.mkdir(parents=True, exist_ok=True)
    folder, partial = runs / run.id, runs / f".{run.id}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        (partial / "adapter").mkdir(parents=True)
        save(partial / "adapter")
        done = replace(run, digest=weights_digest(partial / "adapter"), folder=folder)
        for name, text in _files(done).items():
            (partial / name).write_text(text, encoding="utf-8")
        _flush(partial)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _flush_folder(runs)
    return done


def read_run(folder: Path) -> Run:
    """Read a run's folder. Raises NotFound when there is none, FormatError when it is damaged."""
    if not (folder / "run.json").is_file():
        raise NotFound(f"there is no run in {folder}: `graft tune` makes one")
    try:
        about = _json(folder / "run.json")
        metrics = _json(folder / "metrics.json")
        estimate = about["estimate"]
        return Run(
            id=about["id"],
            recipe=Recipe.from_dict(_json(folder / "recipe.json")),
            created=about["created"],
            seconds=about["seconds"],
            trainable_parameters=about["trainable_parameters"],
            peak_memory=about["peak_memory_bytes"],
            before=metrics["dev"]["before"],
            after=metrics["dev"]["after"],
            curves=from_csv((folder / "curves.csv").read_text(encoding="utf-8")),
            counts=metrics["counts"],
            estimate=Estimate(**estimate) if estimate else None,
            versions=_json(folder / "versions.json"),
            digest=about["digest"],
            folder=folder,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(f"the run in {folder} is damaged ({error!r}): tune again") from error


def list_runs(runs: Path) -> list[Run]:
    """Return every run under `runs`, oldest first; what a crash left half-written is no run."""
    if not runs.is_dir():
        return []
    folders = [path for path in runs.iterdir() if not path.name.startswith(".")]
    found = [read_run(folder) for folder in folders if (folder / "run.json").is_file()]
    return sorted(found, key=lambda run: (run.created, run.id))


def weights_digest(folder: Path) -> str:
    """Return the hash of a folder of weights: of every file's relative path and bytes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return value_hash({path.relative_to(folder).as_posix(): file_hash(path) for path in files})


def _files(run: Run) -> dict[str, str]:
    about = {
        "id": run.id,
        "part": run.part,
        "created": run.created,
        "seconds": run.seconds,
        "seed": run.recipe.seed,
        "data": run.recipe.data,
        "recipe_digest": run.recipe.digest,
        "trainable_parameters": run.trainable_parameters,
        "peak_memory_bytes": dict(run.peak_memory),
        "estimate": asdict(run.estimate) if run.estimate else None,
        "digest": run.digest,
    }
    dev = {"before": dict(run.before), "after": dict(run.after)}
    return {
        "recipe.json": _text(run.recipe.to_dict()),
        "metrics.json": _text({"dev": dev, "counts": dict(run.counts)}),
        "curves.csv": to_csv(run.curves),
        "versions.json": _text(dict(run.versions)),
        "run.json": _text(about),
    }


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _flush(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_dir():
            _flush_folder(path)
        else:
            with path.open("rb+") as file:
                os.fsync(file.fileno())
    _flush_folder(folder)


def _flush_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
