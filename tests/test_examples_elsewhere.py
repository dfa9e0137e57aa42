"""A question that another passage may answer too tells nothing of who brings the right one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graft.core.document import Passage
from graft.core.example import Example, Gold
from graft.core.search import Hit, Search
from graft.examples.elsewhere import POOLED, answered_elsewhere, may_answer
from graft.examples.searching import Retrieve

TEXTS = {
    "own": "The stone bridge of Durham was opened in 1763 by the earl.",
    "again": "A plaque says that the bridge was opened in 1763. It is of stone.",
    "other": "The railway of Hexham closed in 1763, and the bridge of Durham was painted.",
    "apart": "The bridge of Durham is of stone. A fire burnt the mill down in 1763.",
    "none": "The stone bridge of Durham was opened by the earl.",
}
TITLES = {"again": "Durham"}
ASKED = Example("q", "When was the bridge of Durham opened?", ("1763",), (Gold("own"),))


def passage(id: str) -> Passage:
    return Passage(id, id, 0, len(TEXTS[id]), TEXTS[id], "s", TITLES.get(id, ""))


def bringing(*ids: str, error: str = "") -> Retrieve:
    hits = tuple(Hit(id, id, 1.0, passage=passage(id)) for id in ids)
    return lambda searches: [replace(s, hits=() if error else hits, error=error) for s in searches]


@pytest.mark.parametrize(
    ("id", "may"),
    [("own", False), ("again", True), ("other", False), ("apart", False), ("none", False)],
)
def test_a_passage_must_hold_the_answer_where_it_speaks_of_what_is_asked(
    id: str, may: bool
) -> None:
    assert may_answer(ASKED, passage(id)) is may


def test_whichever_retrieval_brings_it_the_question_is_in_doubt() -> None:
    one, other = bringing("own", "none"), bringing("apart", "again")
    assert answered_elsewhere([ASKED], [one]) == set()
    assert (
        answered_elsewhere([ASKED], [one, other]) == {"q"} == answered_elsewhere([ASKED], [other])
    )
    assert answered_elsewhere([ASKED], [bringing("again", error="gone")]) == set()
    deep = bringing(*["none"] * POOLED, "again")
    assert answered_elsewhere([ASKED], [deep]) == set()


def test_what_has_no_answer_is_not_looked_for() -> None:
    def never(searches: list[Search]) -> list[Search]:
        raise AssertionError("nothing is asked")

    lost = Example("u", "Why?", kind="unanswerable", group="own")
    assert answered_elsewhere([lost, replace(ASKED, answers=())], [never]) == set()


def test_a_question_of_two_halves_is_in_doubt_when_one_of_them_is() -> None:
    both = Example(
        "p",
        "When was the bridge of Durham opened, and who painted the mill?",
        ("1763; the miller",),
        (Gold("own"), Gold("mill")),
        metadata={"maker": "pair"},
    )
    assert may_answer(both, passage("again"))
    assert not may_answer(replace(both, metadata={}), passage("again"))
    assert not may_answer(both, passage("none"))
