"""Evaluations of format 1, as format 2 has them: a folder each, where there was a report each."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def to_2(home: Path) -> None:
    """Rewrite them in a workspace's folder `.graft`, in place.

    reports/ID.html becomes evaluations/ID/report.html, with an about.json of what the ledger
    tells of it. They kept no rows, so `"format": 1` says that they cannot be scored again.
    """
    told = _told(home / "ledger.db")
    reports = home / "reports"
    for report in sorted(reports.glob("*.html")):
        folder = home / "evaluations" / report.stem
        folder.mkdir(parents=True, exist_ok=True)
        report.rename(folder / "report.html")
        about = {"id": report.stem, "format": 1, **told.get(report.stem, {})}
        (folder / "about.json").write_text(
            json.dumps(about, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    if reports.is_dir() and not any(reports.iterdir()):
        reports.rmdir()


def _told(ledger: Path) -> dict[str, dict[str, Any]]:
    """Return what the ledger knows of each evaluation, and forget there where its report was."""
    if not ledger.is_file():
        return {}
    found = {}
    with closing(sqlite3.connect(ledger)) as db, db:
        rows = db.execute("SELECT id, created, library_version, detail FROM evaluation").fetchall()
        for id, created, version, text in rows:
            detail = json.loads(text)
            detail.pop("report", None)
            found[id] = {"created": created, "library_version": version, **detail}
            db.execute("UPDATE evaluation SET detail = ? WHERE id = ?", (json.dumps(detail), id))
    return found
