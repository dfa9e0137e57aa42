"""Runs of format 1: what they were for, where their weights are and what they change is told."""

from __future__ import annotations

import json
import sqlite3
import tarfile
from pathlib import Path
from typing import Any

import pytest

from graft.core.ledger import Ledger
from graft.core.migrations.runs import to_2
from graft.core.recipe import Recipe
from graft.core.runs import Run, read_run, weights_digest
from graft.models.adapter import adapter_of
from graft.tune.writing import changes_of

MADE = Path(__file__).parent / "data" / "workspace-v1.tar.gz"
ROLES = {"contrastive", "weights", "pointwise", "raft", "closed-book"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with tarfile.open(MADE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / ".graft"


def before(home: Path) -> dict[str, dict[str, Any]]:
    return {path.parent.name: json.loads(path.read_text()) for path in home.glob("runs/*/run.json")}


def read(home: Path) -> dict[str, Run]:
    return {path.parent.name: read_run(path.parent) for path in home.glob("runs/*/run.json")}


def test_each_run_is_read_with_its_role_artefact_and_changes(home: Path) -> None:
    old = before(home)
    recipes = {id: json.loads((home / "runs" / id / "recipe.json").read_text()) for id in old}
    to_2(home)
    found = read(home)
    assert {run.role for run in found.values()} == ROLES
    for id, run in found.items():
        part = run.part
        assert run.role == recipes[id]["objective"]
        (artefact,) = run.artefacts
        assert (artefact.part, artefact.folder) == (part, "adapter")
        assert artefact.digest == old[id]["digest"] == weights_digest(run.weights)
        assert run.changes == changes_of(id, part)
        assert artefact.probe is None, "what it answered was not written down"
        assert run.recipe.seed == recipes[id]["seed"] and run.recipe.data == recipes[id]["data"]
        schedule = run.recipe.schedule
        assert schedule.evaluations == recipes[id]["schedule"]["evaluations"] > 0
        if part != "fusion":
            kind = adapter_of(run.recipe.adapter)
            assert kind.name == ("lora" if recipes[id]["adapter"] else "full")
            assert getattr(kind, "rank", None) == (recipes[id]["adapter"] or {}).get("rank")


def test_whose_documents_it_holds_comes_from_the_ledger_and_its_rows_have_roles(
    home: Path,
) -> None:
    with sqlite3.connect(home / "ledger.db") as db:
        told = dict(db.execute("SELECT id, access FROM run").fetchall())
    to_2(home)
    assert {id: list(run.access) for id, run in read(home).items()} == {
        id: json.loads(access) for id, access in told.items()
    }
    assert any(run.access for run in read(home).values())
    rows = {row["id"]: row for row in Ledger(home / "ledger.db").runs()}
    for id, run in read(home).items():
        detail = rows[id]["detail"]
        assert detail["role"] == run.role and Recipe.from_dict(detail["recipe"]) == run.recipe


def test_a_workspace_without_runs_or_ledger_is_left_alone(tmp_path: Path) -> None:
    to_2(tmp_path)
    assert list(tmp_path.iterdir()) == []
