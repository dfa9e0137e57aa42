from __future__ import annotations

from dataclasses import replace

import pytest

from graft.core.document import Document
from graft.examples.drafts import Draft, answer_drafts
from graft.examples.filters import COPIED, NOT_RECOVERED
from graft.examples.settle import (
    Settled,
    asks_detail,
    brief,
    evidence,
    fits,
    needs_reader,
    settle,
    settle_by_words,
)
from graft.testing import MemoryStore

TEXT = (
    "The mill of Corbridge was built in 1766 by Ralph Snow. It had 12 wheels and a large granary. "
    "The granary kept the corn of the town dry through the wet winters."
)
DOCUMENT = Document("mill.md", TEXT, "Corbridge")


def draft(answer: str) -> Draft:
    import random

    passages = MemoryStore([DOCUMENT])._passages
    found = answer_drafts(DOCUMENT, passages, random.Random(1))
    return next(d for d in found if d.answer.startswith(answer))


@pytest.mark.parametrize(
    ("answer", "question", "reply", "settled"),
    [
        # the drafted detail, held by a whole sentence
        ("1766", "When was the mill built?", "It was built in 1766.", Settled("1766")),
        # another detail than the one that was cut out
        ("1766", "Who built the mill?", "The mill was built by Ralph Snow.", Settled("Ralph Snow")),
        # a date is no person
        ("1766", "Who built the mill?", "In 1766.", Settled(reason=NOT_RECOVERED)),
        # two numbers could be meant
        ("1766", "How many wheels?", "In 1766 it had 12 wheels.", Settled(reason=NOT_RECOVERED)),
        # asked without a gap for it, answered in the text's own words
        (
            "1766",
            "What did the mill have besides 12 wheels?",
            "A large granary.",
            Settled("A large granary"),
        ),
        # the reader makes something up
        ("1766", "What did the mill have?", "a tall red chimney", Settled(reason=NOT_RECOVERED)),
        (
            "1766",
            "When was the mill built?",
            "The passages do not say.",
            Settled(reason=NOT_RECOVERED),
        ),
        ("1766", "When was the mill built?", "", Settled(reason=NOT_RECOVERED)),
        # given away, and nothing else is found
        ("1766", "Was the mill built in 1766?", "yes", Settled(reason=COPIED)),
    ],
)
def test_the_answer_is_what_the_reader_found(
    answer: str, question: str, reply: str, settled: Settled
) -> None:
    assert settle(draft(answer), question, reply) == settled


def test_a_sentence_answers_what_is_asked_about_it_without_a_reader() -> None:
    planned = draft("The granary kept")
    question = "What did the granary of Corbridge keep dry?"
    assert not needs_reader(planned, question)
    assert settle(planned, question) == Settled(planned.sentence)
    assert settle(replace(planned, answer=""), question) == Settled(planned.sentence, "free")
    for other in (
        "What is the difference between granary and town?",
        "What does a town do in the winter?",
        "What is the tower of the church?",
        "What is a winter?",
    ):
        assert settle(planned, other).reason == NOT_RECOVERED, other


def test_a_heading_is_answered_by_the_sentence_that_opens_its_section() -> None:
    planned = draft("The granary kept")
    read = replace(planned.read, headings=("storage.keep",))
    below = replace(planned, read=read, opens=True)
    assert settle(below, "What does storage.keep do?").answer == planned.sentence
    assert settle(replace(below, opens=False), "What does storage.keep do?").reason
    assert settle(below, "What does Corbridge do?").reason == NOT_RECOVERED


def test_a_reader_is_asked_only_where_it_can_decide() -> None:
    planned = draft("1766")
    assert needs_reader(planned, "When was the mill built?")
    assert needs_reader(planned, "How many wheels had it?")
    assert not needs_reader(replace(planned, answer="", near=("corn",)), "When was it?")
    assert not needs_reader(planned, "What was built in 1766?")


def test_gold_is_the_sentence_that_holds_the_answer() -> None:
    planned = draft("1766")
    [own] = evidence(planned, "1766")
    assert TEXT[own.start : own.end] == "The mill of Corbridge was built in 1766 by Ralph Snow."
    [other] = evidence(planned, "12 wheels")
    assert TEXT[other.start : other.end] == "It had 12 wheels and a large granary."
    [across] = evidence(planned, "Snow. It had")
    assert TEXT[across.start : across.end] == planned.read.text
    moved = replace(planned, read=replace(planned.read, start=0, end=10))
    assert evidence(moved, "12 wheels")[0].end == 10


@pytest.mark.parametrize(
    ("question", "answer", "fit"),
    [
        ("When did it end?", "12 March", True),
        ("When did it end?", "12 wheels", False),
        ("How many wheels were there?", "twelve", True),
        ("How long did it take?", "a while", False),
        ("Who built it?", "Ralph Snow", True),
        ("Who built it?", "1766", False),
        ("Why was it built?", "1766", True),
    ],
)
def test_dates_amounts_and_persons_are_told_apart(question: str, answer: str, fit: bool) -> None:
    assert fits(question, answer) == fit


def test_only_some_questions_ask_for_a_detail() -> None:
    assert all(map(asks_detail, ["When was it?", "In which year was it?", "To whom was it given?"]))
    assert not any(map(asks_detail, ["What was it?", "How does it work?", "Where did they meet?"]))


def test_a_reply_is_stripped_to_its_answer() -> None:
    assert brief('Answer: "the mill".\nAnd more') == "the mill"
    assert brief("\n") == ""


@pytest.mark.parametrize(
    ("answer", "question", "settled"),
    [
        ("1766", "When was the mill of Corbridge built?", Settled("1766")),
        ("1766", "In what year was the mill built?", Settled("1766")),
        # another detail of the same sentence
        ("1766", "Who built the mill of Corbridge?", Settled("Ralph Snow")),
        # a detail of another sentence than was asked about
        ("1766", "How many wheels had the mill?", Settled(reason=NOT_RECOVERED)),
        # half of the words are about something else
        ("1766", "When was the mill of the bishop of Durham sold?", Settled(reason=NOT_RECOVERED)),
        ("1766", "When was it opened?", Settled(reason=NOT_RECOVERED)),
        ("1766", "Was the mill built in 1766?", Settled(reason=COPIED)),
    ],
)
def test_words_alone_tell_an_answer_that_no_model_had_a_say_in(
    answer: str, question: str, settled: Settled
) -> None:
    assert settle_by_words(draft(answer), question) == settled
