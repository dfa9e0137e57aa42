"""What production vouches for trains; what words vouch for tests."""

from __future__ import annotations

import re
from dataclasses import replace

from graft.core.document import Document, Passage
from graft.core.example import Example, Gold, Split
from graft.core.search import Hit, Search
from graft.examples.make import MakeOptions, make_examples
from graft.examples.searching import Retrieve
from graft.examples.split import Assigned, Shares, assign
from graft.examples.vouched import (
    NOT_LEARNED,
    NOT_SEEN,
    NOT_TESTED,
    PRODUCTION,
    VOUCHED,
    WORDS,
    fit_for_splits,
)
from graft.testing import FakeGenerator


def example(id: str, split: Split, document: str, *vouched: str) -> Example:
    told = {VOUCHED: " ".join(vouched)} if vouched else {}
    return Example(id, f"Q {id}?", ("a",), (Gold(document),), split=split, metadata=told)


def test_each_split_takes_what_may_stand_in_it_and_says_what_it_left() -> None:
    dealt = Assigned(
        (
            example("a", "train", "d1", PRODUCTION),
            example("b", "train", "d2", WORDS),
            example("c", "dev", "d1", PRODUCTION, WORDS),
            example("d", "test-new", "d3", PRODUCTION),
            example("e", "test-new", "d3", WORDS),
            example("f", "test-seen", "d1", WORDS),
            example("g", "test-seen", "d2", PRODUCTION, WORDS),
            example("h", "train", "d4"),
        ),
        {"before": ("x",)},
    )
    found = fit_for_splits(dealt)
    assert [e.id for e in found.examples] == ["a", "c", "e", "f", "h"]
    assert found.dropped == {
        "before": ("x",), NOT_LEARNED: ("b",), NOT_TESTED: ("d",), NOT_SEEN: ("g",),
    }  # fmt: skip


def test_a_better_retriever_wins_where_its_test_was_not_chosen_by_the_one_in_use() -> None:
    # Production finds what shares words; the candidate finds that and half of what does not.
    found_by = {f"q{i}": ({PRODUCTION, WORDS} if i < 60 else {WORDS}) for i in range(100)}
    dealt = Assigned(
        tuple(example(id, "test-new", f"d{id}", *sorted(who)) for id, who in found_by.items())
    )
    asked = [e.id for e in fit_for_splits(dealt).examples]
    candidate = {id for i, id in enumerate(found_by) if i % 12 or i >= 60}
    production = {id for id, who in found_by.items() if PRODUCTION in who}

    def gain(questions: list[str]) -> int:
        return sum((id in candidate) - (id in production) for id in questions)

    assert gain(asked) > 0, "by all questions"
    assert gain([id for id in asked if id in production]) < 0, "by those that production finds"


def described(count: int) -> list[tuple[Document, list[Passage]]]:
    """Return documents, each on one function that its heading names and its sentence describes."""
    found = []
    for i in range(count):
        text = f"Move the {chr(97 + i % 26) * 3}{i} weights onto scale {i} and print their sum."
        document = Document(f"d{i:03}", text, f"lib.move{i}")
        found.append(
            (document, [Passage(f"p{i}", document.id, 0, len(text), text, "s", f"lib.move{i}")])
        )
    return found


def finding(able: set[str]) -> Retrieve:
    """Return a retriever that finds the document that a question names if it is able to."""

    def retrieve(searches: list[Search]) -> list[Search]:
        numbers = (re.findall(r"lib.move(\d+)", search.query) for search in searches)
        named = [f"d{int(number):03}" for [number] in numbers]
        return [
            replace(search, hits=(Hit("p", id if id in able else "none", 1.0),))
            for search, id in zip(searches, named, strict=True)
        ]

    return retrieve


def test_the_sign_of_a_known_difference_survives_the_making_of_its_test() -> None:
    corpus = described(80)
    ids = [document.id for document, _ in corpus]
    production = set(ids[::2])
    # It finds more than production does, and misses some of what production finds.
    candidate = {id for i, id in enumerate(ids) if i % 10 != 0}
    made = make_examples(
        corpus,
        FakeGenerator(lambda prompt: ""),  # the headings ask by themselves
        options=MakeOptions(limit=320, unanswerable=0),
        retrieve=finding(production),
    )
    dealt = assign(made.examples, shares=Shares(0.1, 0.1, 0.5))
    asked = [e for e in fit_for_splits(dealt).examples if e.split == "test-new"]
    assert len(asked) >= 15

    def gain(examples: list[Example]) -> float:
        gold = [e.gold[0].document_id for e in examples]
        return sum((id in candidate) - (id in production) for id in gold) / len(gold)

    true = sum((id in candidate) - (id in production) for id in ids) / len(ids)
    assert true > 0.3 and abs(gain(asked) - true) < 0.15
    kept = [e for e in asked if e.gold[0].document_id in production]
    assert gain(kept) < 0, "as it was, while production chose the test"
