"""Every evaluation of the same questions is a look at them, and only what is new counts."""

from __future__ import annotations

import pytest

from graft.loop.looks import look_at, marks
from graft.wire import open_workspace

TEN = [f"Question {i}?" for i in range(10)]


@pytest.fixture
def workspace(tmp_path):
    return open_workspace(tmp_path)


def keep(workspace, id: str, questions, digest: str = "", split: str = "test-new") -> None:
    detail = {"asked": {"digest": digest or id, "marks": {split: marks(questions)}}}
    workspace.ledger.record_evaluation(id, 0.0, 1, detail=detail)


def test_looks_count_from_one_and_each_evaluation_is_one(workspace):
    assert look_at(workspace, TEN, "new") == 1
    keep(workspace, "a", TEN)
    keep(workspace, "b", [text.upper() for text in TEN], split="test-new ladder")
    assert look_at(workspace, TEN, "new") == 3


def test_what_was_asked_once_more_is_no_new_look(workspace):
    keep(workspace, "a", TEN, digest="same")
    keep(workspace, "b", TEN, digest="same")
    assert look_at(workspace, TEN, "new") == 2
    assert look_at(workspace, TEN, "same") == 1


def test_half_of_the_smaller_set_makes_it_the_same_questions(workspace):
    others = [f"Other {i}?" for i in range(20)]
    keep(workspace, "a", TEN[:4] + others)
    assert look_at(workspace, TEN, "new") == 1
    keep(workspace, "b", TEN[:5] + others)
    assert look_at(workspace, TEN, "new") == 2


def test_an_evaluation_that_kept_no_questions_counts_for_nothing(workspace):
    workspace.ledger.record_evaluation("old", 0.0, 1, detail={"splits": {}})
    assert look_at(workspace, TEN, "new") == 1
