"""What a generated text amounts to: an answer, a decline or an error."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from graft.answer.finish import CLOSED_BOOK_DECLINE, finish
from graft.answer.prepare import Budget, Prepared, prepare
from graft.answer.reply import tidy
from graft.core.document import Passage
from graft.core.generation import Generation
from graft.generate.prompts import CLOSED_BOOK, GROUNDED, Template

LEAVE = Passage("p1", "leave.md", 3, 41, "Five days carry over to the next year.", "s", "Leave")
QUESTION = "How many days carry over?"


def prepared(template: Template = GROUNDED, *passages: Passage) -> Prepared:
    return prepare(QUESTION, passages, template, budget=Budget(lambda prompt: 0, 1))


def test_a_supported_answer_is_cited():
    generation = Generation(" Answer: Five days.\n", "length", prompt_ids=(1, 2))
    answer = finish(prepared(GROUNDED, LEAVE), generation, threshold=0.5)
    assert (answer.text, answer.declined, answer.error) == ("Five days.", False, "")
    (citation,) = answer.citations
    assert answer.text[citation.start : citation.end] == "Five days."
    assert (citation.source_start, citation.source_end, citation.quote) == (3, 41, LEAVE.text)
    assert answer.support > 0.9
    assert (answer.finish_reason, answer.prompt_ids) == ("length", (1, 2))


@pytest.mark.parametrize("text", ["Five days.", GROUNDED.decline])
def test_an_answer_tells_its_prompt_and_what_it_took(text):
    generation = Generation(text, prompt_tokens=40, new_tokens=3)
    one, other = (
        finish(prepare(asked, [LEAVE], GROUNDED, budget=Budget(lambda prompt: 0, 1)), generation)
        for asked in (QUESTION, "How many days of leave?")
    )
    assert (one.prompt_tokens, one.new_tokens) == (40, 3)
    assert len(one.prompt_hash) == 32 and one.prompt_hash != other.prompt_hash


def test_a_model_that_declines_says_what_was_looked_for():
    for text in (GROUNDED.decline, "I don't know.", ""):
        answer = finish(prepared(GROUNDED, LEAVE), Generation(text))
        assert answer.declined
        assert QUESTION in answer.text
        assert "Leave" in answer.text
        assert answer.citations == ()


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("No evidence of harm was found in the trial.", "Does the drug do harm?"),
        ("There is no evidence that vitamin C prevents colds.", "Does vitamin C prevent colds?"),
        ("No information is sold to third parties.", "What is sold to third parties?"),
    ],
)
def test_what_reads_like_a_decline_is_an_answer_where_a_passage_says_it(text: str, question: str):
    said = Passage("p2", "a.md", 0, len(text), text, "s", "A")
    for shown, declines in ((said, False), (LEAVE, True)):
        ready = replace(prepared(GROUNDED, shown), question=question)
        for threshold in (0.0, 0.5):
            answer = finish(ready, Generation(text), threshold=threshold)
            assert answer.declined == declines
            assert (answer.text == text) != declines


def test_too_little_support_declines_without_the_models_words():
    generation = Generation("Bananas carry over.", prompt_ids=(7,))
    answer = finish(prepared(GROUNDED, LEAVE), generation, threshold=0.9)
    assert answer.declined
    assert "Bananas" not in answer.text
    assert 0 < answer.support < 0.9
    assert (answer.citations, answer.unsupported, answer.prompt_ids) == ((), (), (7,))


def test_a_threshold_of_zero_shows_everything_and_marks_it():
    answer = finish(prepared(GROUNDED, LEAVE), Generation("Bananas ripen."))
    assert (answer.text, answer.declined, answer.support) == ("Bananas ripen.", False, 0)
    assert answer.unsupported == ((0, 14),)


def test_support_at_the_threshold_is_enough():
    support = finish(prepared(GROUNDED, LEAVE), Generation("Five days.")).support
    assert not finish(
        prepared(GROUNDED, LEAVE), Generation("Five days."), threshold=support
    ).declined


def test_no_passages_decline_and_say_that_none_was_found():
    answer = finish(prepared(GROUNDED), Generation("Five."))
    assert answer.declined
    assert "found no passage" in answer.text


def test_closed_book_answers_are_not_declined_for_lack_of_evidence():
    answer = finish(prepared(CLOSED_BOOK, LEAVE), Generation("Five days."), threshold=0.9)
    assert (answer.text, answer.declined, answer.citations) == ("Five days.", False, ())
    assert answer.unsupported == ((0, 10),)
    unknown = finish(prepared(CLOSED_BOOK), Generation("I do not know that."))
    assert (unknown.text, unknown.declined) == (CLOSED_BOOK_DECLINE, True)


def test_errors_are_carried_and_leave_no_text():
    failed = Generation("half an", "error", error="the endpoint closed the connection")
    answer = finish(prepared(GROUNDED, LEAVE), failed)
    assert answer.error == "the endpoint closed the connection"
    assert (answer.text, answer.declined, answer.finish_reason) == ("", False, "error")
    broken = Prepared(QUESTION, GROUNDED, [], error="too long")
    assert finish(broken, Generation("x")).error == "too long"


def test_labels_go_and_words_stay():
    assert tidy("Final answer: five\n") == "five"
    assert tidy("The answer to this question is: five") == "five"
    assert tidy("The answer is five.") == "The answer is five."


def test_an_answer_that_was_likelier_not_to_be_written_declines():
    sure = finish(prepared(GROUNDED, LEAVE), Generation("Five days.", silence=0.1), threshold=0.5)
    unsure = finish(prepared(GROUNDED, LEAVE), Generation("Five days.", silence=0.9), threshold=0.5)
    assert not sure.declined and unsure.declined
    assert sure.confidence == pytest.approx(0.9 * sure.support)
    assert unsure.confidence == pytest.approx(0.1 * unsure.support)
    told_nothing = finish(prepared(GROUNDED, LEAVE), Generation("Five days."), threshold=0.5)
    assert told_nothing.confidence == told_nothing.support


def test_the_least_likely_token_counts_as_much_as_it_is_said_to():
    told = Generation("Five days.", silence=0.5, log_probs=(-0.2, -2.0, 0.0))
    for power in (0.0, 0.25, 1.0):
        answer = finish(prepared(GROUNDED, LEAVE), told, sureness=power)
        assert answer.confidence == pytest.approx(0.5 * math.exp(-2 * power) * answer.support)
    remote = Generation("Five days.")
    answer = finish(prepared(GROUNDED, LEAVE), remote, sureness=1.0)
    assert answer.confidence == answer.support > 0
    ready = prepared(GROUNDED, LEAVE)
    assert finish(ready, told, threshold=0.2, sureness=1.0).declined
    assert not finish(ready, told, threshold=0.2).declined
