import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.measures.text import (
    exact_match,
    is_answer,
    normalize_answer,
    rouge_l,
    token_f1,
)

Score = Callable[[str, Sequence[str]], float]


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


@pytest.mark.parametrize("score", [exact_match, token_f1])
def test_a_blank_text_equals_a_blank_one_alone(score: Score) -> None:
    assert score(" ", ["\n"]) == score("", [""]) == 1.0
    # what has no words in SQuAD's sense is no blank: "A" may be a choice and "+=" an operator
    for answer in ("+=", "A", "the", "?", "()", "…", "。", "-", '""', "®", "cat", "日"):
        assert score("", [answer]) == score(answer, [""]) == 0.0
        assert score(answer, [answer]) == 1.0
    # as in SQuAD 2's script, which leaves such answers out where there are others
    assert score("", ["", "cat"]) == 0.0 and score("cat", ["", "cat"]) == 1.0


def test_rouge_l_by_hand() -> None:
    # the longest common subsequence of "a b c d" and "a c e d" is "a c d": P = R = 3/4
    assert rouge_l("a b c d", ["A c e d."]) == pytest.approx(0.75)
    # order matters: "d c b a" shares one word in order
    assert rouge_l("d c b a", ["a b c d"]) == pytest.approx(0.25)
    # precision 1, recall 2/4: F = 2/3
    assert rouge_l("a b", ["a b c d", "x"]) == pytest.approx(2 / 3)


def test_without_accepted_answers_every_score_is_zero() -> None:
    assert [score("cat", []) for score in (exact_match, token_f1, rouge_l)] == [0.0, 0.0, 0.0]


ROUGE = (
    ("growth of the low-cost carrier market", "the growth of the low-cost carrier market", 14 / 15),
    ("the European 6-year model", "European 6-year model", 8 / 9),
    ("In most Spanish-speaking countries", "most Spanish-speaking countries", 8 / 9),
    (
        "she usually keeps her birth names, or at least the last one",
        "the father's name is the last, mother's coming first",
        0.17391304347826086,
    ),
    ("biophysics and biochemistry, anatomy, ethics", "biophysics, biochemistry", 4 / 7),
    ("nutritious English grass", "red clover and timothy-grass", 0.25),
    ("foo_bar baz", "foo bar", 0.8),
    ("", "", 0.0),
)  # fmt: skip
"""Answers of SquadShifts (CC BY 4.0), and two of our own, with what rouge-score 0.1.2 gives."""


@pytest.mark.parametrize(("one", "two", "expected"), ROUGE)
def test_rouge_l_is_that_of_rouge_score(one: str, two: str, expected: float) -> None:
    assert rouge_l(one, [two]) == pytest.approx(expected, abs=1e-12)


def test_rouge_l_has_words_and_characters_of_other_scripts() -> None:
    assert rouge_l("Café NAÏVE", ["café naïve"]) == rouge_l("Ｃａｆｅ", ["cafe"]) == 1.0
    assert rouge_l("café", ["caf"]) == 0.0  # where rouge-score drops the letter
    assert rouge_l("भारत की राजधानी", ["राजधानी।"]) == pytest.approx(0.5)
    assert rouge_l("他在北京出生", ["北京"]) == pytest.approx(0.5)


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


anything = st.text(st.sampled_from("aAbñßΣς語本ที่क्٣5.,-+#%$€’' \n"), max_size=12)


@given(anything, anything)
def test_scores_are_symmetric_and_within_bounds(one: str, two: str) -> None:
    for score in (exact_match, token_f1, rouge_l):
        assert score(one, [two]) == score(two, [one])
        assert 0.0 <= score(one, [two]) <= 1.0
    assert exact_match(one, [two]) <= token_f1(one, [two])


@given(anything, anything)
def test_case_and_outer_spaces_do_not_count(one: str, two: str) -> None:
    for score in (exact_match, token_f1, rouge_l):
        expected = score(one, [two])
        assert score(f" \n{one}\t", [two.upper()]) == score(one.upper(), [f"  {two} "]) == expected


@given(st.text(max_size=20))
def test_any_text_equals_itself_and_no_other_is_blank(text: str) -> None:
    assert exact_match(text, [text]) == token_f1(text, [text]) == 1.0
    if text.strip() and text.isprintable():
        assert token_f1("", [text]) == token_f1(text, [""]) == 0.0


plain = st.lists(
    st.text(st.sampled_from("abcthe'"), min_size=1, max_size=6)
    | st.sampled_from(["a", "an", "the", "well-known", "U.S.", "1998", "(so)", "e.g.,", '"yes"']),
    min_size=1, max_size=6,
).map(" ".join)  # fmt: skip


@given(plain, plain)
def test_ordinary_english_scores_as_squads_script_has_it(one: str, two: str) -> None:
    left, right = _squad(one), _squad(two)
    if left and right:
        shared = sum((Counter(left) & Counter(right)).values())
        assert token_f1(one, [two]) == pytest.approx(2 * shared / (len(left) + len(right)))
        assert exact_match(one, [two]) == float(left == right)


def _squad(text: str) -> list[str]:
    bare = "".join(c for c in text.lower() if c not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", bare).split()


@pytest.mark.parametrize(
    ("text", "accepted", "right"),
    [
        ("in the river Seine", "Seine", True),
        ("Five days.", "5 days", True),
        ("five days carry over to the next year", "five days carry over into the next year", True),
        ("textwrap.dedent", "textwrap.dedent", True),
        ("It is closed if the file is empty", "if the file is empty", True),
        ("North Korea", "South Korea", False),
        ("New Jersey", "New York", False),
        ("3 May 2019", "2 May 2019", False),
        ("at least 9 days", "at least 5 days", False),
        ("not five days", "five days", False),
        ("Yes or no", "yes", False),
        ("2017 2018 2019", "2018", False),
        ("ValueError or TypeError", "TypeError", False),
        ("John Smith", "Mary Smith", False),
        ("南京大学", "北京大学", False),
        ("北京大学", "北京大学", True),
        ("", "Seine", False),
    ],
)
def test_an_answer_is_right_when_it_gives_what_was_asked(text: str, accepted: str, right: bool):
    assert is_answer(text, [accepted]) is right
    assert is_answer(text, ["something else", accepted]) is right
