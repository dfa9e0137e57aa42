from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.examples.holding import answer_words, holds, holds_any
from graft.measures.words import content, fold


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("They moved in the year 1,848.", "1848"),
        ("It took twelve years.", "12 years"),
        ("a $1,500 prize", "1500 dollars"),
        ("rose by 3.5 %", "3.5 percent"),
        ("the 20th century", "20th century"),
        ("Don’t panic, he said", "don't panic"),
        ("call os.path.join() here", "os.path.join()"),
        ("use the += operator", "+="),
        ("THE   Prime\nMinister resigned", "a prime minister"),
    ],
)
def test_an_answer_is_held_however_it_is_written(text: str, answer: str) -> None:
    assert holds(text, answer)
    assert holds_any(text, ["nothing of it", answer])


@pytest.mark.parametrize(
    ("text", "answer"),
    [("version 3.11", "3.1"), ("13 days", "3 days"), ("a cathedral", "cat"), ("anything", "  ")],
)
def test_a_part_of_a_word_or_number_is_not_the_answer(text: str, answer: str) -> None:
    assert not holds(text, answer)
    assert not holds_any(text, [answer])


@given(st.text(max_size=30), st.text(min_size=1, max_size=20), st.text(max_size=30))
def test_a_text_holds_what_stands_in_it_between_spaces(left: str, answer: str, right: str) -> None:
    if answer_words(answer):
        assert holds(f"{left} . {answer} . {right}", answer)


def test_content_leaves_out_what_every_question_has() -> None:
    assert content("What is the name of the first emperor?") == {fold("name"), "first", "emperor"}
