from __future__ import annotations

import pytest

from graft.measures.sameness import frames, told_apart

APART = [
    ("What does heapq.merge do?", "What is heapq.nsmallest for?"),
    ("What were the revenues in 2018?", "How large were revenues in 2019?"),
    ("Who leads Acme?", "Who is the head of Globex?"),
    ("Is the cache safe?", "Is it not safe to use the cache?"),
    ("Where was Marie Curie born?", "When was Marie Curie born?"),
    ("Where was Marie Curie born?", "In which year was Marie Curie born?"),
    ("Who maintains the index?", "How many maintain the index?"),
    ("Did revenue rise last year?", "Did last year see revenue fall?"),
    ("How is asthma treated?", "How is asthma diagnosed?"),
    ("What does max_tokens set?", "What is set by min_tokens?"),
    ("What is hepatitis B?", "What kind of illness is hepatitis C?"),
    ("What is new in version 3.11?", "What does version 3.12 bring?"),
]
OPEN = [
    ("What does heapq.merge do?", "What is merge in heapq for?"),
    ("How high is Mount Everest?", "What is the height of Mount Everest?"),
    ("Who is the CEO of Acme?", "Who leads Acme as chief executive?"),
    ("who is the ceo of acme?", "Who leads Acme as chief executive?"),
    ("How long is five years?", "What is the length of 5 years?"),
    ("What Is The Size Of The File?", "How large is the file?"),
    ("When was it finished?", "In which year was it completed?"),
]


@pytest.mark.parametrize(("one", "other"), APART)
def test_words_tell_apart_what_a_vector_may_not(one: str, other: str) -> None:
    assert told_apart(one, other) and told_apart(other, one)


@pytest.mark.parametrize(("one", "other"), OPEN)
def test_other_words_are_left_open(one: str, other: str) -> None:
    assert not told_apart(one, other) and not told_apart(other, one)


def test_frames_are_what_is_asked_of_what_is_shared() -> None:
    one, other = "How is Rotor syndrome diagnosed?", "What are the signs of Rotor syndrome?"
    assert frames(one, other) == ("How is it diagnosed?", "What are the signs of it")
    assert frames("Why?", "When?") == ("Why?", "When?")
