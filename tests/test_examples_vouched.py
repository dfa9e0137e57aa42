"""What production vouches for trains; what words vouch for tests."""

from __future__ import annotations

from graft.core.example import Example, Gold, Split
from graft.examples.split import Assigned
from graft.examples.vouched import (
    NOT_LEARNED,
    NOT_SEEN,
    NOT_TESTED,
    PRODUCTION,
    VOUCHED,
    WORDS,
    fit_for_splits,
)


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
