from __future__ import annotations

from dataclasses import replace

import pytest

from graft.core.document import Document
from graft.examples.drafts import Draft, answer_drafts
from graft.examples.filters import COPIED, NOT_RECOVERED
from graft.examples.settle import Settled, asks_detail, brief, evidence, fits, settle
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


def test_a_sentence_is_the_answer_when_the_reply_draws_on_it_most() -> None:
    planned = draft("The granary kept")
    question = "What was the granary of Corbridge good for?"
    told = settle(
        planned,
        question,
        "It kept the corn dry so that people of the town could eat in all the long wet winters",
    )
    assert told == Settled(planned.sentence, "free")
    elsewhere = settle(
        planned,
        question,
        "Ralph Snow built the mill with 12 large wheels that turned day and night for him",
    )
    assert elsewhere.reason == NOT_RECOVERED


def test_gold_is_the_sentence_that_holds_the_answer() -> None:
    planned = draft("1766")
    own = evidence(planned, "1766")
    assert TEXT[own.start : own.end] == "The mill of Corbridge was built in 1766 by Ralph Snow."
    other = evidence(planned, "12 wheels")
    assert TEXT[other.start : other.end] == "It had 12 wheels and a large granary."
    across = evidence(planned, "Snow. It had")
    assert TEXT[across.start : across.end] == planned.read.text
    moved = replace(planned, read=replace(planned.read, start=0, end=10))
    assert evidence(moved, "12 wheels").end == 10


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
