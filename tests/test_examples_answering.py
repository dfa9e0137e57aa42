"""Answering: one judge of what may not be set beside a question as a wrong passage."""

from __future__ import annotations

import pytest

from graft.core.document import Passage, Span
from graft.core.example import Example, Gold
from graft.examples.answering import Answering, Copies, said

TEXT = "The marsh frog sings at night in spring, and its call carries far over the still water."
GOLD = Passage("g", "d0", 10, 10 + len(TEXT), TEXT, "s")
ASKED = Example(
    "q", "when does the frog sing", ("in spring", "yes"), (Gold("d0", "", 40, 60), Gold("d1"))
)


def passage(text: str, document: str = "x", start: int = 0, **more: object) -> Passage:
    return Passage(f"{document}:{start}", document, start, start + len(text), text, "s", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (GOLD, "gold passage"),
        (passage("Elsewhere.", "d0", 200), ""),
        (passage("On the span.", "d0", 55), "gold passage"),
        (passage("Any place.", "d1", 900), "gold passage"),
        (passage("A summary.", "sums", made_from=(Span("d0", 0, 41),)), "gold passage"),
        (passage("A summary.", "sums", made_from=(Span("d0", 60, 99),)), ""),
        (passage(TEXT.upper(), "x"), "copy of a positive"),
        (passage(TEXT.replace("the still", "quiet"), "x"), "copy of a positive"),
        (passage("Frogs sing IN the Spring.", "x"), "holds the answer"),
        (passage("It sings.", "x", title="In spring"), "holds the answer"),
        (passage("Yes, frogs sing.", "x"), ""),  # "yes" stands anywhere
    ],
)
def test_why_a_passage_may_answer(other: Passage, reason: str) -> None:
    assert Answering(ASKED, [GOLD]).reason(other) == reason


def test_texts_are_copies_from_three_fifths_of_their_runs_of_three_words() -> None:
    words = [f"w{i}" for i in range(22)]  # 20 runs
    held = Copies([" ".join(words)])
    assert " ".join(words[:14]) in held  # 12 of 20
    assert " ".join(words[:13]) not in held  # 11 of 20
    assert "" not in held and said("It is the 12th!") == said("it is twelve")
