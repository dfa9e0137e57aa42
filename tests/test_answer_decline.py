"""Declining: what counts as it, what it says, and the threshold that serves best."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.answer.decline import decline_text, fit_threshold, is_decline, may_decline
from graft.core.document import Passage
from graft.core.errors import InputError
from graft.generate.prompts import GROUNDED

quick = settings(deadline=None, max_examples=60)


@pytest.mark.parametrize(
    "text",
    [
        GROUNDED.decline,
        "the passages do not say",
        "The passages don’t say. But I would guess five.",
        "The passage does not mention who founded it.",
        "Sorry, but the provided context doesn't contain the answer.",
        "I don't know.",
        "I'm sorry, I cannot answer that.",
        "I can't find it.",
        "There is no information about that in the passages.",
        "Not enough information.",
        "There is no mention of it in the given context.",
        "Not mentioned in the passages.",
        "Unanswerable",
        "N/A",
        "  ",
        "",
    ],
)
def test_a_model_that_declines_is_heard(text: str):
    assert is_decline(text, GROUNDED.decline)


@pytest.mark.parametrize(
    "text",
    [
        "Five days carry over.",
        "Five days. The passages do not say more.",
        "The report does not say who paid.",
        "No, it is not available on Sundays.",
        "No",
        "Not before the third day.",
        "The unknown soldier",
        "I do the dishes.",
        "This document does not have legal force.",
    ],
)
def test_an_answer_is_not_taken_for_a_decline(text: str):
    assert not is_decline(text, GROUNDED.decline)
    assert not may_decline(text)


@pytest.mark.parametrize(
    "text",
    [
        "No evidence of harm was found in the trial.",
        "There is no evidence that vitamin C prevents colds.",
        "There is insufficient evidence to recommend screening.",
        "No information is sold to third parties.",
        "This document does not specify an end date.",
        "It cannot be determined.",
        "Not known.",
        "Unknown",
    ],
)
def test_what_a_document_may_say_as_well_is_left_to_the_evidence(text: str):
    assert not is_decline(text, GROUNDED.decline)
    assert may_decline(text)
    assert is_decline(text, text)


def passages(count: int) -> list[Passage]:
    return [Passage(f"p{n}", f"d{n}.md", 0, 1, "x", "s", f"Title {n}") for n in range(count)]


def test_a_decline_names_the_question_and_where_it_looked():
    text = decline_text("Who \n pays?", [*passages(2), *passages(1)])
    assert "“Who pays?”" in text
    assert "(looked at: Title 0, Title 1)" in text
    assert "Title 2 and 2 more" in decline_text("Who?", passages(5))
    assert "no passage" in decline_text("Who?", [])
    assert "d.md" in decline_text("Who?", [Passage("p", "d.md", 0, 1, "x", "s")])


def test_the_threshold_between_right_and_wrong_is_found():
    fitted = fit_threshold([0.9, 0.8, 0.7, 0.4, 0.3], [1, 1, 1, 0, 0], smallest=2)
    assert (fitted.threshold, fitted.value, fitted.enough) == (0.55, 1.0, True)
    assert fitted.curve[0].threshold == 0
    assert (fitted.curve[0].kept, fitted.curve[0].declined) == (1, 0)


def test_both_kinds_count_the_same_however_frequent():
    # 2 right of 100 answers: to decline all but the best two is best, though 98 % are wrong
    supports = [0.9, 0.2] + [0.1] * 98
    right = [True, True] + [False] * 98
    fitted = fit_threshold(supports, right, smallest=2)
    assert fitted.threshold == 0.15
    assert fitted.value == 1


def test_ties_go_to_the_lower_threshold():
    # no threshold does better than keeping all
    fitted = fit_threshold([0.1, 0.5], [True, False], smallest=1)
    assert fitted.threshold == 0
    assert fit_threshold([0.5] * 10, [True, False] * 5).threshold == 0


def test_tiny_or_one_sided_sets_keep_the_default():
    for supports, right in (([], []), ([0.9, 0.1], [True, False]), ([0.1] * 50, [False] * 50)):
        fitted = fit_threshold(supports, right, default=0.4)
        assert (fitted.threshold, fitted.enough) == (0.4, False)


@quick
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=30), st.floats(0, 1))
def test_no_threshold_beats_the_fitted_one(rows: list[tuple[float, bool]], other: float):
    supports, right = [s for s, _ in rows], [r for _, r in rows]
    fitted = fit_threshold(supports, right, smallest=1)
    assert 0 <= fitted.threshold <= 1
    if fitted.enough:
        good = [s for s, r in rows if r]
        bad = [s for s, r in rows if not r]
        kept = sum(s >= other for s in good) / len(good)
        declined = sum(s < other for s in bad) / len(bad)
        assert fitted.value >= (kept + declined) / 2 - 1e-12


def test_unpaired_labels_are_refused():
    with pytest.raises(InputError, match="1 supports were given for 2 labels"):
        fit_threshold([0.5], [True, False])
