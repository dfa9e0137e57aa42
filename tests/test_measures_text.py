from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.measures.text import (
    exact_match,
    normalize_answer,
    rouge_l,
    token_f1,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  cat,\tan animal", "cat animal"),
        ("Theatre", "theatre"),
        ("U.S.A.", "usa"),
        ("a-an-the", "aanthe"),
        ("", ""),
    ],
)
def test_normalising_follows_the_squad_script(text: str, expected: str) -> None:
    assert normalize_answer(text) == expected


def test_exact_match_takes_the_best_of_the_answers() -> None:
    assert exact_match("The Seine!", ["Rhine", "seine"]) == 1.0
    assert exact_match("Seine river", ["Rhine", "seine"]) == 0.0


def test_f1_by_hand() -> None:
    # "big red dog" against "red dog runs": 2 shared, precision 2/3, recall 2/3
    assert token_f1("the big red dog", ["red dog runs"]) == pytest.approx(2 / 3)
    # a repeated word is matched once: 1 shared of 3 and of 1
    assert token_f1("no no no", ["no"]) == pytest.approx(0.5)
    assert token_f1("cat", ["red dog", "cat"]) == 1.0


def test_f1_of_texts_that_normalise_to_nothing() -> None:
    assert token_f1("the", ["a"]) == 1.0
    assert token_f1("the", ["cat"]) == 0.0


def test_rouge_l_by_hand() -> None:
    # the longest common subsequence of "a b c d" and "a c e d" is "a c d": P = R = 3/4
    assert rouge_l("a b c d", ["A c e d."]) == pytest.approx(0.75)
    # order matters: "d c b a" shares one word in order
    assert rouge_l("d c b a", ["a b c d"]) == pytest.approx(0.25)
    # precision 1, recall 2/4: F = 2/3
    assert rouge_l("a b", ["a b c d", "x"]) == pytest.approx(2 / 3)


def test_without_accepted_answers_every_score_is_zero() -> None:
    assert [score("cat", []) for score in (exact_match, token_f1, rouge_l)] == [0.0, 0.0, 0.0]


words = st.lists(st.sampled_from("abcd"), max_size=7)


@given(words, words)
def test_rouge_l_equals_the_definition(left: list[str], right: list[str]) -> None:
    shared = _longest(left, right)
    total = len(left) + len(right)
    expected = 2 * shared / total if shared else 0.0
    assert rouge_l(" ".join(left), [" ".join(right)]) == pytest.approx(expected)


@given(words)
def test_a_text_matches_itself_in_every_measure(left: list[str]) -> None:
    text = " ".join(["x", *left])
    assert [score(text, ["y", text]) for score in (exact_match, token_f1, rouge_l)] == [
        1.0,
        1.0,
        1.0,
    ]


def _longest(left: Sequence[str], right: Sequence[str]) -> int:
    def within(short: Sequence[str]) -> bool:
        rest = iter(right)
        return all(word in rest for word in short)

    sizes = range(len(left), 0, -1)
    return next((n for n in sizes if any(within(c) for c in combinations(left, n))), 0)
