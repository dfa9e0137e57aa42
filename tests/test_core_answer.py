"""Answer as plain values."""

from __future__ import annotations

from graft.core.answer import Answer


def test_the_json_of_an_answer_says_how_it_could_be_replayed() -> None:
    told = Answer("Who?", "A smith.", seed=7, replayable=False).to_dict()
    assert (told["seed"], told["replayable"]) == (7, False)
