"""Every list of words is compared as its users fold what they compare with it."""

from __future__ import annotations

import pytest

from graft.examples import filters, settle
from graft.examples.candidates import named
from graft.library.analyse import ENGLISH, Analyser
from graft.measures import claim, leaks, words
from graft.measures.claim import read_claim
from graft.measures.leaks import QUESTION_WORDS, content_words
from graft.measures.words import NEGATIONS, content, fold, has_meaning, is_negation


@pytest.mark.parametrize("word", words._STOP_WORDS.split())
def test_a_stop_word_says_nothing_wherever_it_stands(word: str) -> None:
    assert content(word) == set() == content(word.title()) and not has_meaning(word)
    assert "zebra" in read_claim(f"zebra {word}", "").content
    assert read_claim(f"zebra {word}", "").content == ("zebra",)
    assert read_claim(f"The {word.title()} zebra", "").names == ()
    assert ("Zebra Crossing", "name") in named(f"There {word.title()} Zebra Crossing ends.")


@pytest.mark.parametrize("word", leaks._STOP_WORDS.split())
def test_a_small_word_makes_no_other_question(word: str) -> None:
    assert content_words(f"zebra {word}") == ("zebra",)


@pytest.mark.parametrize("word", sorted(QUESTION_WORDS))
def test_a_question_word_is_known_after_folding(word: str) -> None:
    assert content_words(f"{word} zebra")[0] in QUESTION_WORDS


@pytest.mark.parametrize("word", sorted(NEGATIONS))
def test_a_negation_is_one(word: str) -> None:
    assert is_negation(word) and is_negation(word.title())


@pytest.mark.parametrize("word", ["yes", "no", "maybe", "true", "false"])
def test_a_bare_answer_is_bare(word: str) -> None:
    assert read_claim(word.title(), "Is it so?").bare


@pytest.mark.parametrize("word", ENGLISH)
def test_full_text_indexes_no_stop_word(word: str) -> None:
    assert Analyser().terms(f"zebra {word}") == ["zebra"]


@pytest.mark.parametrize(
    ("listed", "held"),
    [(words._UP, words.UPWARD), (words._DOWN, words.DOWNWARD)],
)
def test_a_direction_is_known_after_folding(listed: str, held: frozenset[str]) -> None:
    assert {fold(word) for word in listed.split()} == held


def test_lists_that_are_folded_when_made_lose_no_word_of_theirs() -> None:
    for listed, held in (
        (filters._ANY_QUESTION, filters.ANY_QUESTION),
        (settle._JUDGING, settle.JUDGING),
    ):
        for word in listed.split():
            assert content(word) and content(word) <= held
    assert len(claim._BARE) == 5


def test_what_a_stop_word_is_folded_to_is_what_its_users_see() -> None:
    assert content("What does this doer of yours do there?") == content("doer")
