"""Runs of format 1, as format 2 has them: a role, artefacts, and what they change in the settings.

They have no probe: what their weights gave when they were trained was not written down.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

CHANGES = {
    "retriever": {"encoder.model": "RUN"},
    "fusion": {"retrieve.stages.fuse.run": "RUN"},
    "reranker": {"retrieve.pipeline": "{} >> rerank", "retrieve.stages.rerank.model": "RUN"},
    "generator": {"generate.adapter": "RUN"},
}


def to_2(home: Path) -> None:
    """Rewrite them in a workspace's folder `.graft`, in place."""
    access = _ledger(home / "ledger.db")
    for path in sorted(home.glob("runs/*/run.json")):
        try:
            recipe, about = _read(path.with_name("recipe.json")), _read(path)
            part, digest, old = recipe["part"], about.pop("digest"), _recipe(recipe)
        except (OSError, ValueError, KeyError, TypeError):  # whoever reads it is told of it
            continue
        new = {
            "role": recipe["objective"],
            "artefacts": [{"part": part, "folder": "adapter", "digest": digest, "probe": None}],
            "changes": {
                key: value.replace("RUN", f"runs/{about['id']}")
                for key, value in CHANGES[part].items()
            },
            "access": access.get(about["id"], []),
        }
        _write(path, {**about, **new})
        _write(path.with_name("recipe.json"), old)


def _recipe(old: dict[str, Any]) -> dict[str, Any]:
    kind = {"name": "full"} if old["adapter"] is None else {"name": "lora", **old["adapter"]}
    return {**old, "adapter": kind, "mixed": {}, "schedule": {**old["schedule"], "rates": {}}}


def _ledger(path: Path) -> dict[str, list[str]]:
    """Rewrite the recipes that stand in the ledger's rows of runs; return the access of each."""
    if not path.is_file():
        return {}
    with closing(sqlite3.connect(path)) as db, db:
        rows = db.execute("SELECT id, access, detail FROM run").fetchall()
        for id, _, detail in rows:
            told = json.loads(detail)
            if isinstance(told.get("recipe"), dict):
                told["role"] = told["recipe"]["objective"]
                told["recipe"] = _recipe(told["recipe"])
                db.execute("UPDATE run SET detail = ? WHERE id = ?", (json.dumps(told), id))
    return {id: json.loads(access) for id, access, _ in rows}


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _write(path: Path, value: dict[str, Any]) -> None:
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")
