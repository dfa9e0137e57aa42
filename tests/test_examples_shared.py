"""Shared evidence: one paragraph in two documents is on one side of a split."""

from __future__ import annotations

import random

import pytest

from graft.core.document import Document
from graft.core.example import Example, Gold
from graft.core.unions import Unions
from graft.examples.shared import LONGEST, evidence_of, sharing
from graft.examples.split import Shares, assign

WORDS = [f"{a}{b}{c}" for a in "bdfgklm" for b in "aeiou" for c in "nrst"]
PLANTED = (
    "The warranty of the pump covers the seal and the motor for three years, and lapses as soon "
    "as anybody but the maker opens the housing or replaces a part of it."
)


def paragraph(draw: random.Random, size: int = 40) -> str:
    return " ".join(draw.choices(WORDS, k=size)).capitalize() + "."


def corpus(planted: dict[int, str], count: int = 12) -> dict[str, Document]:
    """Return documents of six paragraphs each, with a paragraph planted in some of them."""
    draw = random.Random(3)
    made: dict[str, Document] = {}
    for number in range(count):
        parts = [paragraph(draw) for _ in range(6)]
        if number in planted:
            parts[draw.randrange(6)] = planted[number]
        made[f"d{number:02}"] = Document(f"d{number:02}", "\n\n".join(parts))
    return made


def ask(document: Document, place: int, text: str = "") -> Example:
    """Ask about one sentence of a document: the first one, or a text in it."""
    start = document.text.index(text) if text else 0
    end = start + (len(text) or document.text.index("."))
    gold = Gold(document.id, document.text_hash, start, end)
    asked = f"What does {WORDS[place]} say of {WORDS[place + 30]} {WORDS[-place]}?"
    return Example(f"{document.id}-{place}", asked, ("it",), (gold,))


def pairs(examples: list[Example], documents: dict[str, Document]) -> set[tuple[str, str]]:
    texts = ((d.id, d.text) for d in documents.values())
    return set(sharing(evidence_of(examples, documents), texts))


def test_a_paragraph_in_two_documents_is_never_on_both_sides_of_200_deals() -> None:
    documents = corpus({2: PLANTED, 9: PLANTED})
    examples = [ask(document, n) for n, document in enumerate(documents.values(), 1)]
    examples += [
        ask(documents["d02"], 20, "covers the seal and the motor"),
        ask(documents["d09"], 21, "three years"),
    ]
    tied: Unions[str] = Unions()
    for one, other in pairs(examples, documents):
        tied.join(one, other)
    groups = {id: tied.find(id) for id in documents}
    both = {True: 0, False: 0}
    for seed in range(200):
        for known in (True, False):
            made = assign(
                examples, groups=groups if known else {}, shares=Shares(0, 0, 0.3), seed=seed
            )
            sides = {e.split for e in made.examples if e.id in ("d02-20", "d09-21")}
            both[known] += "test-new" in sides and len(sides) > 1
    assert both[True] == 0
    assert both[False] > 20, "without it they are parted, so that the deals above say something"


def test_nearly_the_same_paragraph_counts_and_another_does_not() -> None:
    near = PLANTED.replace("three years", "two years")
    half = PLANTED.split(",", maxsplit=1)[0] + ", and that is all that it is good for, as they say."
    documents = corpus({1: PLANTED, 4: near, 7: half})
    asked = [ask(documents["d01"], 1, "three years")]
    assert pairs(asked, documents) == {("d01", "d04")}


def test_it_is_found_inside_a_longer_paragraph_and_across_lines() -> None:
    broken = PLANTED.replace(" and ", " and\n").upper()
    draw = random.Random(5)
    documents = corpus({1: PLANTED})
    documents["x"] = Document("x", f"{paragraph(draw)} {broken} {paragraph(draw)}")
    assert pairs([ask(documents["d01"], 1, "the motor")], documents) == {("d01", "x")}


def test_of_a_paragraph_that_is_long_the_sentences_around_the_evidence_are_looked_for() -> None:
    draw = random.Random(7)
    long = " ".join(paragraph(draw, 20) for _ in range(2 * LONGEST // 20))
    documents = {
        "a": Document("a", f"{long} {PLANTED} {paragraph(draw, LONGEST)}"),
        "b": Document("b", f"{paragraph(draw)}\n\n{PLANTED}"),
    }
    assert pairs([ask(documents["a"], 1, "three years")], documents) == {("a", "b")}


def test_a_whole_document_is_found_in_another() -> None:
    draw = random.Random(9)
    documents = {
        "note": Document("note", PLANTED),
        "book": Document("book", "\n\n".join([paragraph(draw), PLANTED, paragraph(draw)])),
    }
    whole = Example("1", "What does the warranty cover?", ("the seal",), (Gold("note"),))
    assert pairs([whole], documents) == {("note", "book")}
    other = Example("1", "How long is the warranty of the pump?", gold=(Gold("book"),))
    assert pairs([other], documents) == {("book", "note")}, "its telling paragraph is looked for"


@pytest.mark.parametrize("text", ["See below.", "It depends on the version."])
def test_what_stands_everywhere_ties_nothing(text: str) -> None:
    documents = corpus({1: text, 4: text})
    assert pairs([ask(documents["d01"], 1, text)], documents) == set()


def test_gold_that_is_not_there_or_has_changed_ends_nothing() -> None:
    documents = corpus({1: PLANTED, 4: PLANTED})
    gone = Example("1", "Why?", gold=(Gold("gone"),))
    changed = Example("2", "Why?", gold=(Gold("d01", "other", 0, 10**6),))
    assert pairs([gone], documents) == set()
    assert all(one == "d01" for one, _ in pairs([changed], documents))
