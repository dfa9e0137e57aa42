"""Reports of the first version become evaluations that say what they were and that rows lack."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from graft.core.errors import FormatError
from graft.core.ledger import Ledger
from graft.core.migrations import evaluations
from graft.evaluate.folder import read_evaluation


def test_a_report_gets_a_folder_with_what_the_ledger_knows(tmp_path):
    ledger = Ledger(tmp_path / "ledger.db")
    detail = {"command": "graft evaluate", "runs": {"raft": "g-1"}, "report": "/old/a1.html",
              "splits": {"test-new": {"n": 3}}}  # fmt: skip
    ledger.record_evaluation("a1", 12.5, 4, detail=detail)
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "a1.html").write_text("<h1>one</h1>")
    (reports / "b2.html").write_text("<h1>two</h1>")
    evaluations.to_2(tmp_path)
    assert not reports.exists()
    folder = tmp_path / "evaluations"
    assert (folder / "a1" / "report.html").read_text() == "<h1>one</h1>"
    about = json.loads((folder / "a1" / "about.json").read_text())
    assert about == {"id": "a1", "format": 1, "created": 12.5, "library_version": 4,
                     "command": "graft evaluate", "runs": {"raft": "g-1"},
                     "splits": {"test-new": {"n": 3}}}  # fmt: skip
    assert json.loads((folder / "b2" / "about.json").read_text()) == {"id": "b2", "format": 1}
    assert "report" not in ledger.evaluations()[0]["detail"]
    with pytest.raises(FormatError, match="first version of Graft"):
        read_evaluation(folder, "a1")


def test_a_workspace_without_evaluations_stays_as_it_is(tmp_path):
    evaluations.to_2(tmp_path)
    assert not list(tmp_path.iterdir())
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as db, db:
        db.execute("CREATE TABLE evaluation (id, created, library_version, detail)")
    (tmp_path / "reports").mkdir()
    evaluations.to_2(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.db"]
