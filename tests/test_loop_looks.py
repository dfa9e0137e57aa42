"""Every evaluation of the same questions is a look at them, and only what is new counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graft.core.example import Example, Gold
from graft.loop.looks import look_at, marks, marks_of
from graft.wire import open_workspace


def ask(text: str, document: str = "") -> Example:
    return Example(text, text, ("a",), (Gold(document or text),))


TEN = [ask(f"Question {i}?", f"d{i}") for i in range(10)]


@pytest.fixture
def workspace(tmp_path):
    return open_workspace(tmp_path)


def keep(workspace, id: str, questions, digest: str = "", split: str = "test-new") -> None:
    found = marks_of(questions)
    asked = {
        "marks": {split: found["questions"]},
        "documents": {split: found["documents"]},
    }
    detail = {"asked": {"digest": digest or id, **asked}}
    workspace.ledger.record_evaluation(id, 0.0, 1, detail=detail)


def test_looks_count_from_one_and_each_evaluation_is_one(workspace):
    assert look_at(workspace, TEN, "new") == 1
    keep(workspace, "a", TEN)
    keep(
        workspace,
        "b",
        [replace(e, question=e.question.upper()) for e in TEN],
        split="test-new ladder",
    )
    assert look_at(workspace, TEN, "new") == 3


def test_what_was_asked_once_more_is_no_new_look(workspace):
    keep(workspace, "a", TEN, digest="same")
    keep(workspace, "b", TEN, digest="same")
    assert look_at(workspace, TEN, "new") == 2
    assert look_at(workspace, TEN, "same") == 1


def test_half_of_the_smaller_set_makes_it_the_same_questions(workspace):
    others = [ask(f"Other {i}?") for i in range(20)]
    elsewhere = [replace(e, gold=(Gold(f"other {e.id}"),)) for e in TEN]
    keep(workspace, "a", elsewhere[:4] + others)
    assert look_at(workspace, TEN, "new") == 1
    keep(workspace, "b", elsewhere[:5] + others)
    assert look_at(workspace, TEN, "new") == 2


def test_other_questions_on_the_same_documents_are_a_look_at_them(workspace):
    others = [ask(f"In other words {i}?", f"d{i}") for i in range(10)]
    elsewhere = [ask(f"Elsewhere {i}?") for i in range(40)]
    keep(workspace, "a", others[:1] + elsewhere)
    assert look_at(workspace, TEN, "new") == 1, "one document of ten"
    keep(workspace, "b", others[:2] + elsewhere)
    assert look_at(workspace, TEN, "new") == 2
    # An evaluation of before documents were recorded counts by its questions alone.
    old = {"digest": "old", "marks": {"test-new": marks(e.question for e in others)}}
    workspace.ledger.record_evaluation("old", 0.0, 1, detail={"asked": old})
    assert look_at(workspace, TEN, "new") == 2


def test_an_evaluation_that_kept_no_questions_counts_for_nothing(workspace):
    workspace.ledger.record_evaluation("old", 0.0, 1, detail={"splits": {}})
    assert look_at(workspace, TEN, "new") == 1
