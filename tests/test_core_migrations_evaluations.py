"""Reports of the first version become evaluations that say what they were and that rows lack."""

from __future__ import annotations

import json
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from graft.core.errors import FormatError
from graft.core.ledger import Ledger
from graft.core.migrations import evaluations
from graft.evaluate.folder import read_evaluation
from graft.jobs.evaluate import evaluate_again
from graft.wire import open_workspace
from tests.conftest import CTX


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


def test_the_evaluation_of_the_first_version_s_workspace_stands_in_its_folder(tmp_path):
    with tarfile.open(Path(__file__).parent / "data" / "workspace-v1.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    [report] = (tmp_path / ".graft" / "reports").glob("*.html")
    page = report.read_bytes()
    workspace = open_workspace(tmp_path)
    [row] = workspace.ledger.evaluations()
    folder = workspace.layout.evaluations / report.stem
    assert (folder / "report.html").read_bytes() == page and row["id"] == report.stem
    about = json.loads((folder / "about.json").read_text())
    assert about["splits"] == row["detail"]["splits"] and about["created"] == row["created"]
    with pytest.raises(FormatError, match="kept a report and no rows: evaluate again"):
        evaluate_again(workspace, [report.stem], ctx=CTX)
