import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.measures.leaks import THRESHOLD, content_words, leaks
from graft.measures.similarity import jaccard

NEAR_COPIES = [
    ("What does the cache do?", "what does the cache do"),
    ("What does cache do?", "What does the cache do?"),
    ("What is the capital of France?", "What is the capital of the France ?!"),
    ("Who wrote “Emma”?", 'who wrote "Emma"'),
    ("How many leave days carry over?", "How many leave days do carry over?"),
    ("How do I install the package?", "How do you install a package?"),
    ("What are the limits of a token?", "What is the limit of tokens?"),
    ("What's the cache's limit?", "What is the cache limit?"),
    ("Ｗｈｏ is Ada Lovelace", "Who is Ada Lovelace?"),
    (
        "Which year did the first electric railway line open in Berlin?",
        "Which year did the first electric railway line open in Berlin city?",
    ),
    (
        "According to the report, how many patients left the trial early because of side effects?",
        "According to this report how many patients left the trial early because of side effects",
    ),
]

OTHERS = [
    ("What does parse do?", "What does format do?"),
    ("What does X do", "What does Y do"),
    ("Who wrote Emma?", "Who wrote Ulysses?"),
    ("What is the capital of France?", "What is the capital of Spain?"),
    ("When did Ada Lovelace die?", "Where did Ada Lovelace die?"),
    ("Who won the 2012 election in Ohio?", "Who won the 2016 election in Ohio?"),
    ("Which rules apply to Henry IV?", "Which rules apply to Henry V?"),
    ("Is the cache safe?", "Is the cache not safe?"),
    ("Why does it start?", "Why doesn’t it start?"),
    ("What is diabetes type I?", "What is diabetes type II?"),
    ("What is hepatitis D?", "What is hepatitis C?"),
    ("What happens before the commit?", "What happens after the commit?"),
    ("What is it?", "What was that?"),
    ("Who is he?", "Where is he?"),
    (
        "What is the name of the largest city on the northern coast of the island of Java?",
        "What is the name of the largest city on the northern coast of the island of Cuba?",
    ),
    ("日本の首都はどこですか", "中国の首都はどこですか"),
    ("!!!", "???"),
]


@pytest.mark.parametrize(("left", "right"), NEAR_COPIES)
def test_a_near_copy_leaks_both_ways(left: str, right: str) -> None:
    (pair,) = leaks([("l", left)], [("r", right)])
    assert pair[:2] == ("l", "r")
    assert THRESHOLD <= pair[2] <= 1
    assert leaks([("r", right)], [("l", left)]) == [("r", "l", pair[2])]


@pytest.mark.parametrize(("left", "right"), OTHERS)
def test_a_question_about_something_else_does_not_leak(left: str, right: str) -> None:
    assert leaks([("l", left)], [("r", right)]) == []


def test_equal_questions_have_similarity_one_and_are_all_named() -> None:
    left = [("a", "Who wrote Emma?"), ("b", "Who wrote Emma")]
    right = [("c", "who wrote Emma"), ("d", "other"), ("e", "Who wrote the Emma?")]
    expected = [("a", "c", 1.0), ("a", "e", 1.0), ("b", "c", 1.0), ("b", "e", 1.0)]
    assert leaks(left, right) == expected


@pytest.mark.parametrize("length", [18, 19])
def test_the_threshold_parts_one_changed_word_as_documented(length: int) -> None:
    base = [f"w{i}x" for i in range(length)]
    changed = [*base[: length // 2], "other", *base[length // 2 + 1 :]]
    found = leaks([("l", " ".join(base))], [("r", " ".join(changed))])
    assert len(found) == (length >= 19)


questions = st.lists(
    st.lists(
        st.sampled_from(["alpha", "beta", "gamma", "delta", "eta", "the", "is"]), max_size=8
    ).map(" ".join),
    max_size=8,
)


@given(questions, questions, st.sampled_from([0.3, 0.5, 0.7, 0.85, 1.0]))
def test_the_join_equals_a_comparison_of_all_pairs(
    left: list[str], right: list[str], threshold: float
) -> None:
    def features(text: str) -> set[tuple[str, ...]]:
        content = content_words(text)
        return {(w,) for w in content} | set(pairwise(content))

    expected = [
        (str(i), str(j), jaccard(features(one), features(two)))
        for i, one in enumerate(left)
        for j, two in enumerate(right)
        if features(one) and features(two) and jaccard(features(one), features(two)) >= threshold
    ]
    items = [[(str(i), text) for i, text in enumerate(side)] for side in (left, right)]
    assert leaks(items[0], items[1], threshold=threshold) == expected


def test_thousands_of_questions_are_joined_without_all_pairs() -> None:
    draw = random.Random(1)
    vocabulary = [f"word{i}" for i in range(3000)]

    def question() -> str:
        return "What is the " + " ".join(draw.choices(vocabulary, k=7)) + "?"

    left = [(f"l{i}", question()) for i in range(4000)]
    right = [(f"r{i}", question()) for i in range(4000)]
    right[100] = ("copy", left[7][1].replace("?", "").replace("the ", ""))
    assert leaks(left, right) == [("l7", "copy", 1.0)]
