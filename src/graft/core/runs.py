"""Run: one tuning's folder, from which it can be used, understood and made again.

runs/ID/
  adapter/        the weights: PEFT format (generator) or sentence-transformers format (others);
                  a run of several parts has a folder for each, by the part's name
  recipe.json     what was asked for: part, objective, adapter, schedule, example set, seed
  settings.json   the settings it was made under, resolved: what a release pins, [tune], the prompt
  data.jsonl      the passages that each question was trained with, mined ones included
  metrics.json    dev before and after, and how many examples were used or left out, and why
  curves.csv      loss, learning rate and tokens a second at each step
  versions.json   Python, packages and machine; never the environment's variables
  run.json        id, role, artefacts with their digests and probes, what it changes in the
                  settings, time, duration, peak memory, estimate, library version, whose documents
                  it holds

This reads them; `tune/writing.py` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from graft.core.curves import CurvePoint, from_csv
from graft.core.errors import FormatError, ModelError, NotFound
from graft.core.estimate import Estimate
from graft.core.files import RUNS
from graft.core.hashing import file_hash, value_hash
from graft.core.recipe import Part, Recipe

Floor = Mapping[Literal["reply", "vector", "score"], float]

NOISE: Floor = {"reply": 0.1, "vector": 0.02, "score": 0.1}
"""How far a probe may be off for rounding alone, between float32 and bfloat16 and between
processors: nats a token's log-probability on the mean, parts of a vector's length, and a score.
With the starter models bfloat16 takes two thirds at most; scores were measured near zero only."""

SLACK = 0.1
"""And how far besides, of what the training moved: without the weights, or with twice their
effect, a probe is off by about all of that."""


@dataclass(frozen=True)
class Probe:
    """What a model said of something fixed once it was trained, to be compared at every load.

    "reply": `given` holds the messages and the ids of the reply's first tokens, `found` for each
    of these places a few ids with their log-probabilities (nats), the likeliest first.
    "vector": `given` holds a text, `found` its vector. "score": `given` holds a question and a
    passage, `found` their score. `moved` is how far that is from what the model gave before it
    was trained, in the measure of `NOISE`.
    """

    kind: Literal["reply", "vector", "score"]
    given: Mapping[str, Any]
    found: Any
    moved: float

    @property
    def tolerance(self) -> float:
        """How far off it may be."""
        return NOISE[self.kind] + SLACK * self.moved

    @property
    def tells(self) -> bool:
        """Whether it can tell weights that are not applied from rounding."""
        return self.moved > self.tolerance


@dataclass(frozen=True)
class Artefact:
    """The weights that a run has for one part: their folder within the run's, and their digest.

    A run of format 1, or one whose weights were made elsewhere, has no `probe`.
    """

    part: Part
    folder: str = ""
    digest: str = ""
    probe: Probe | None = None


@dataclass(frozen=True)
class Run:
    """One finished tuning.

    `role` is what it is for: its objective's name unless it was given another. To put it into use
    is to apply its `changes`: dotted settings and their values, "{}" in a text standing for the
    value in use. `access` is who may see what it learned from, empty for everyone's.

    `created` is in seconds since the epoch; `seconds` is the training's own duration;
    `peak_memory` has "host" and "device" in bytes; `before` and `after` are measures on dev;
    `counts` tells how many examples were used and left out by reason. `settings` are those it
    was made under, as plain values; `library_version` is whose passages it was trained on.
    `data_digest` hashes what it was trained on; `folder` is where it was read from or written to.
    """

    id: str
    recipe: Recipe
    created: float
    seconds: float
    trainable_parameters: int
    peak_memory: Mapping[str, int]
    before: Mapping[str, float]
    after: Mapping[str, float]
    role: str = ""
    artefacts: tuple[Artefact, ...] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)
    access: tuple[str, ...] = ()
    curves: tuple[CurvePoint, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    estimate: Estimate | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    library_version: int = 0
    data_digest: str = ""
    folder: Path = field(default=Path(), compare=False)

    @property
    def part(self) -> Part:
        """Which part was tuned."""
        return self.recipe.part

    @property
    def weights(self) -> Path:
        """The folder of the weights of the part that was tuned."""
        return self.weights_of(self.part)

    @property
    def digest(self) -> str:
        """The hash of all weights."""
        return value_hash({each.part: each.digest for each in self.artefacts})

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON that scripts rely on."""
        return {
            "run": self.id,
            "part": self.part,
            "role": self.role,
            "recipe": self.recipe.to_dict(),
            "seconds": self.seconds,
            "peak_memory_bytes": dict(self.peak_memory),
            "trainable_parameters": self.trainable_parameters,
            "dev": {"before": dict(self.before), "after": dict(self.after)},
        }

    def weights_of(self, part: str) -> Path:
        """Return the folder of a part's weights. Raises NotFound when the run has none."""
        return self.folder / self.artefact(part).folder

    def artefact(self, part: str) -> Artefact:
        """Return what the run has for a part. Raises NotFound when it has nothing."""
        for artefact in self.artefacts:
            if artefact.part == part:
                return artefact
        held = ", ".join(each.part for each in self.artefacts) or "nothing"
        raise NotFound(
            f"{RUNS}{self.id} holds weights of {held}, and a {part} was asked for: name a run of "
            f"`graft tune {part}`"
        )


def read_run(folder: Path) -> Run:
    """Read a run's folder.

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
            role=about["role"],
            artefacts=tuple(map(_artefact, about["artefacts"])),
            changes=about["changes"],
            access=tuple(about["access"]),
            curves=from_csv((folder / "curves.csv").read_text(encoding="utf-8")),
            counts=metrics["counts"],
            estimate=Estimate(**estimate) if estimate else None,
            versions=_json(folder / "versions.json"),
            settings=_json(settings) if settings.is_file() else {},
            library_version=about.get("library_version", 0),
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


def require_digest(artefact: Artefact, folder: Path) -> None:
    """Raise ModelError unless the weights in a run's folder are those that it wrote."""
    if artefact.digest and artefact.digest != weights_digest(folder / artefact.folder):
        raise ModelError(
            f"the weights in {folder / artefact.folder} are not those that were trained: put them "
            "back, or tune again"
        )


def _artefact(values: Mapping[str, Any]) -> Artefact:
    probe = values.get("probe")
    return Artefact(**{**values, "probe": Probe(**probe) if probe else None})


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
