"""A workspace that the first version made (format 1): it opens, migrates, answers, rolls back.

`data/workspace-v1.tar.gz` holds tiny models, twenty documents, a set of sixty questions, a run of
each part, an evaluation and two releases, with what that version found and answered in
`expected.json`.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from graft.core.context import Context
from graft.core.files import FORMAT
from graft.jobs.ask import ask
from graft.jobs.examples import check
from graft.jobs.ingest import ingest
from graft.jobs.promote import rollback
from graft.jobs.search import search
from graft.loop.sets import load_examples
from graft.wire import Wiring, open_workspace

pytestmark = pytest.mark.slow

CTX = Context()
MADE = Path(__file__).parent / "data" / "workspace-v1.tar.gz"


@pytest.fixture
def old(tmp_path: Path) -> tuple[Wiring, dict[str, Any]]:
    with tarfile.open(MADE) as archive:
        archive.extractall(tmp_path, filter="data")
    assert (tmp_path / ".graft" / "format").read_text() == "1\n"
    expected = json.loads((tmp_path / "expected.json").read_text())
    return open_workspace(tmp_path), expected


def test_it_is_migrated_when_it_is_opened(old: tuple[Wiring, dict[str, Any]]) -> None:
    workspace, _ = old
    assert workspace.layout.format.read_text() == f"{FORMAT}\n"
    assert workspace.releases.history() == [1, 0]
    aside = [path.name for path in workspace.layout.root.glob(".graft.*")]
    assert set(aside) <= {".graft.migrating"}  # the lock that guarded it


@pytest.mark.parametrize("release", [0, 1])
def test_each_release_finds_and_answers_what_it_did(
    old: tuple[Wiring, dict[str, Any]], release: int
) -> None:
    workspace, expected = old
    told = expected["releases"][str(release)]
    for question, hits in zip(expected["questions"], told["search"], strict=True):
        found = search(workspace, question, limit=5, release=release, ctx=CTX).hits
        if release == 0:  # ranked by words too, and a later analyser weighs them otherwise
            assert hits[0][0] in [h.passage_id for h in found[:2]]
            continue
        assert [(h.passage_id, h.document_id) for h in found] == [(p, d) for p, d, _ in hits]
        assert [h.score for h in found] == pytest.approx([s for *_, s in hits], abs=1e-4)
    answers = ask(workspace, expected["questions"], release=release, ctx=CTX)
    if release == 0:  # the tiny model writes what other passages make it write
        assert all(a.text for a in answers)
        return
    assert [a.text for a in answers] == [a["text"] for a in told["answers"]]
    assert [a.support for a in answers] == pytest.approx([a["support"] for a in told["answers"]])


def test_its_examples_keep_their_name_and_its_runs_find_them(
    old: tuple[Wiring, dict[str, Any]],
) -> None:
    workspace, expected = old
    found = load_examples(workspace)
    assert found.id == expected["examples"] == load_examples(workspace, expected["examples"]).id
    assert check(workspace)["gold"]["found"] == len(found.examples) == 60
    assert {row["id"] for row in workspace.ledger.runs()} == set(expected["runs"].values())


def test_it_rolls_back_and_takes_new_documents(old: tuple[Wiring, dict[str, Any]]) -> None:
    workspace, expected = old
    assert rollback(workspace, ctx=CTX) == 0
    now = ask(workspace, expected["questions"], ctx=CTX)
    named = ask(workspace, expected["questions"], release=0, ctx=CTX)
    assert [a.text for a in now] == [a.text for a in named]
    more = workspace.layout.root / "more"
    more.mkdir()
    (more / "whistle.md").write_text("# The whistle\n\nThe whistle was made in 1901.\n")
    assert ingest(workspace, [str(more)], ctx=CTX).added == 1
    for release in (0, 1):
        hits = search(workspace, "the whistle", limit=25, release=release, ctx=CTX).hits
        assert "whistle.md" in [hit.document_id for hit in hits]


@pytest.mark.parametrize(
    ("damaged", "text"),
    [("runs/*/run.json", ""), ("runs/*/recipe.json", "{}"), ("releases/7.toml", "= 3")],
)
def test_what_is_damaged_keeps_nobody_from_the_rest(
    tmp_path: Path, damaged: str, text: str
) -> None:
    with tarfile.open(MADE) as archive:
        archive.extractall(tmp_path, filter="data")
    home = tmp_path / ".graft"
    target = next(iter(sorted(home.glob(damaged))), home / damaged)
    target.write_text(text)
    workspace = open_workspace(tmp_path)
    assert ask(workspace, ["In which year was the anchor made?"], release=0, ctx=CTX)[0].text
    assert not (tmp_path / ".graft.new").exists() and target.read_text() == text
