"""Declining: what counts as it, what it says, and the threshold that serves best."""

from __future__ import annotations

import numpy as np
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
    fitted = fit_threshold([0.9, 0.8, 0.7, 0.4, 0.3] * 4, [1, 1, 1, 0, 0] * 4)
    assert (fitted.threshold, fitted.gain, fitted.enough) == (0.55, 0.4, True)
    every, none = fitted.curve[0], fitted.curve[-1]
    assert (every.threshold, every.coverage, every.risk) == (0, 1, 0.4)
    assert every.utility == pytest.approx(0.2)
    assert (none.threshold, none.coverage, none.utility) == (1, 0, 0)


def test_what_a_wrong_answer_costs_decides_where_it_lies():
    supports = [0.9] * 10 + [0.6] * 20 + [0.3] * 10
    right = [True] * 10 + [True] * 12 + [False] * 8 + [False] * 10
    assert fit_threshold(supports, right, cost=1.0).threshold == 0.45
    assert fit_threshold(supports, right, cost=4.0).threshold == 0.75
    assert fit_threshold(supports, right, cost=0.0).threshold == 0


def test_without_a_gain_on_what_it_was_not_fitted_on_all_is_answered():
    # Support says nothing of what is right: what is best on these answers is luck.
    generator = np.random.default_rng(0)
    kept = [
        fit_threshold(list(generator.random(80)), list(generator.random(80) < 0.55)).threshold
        for _ in range(40)
    ]
    assert sum(t == 0 for t in kept) >= 30


def test_answers_on_one_document_are_judged_by_the_threshold_of_others():
    # Each document has a level of its own; by single answers the fit would look like a gain.
    supports = [d / 20 + i / 1000 for d in range(20) for i in range(10)]
    right = [d % 2 == 0 for d in range(20) for _ in range(10)]
    groups = [str(d) for d in range(20) for _ in range(10)]
    assert fit_threshold(supports, right, groups=groups).threshold == 0


def test_tiny_or_one_sided_sets_keep_the_default():
    for supports, right in (([], []), ([0.9, 0.1], [True, False]), ([0.1] * 50, [False] * 50)):
        fitted = fit_threshold(supports, right, default=0.4)
        assert (fitted.threshold, fitted.enough) == (0.4, False)


@quick
@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=30), st.floats(0, 1),
    st.floats(0, 5),
)  # fmt: skip
def test_no_threshold_beats_the_best_of_the_curve(rows, other, cost):
    supports, right = [s for s, _ in rows], [r for _, r in rows]
    fitted = fit_threshold(supports, right, cost=cost, smallest=1)
    assert 0 <= fitted.threshold <= 1
    if fitted.enough:
        shown = sum(1 if r else -cost for s, r in rows if s >= other) / len(rows)
        best = max(point.utility for point in fitted.curve)
        assert best >= shown - 1e-9
        chosen = next(p for p in fitted.curve if p.threshold == fitted.threshold)
        assert chosen.utility >= (best if fitted.threshold else fitted.curve[0].utility) - 1e-9


def test_unpaired_labels_are_refused():
    with pytest.raises(InputError, match="1 supports were given for 2 labels"):
        fit_threshold([0.5], [True, False])
