from __future__ import annotations

import pytest

from graft.core.search import Hit, Search
from graft.examples import filters


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("The tower was completed in 1889.", filters.NOT_A_QUESTION),
        ("The answer is: what is a tower?", filters.NOT_A_QUESTION),
        ("What is the answer to this question?", filters.REFERS),
        ("According to the passage, who built the tower?", filters.NOT_A_QUESTION),
        ("Who built the tower according to the passage?", filters.REFERS),
        ("What is the purpose of this text about towers?", filters.REFERS),
        ("Who is it?", filters.TOO_SHORT),
        ("What is the tower and what is the tower and who is it?", filters.TOO_LONG),
        ("What " + " ".join(f"word{i}" for i in range(40)) + "?", filters.TOO_LONG),
        ("What does it do when it starts?", filters.VAGUE),
        ("What is the difference between the two?", filters.VAGUE),
        ("What is this and what are they?", filters.VAGUE),
        ("In what year was the Eiffel Tower completed?", ""),
        ("Does os.fork() return a number?", ""),
    ],
)
def test_what_is_wrong_with_a_question_on_its_face(question: str, reason: str) -> None:
    assert filters.fault(question) == reason


@pytest.mark.parametrize(
    ("reply", "question"),
    [
        ('"When did it end?"', "When did it end?"),
        ("**Question:** When did it end?\nAnswer: 1848", "When did it end?"),
        ("Q: When did it end? It ended in 1848.", "When did it end?"),
        ("\n\nWhen did it end?", "When did it end?"),
        ("What does `open()` do?", "What does `open()` do?"),
        ("", ""),
    ],
)
def test_the_question_is_taken_out_of_the_reply(reply: str, question: str) -> None:
    assert filters.clean(reply) == question


def test_a_question_that_gives_its_answer_away_is_copied() -> None:
    sentence = "The tower was painted in a lighter shade at the top to look taller."
    assert filters.copied("Was the tower completed in 1,889?", "1889")
    assert filters.copied("Which car of the fleet was small and red?", "a small red car")
    assert filters.copied(
        "The tower was painted in a lighter shade at the top to look taller?", "", [sentence]
    )
    assert not filters.copied(
        "Why was the tower painted lighter at the top?", "to look taller", [sentence]
    )


@pytest.mark.parametrize(
    ("question", "stray"),
    [
        ("What does json.dump write?", False),
        ("What is the purpose of json.dump?", False),
        ("Where is an object of the file kept?", False),
        ("What is an object?", True),
        ("Which company buys most of the tea leaves?", True),
    ],
)
def test_a_question_must_be_about_what_it_was_asked_for(question: str, stray: bool) -> None:
    assert filters.strays(question, "Write an object to a file.", "json > json.dump") == stray


def test_a_document_is_retrieved_only_among_the_first_hits() -> None:
    search = Search("?", hits=tuple(Hit(f"p{i}", f"d{i}", 1.0) for i in range(5)))
    assert filters.retrieved(search, ["d2"], 3)
    assert not filters.retrieved(search, ["d3"], 3)
    assert not filters.retrieved(Search("?", hits=search.hits, error="down"), ["d0"], 3)
