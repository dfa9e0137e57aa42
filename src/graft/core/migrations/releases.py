"""Releases of format 1, as format 2 has them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from graft.core.files import write_atomic

STAGES: Mapping[str, dict[str, Any]] = {
    "bm25": {"depth": 0},
    "dense": {"depth": 0},
    "follow_up": {"turns": 1},
    "fuse": {"k": 60, "run": ""},
    "rerank": {"model": "", "depth": 20, "weight": 1.0},
}
"""The settings of stages where format 1 had none: a release says all that it searches by."""


def to_2(home: Path) -> None:
    """Rewrite them in a workspace's folder `.graft`, in place: each searches as it did."""
    for path in sorted((home / "releases").glob("*.toml")):
        try:
            release = tomllib.loads(path.read_text(encoding="utf-8"))
            settings = release["settings"]
        except (OSError, ValueError, KeyError):  # whoever reads it is told that it is damaged
            continue
        retrieve = retrieve_to_2(settings.get("retrieve", {}))
        given = retrieve["stages"]
        retrieve["stages"] = {name: STAGES[name] | given.get(name, {}) for name in STAGES}
        settings["retrieve"] = retrieve
        write_atomic(path, tomlkit.dumps(release))


def retrieve_to_2(old: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table [retrieve] of format 1 as a line, a depth, and a table a stage.

    >>> retrieve_to_2({"pipeline": "hybrid", "dense_weight": 0.8, "reranker": "runs/r"})["pipeline"]
    'follow_up >> 0.8 * dense + bm25 >> rerank'
    """
    line = str(old.get("pipeline", "hybrid"))
    weighed = "dense_weight" in old or "bm25_weight" in old
    if line in ("dense", "bm25"):
        line = f"follow_up >> {line}"
    elif line == "hybrid" or weighed:
        legs = (_weighted(leg, old.get(f"{leg}_weight", 1)) for leg in ("dense", "bm25"))
        line = f"follow_up >> {' + '.join(legs)}"
    stages: dict[str, dict[str, Any]] = {}
    for key, name, setting in (
        ("rrf_k", "fuse", "k"),
        ("fusion", "fuse", "run"),
        ("reranker", "rerank", "model"),
        ("rerank_depth", "rerank", "depth"),
    ):
        if old.get(key):
            value = old[key] if setting in ("run", "model") else _number(old[key])
            stages.setdefault(name, {})[setting] = value
    if old.get("reranker"):
        line += " >> rerank"
    kept = {"depth": old["depth"]} if "depth" in old else {}
    return {"pipeline": line, **kept, "stages": stages}


def _weighted(leg: str, weight: Any) -> str:
    number = _number(weight)
    return leg if number == 1 else f"{number} * {leg}"


def _number(value: Any) -> Any:
    """Return a number as it is written, 1 for 1.0; a variable or a flag gives it as text."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return value
    return int(number) if number.is_integer() else number
