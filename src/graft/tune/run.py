"""Run: one tuning's folder, from which it can be used, understood and made again.

runs/ID/
  adapter/        the weights: PEFT format (generator) or sentence-transformers format (others)
  recipe.json     what was asked for: part, objective, adapter, schedule, example set, seed
  settings.json   the settings it was made under, resolved: what a release pins, [tune], the prompt
  data.jsonl      the passages that each question was trained with, mined ones included
  metrics.json    dev before and after, and how many examples were used or left out, and why
  curves.csv      loss, learning rate and tokens a second at each step
  versions.json   Python, packages and machine; never the environment's variables
  run.json        id, time, duration, peak memory, estimate, library version, digests of the
                  weights and of data.jsonl
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from graft.core.errors import FormatError, NotFound
from graft.core.files import RUNS
from graft.core.hashing import file_hash, value_hash
from graft.core.installed import installed_versions
from graft.core.recipe import Part, Recipe
from graft.tune.cost import Estimate
from graft.tune.curves import Point, from_csv, to_csv
from graft.tune.data import DATA, Row, write_rows


@dataclass(frozen=True)
class Run:
    """One finished tuning.

    `created` is in seconds since the epoch; `seconds` is the training's own duration;
    `peak_memory` has "host" and "device" in bytes; `before` and `after` are measures on dev;
    `counts` tells how many examples were used and left out by reason. `settings` are those it
    was made under, as plain values; `library_version` is whose passages it was trained on.
    `digest` hashes the weights and `data_digest` what they were trained on; `folder` is where the
    run was read from or written to.
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
    settings: Mapping[str, Any] = field(default_factory=dict)
    library_version: int = 0
    digest: str = ""
    data_digest: str = ""
    folder: Path = field(default=Path(), compare=False)

    @property
    def part(self) -> Part:
        """Which part was tuned."""
        return self.recipe.part

    @property
    def weights(self) -> Path:
        """The folder of the weights."""
        return self.folder / "adapter"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON that scripts rely on."""
        return {
            "run": self.id,
            "part": self.part,
            "recipe": self.recipe.to_dict(),
            "seconds": self.seconds,
            "peak_memory_bytes": dict(self.peak_memory),
            "trainable_parameters": self.trainable_parameters,
            "dev": {"before": dict(self.before), "after": dict(self.after)},
        }


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
    runs: Path, run: Run, save: Callable[[Path], object], *, data: Iterable[Row] = ()
) -> Run:
    """Write a run under `runs` and return it with its folder and digests.

    `save` is called with an empty folder to write the weights into; `data`, what it was trained
    on, is written row by row. Everything goes to a hidden folder first, is flushed, and is
    renamed last: a run exists whole or not at all, whatever fails, `save` included.
    """
    runs.mkdir(parents=True, exist_ok=True)
    folder, partial = runs / run.id, runs / f".{run.id}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        (partial / "adapter").mkdir(parents=True)
        save(partial / "adapter")
        done = replace(
            run,
            digest=weights_digest(partial / "adapter"),
            data_digest=write_rows(data, partial / DATA),
            folder=folder,
        )
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
    """Read a run's folder; one from before settings and data were kept has none of them.

    Raises NotFound when there is no run, FormatError when it is damaged.
    """
    if not (folder / "run.json").is_file():
        raise NotFound(f"there is no run in {folder}: `graft tune` makes one")
    try:
        about = _json(folder / "run.json")
        metrics = _json(folder / "metrics.json")
        estimate, settings = about["estimate"], folder / "settings.json"
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
            settings=_json(settings) if settings.is_file() else {},
            library_version=about.get("library_version", 0),
            digest=about["digest"],
            data_digest=about.get("data_digest", ""),
            folder=folder,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(f"the run in {folder} is damaged ({error!r}): tune again") from error


def ancestors(runs: Path, ids: Iterable[str]) -> tuple[str, ...]:
    """Return the ids of these runs and of all that their weights started from, nearest first.

    A run whose recipe's base is another (runs/ID) holds what that one learned. One whose folder
    is gone is still named, and what was before it cannot be told.
    """
    found: list[str] = []
    waiting = [id.removeprefix(RUNS) for id in ids]
    while waiting:
        id = waiting.pop(0)
        if id in found:
            continue
        found.append(id)
        if (runs / id).is_dir():
            base = read_run(runs / id).recipe.base
            waiting += [base.removeprefix(RUNS)] if base.startswith(RUNS) else []
    return tuple(found)


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
        "library_version": run.library_version,
        "digest": run.digest,
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
