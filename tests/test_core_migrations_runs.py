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
from graft.core.runs import Run, read_run, weights_digest
from graft.models.adapter import adapter_of
from graft.tune.writing import changes_of

MADE = Path(__file__).parent / "data" / "workspace-v1.tar.gz"
ROLES = {
    "retriever": "contrastive", "fusion": "weights", "reranker": "pointwise", "generator": "raft",
}  # fmt: skip


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
    assert {run.part for run in found.values()} == set(ROLES)
    for id, run in found.items():
        part = run.part
        assert run.role == recipes[id]["objective"] == ROLES[part]
        (artefact,) = run.artefacts
        assert (artefact.part, artefact.folder) == (part, "adapter")
        assert artefact.digest == old[id]["digest"] == weights_digest(run.weights)
        assert run.changes == changes_of(id, part)
        assert run.probe is None, "what it answered was not written down"
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
    ids = sorted(before(home))
    with sqlite3.connect(home / "ledger.db") as db:
        db.execute("UPDATE run SET access = ? WHERE id = ?", (json.dumps(["board"]), ids[0]))
    to_2(home)
    assert {id: run.access for id, run in read(home).items()} == {
        id: ("board",) if id == ids[0] else () for id in ids
    }
    rows = {row["id"]: row for row in Ledger(home / "ledger.db").runs()}
    for id, run in read(home).items():
        told = rows[id]["detail"]
        assert told["role"] == run.role and told["recipe"] == run.recipe.to_dict()


def test_a_workspace_without_runs_or_ledger_is_left_alone(tmp_path: Path) -> None:
    to_2(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_training_without_passages_keeps_its_role(home: Path) -> None:
    (path,) = home.glob("runs/generator-*/recipe.json")
    recipe = json.loads(path.read_text())
    path.write_text(json.dumps({**recipe, "objective": "closed-book"}))
    to_2(home)
    assert read_run(path.parent).role == "closed-book"
