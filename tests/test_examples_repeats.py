"""Repeats: one judge of which questions say again what others ask."""

from __future__ import annotations

from graft.core.example import Example
from graft.examples.repeats import again, copies, repeating, repeats

BUILT = Example("a", "Who built the old stone bridge over the river Aln?")
PLURAL = Example("b", "Who built the old stone bridges over the river Aln?")
OTHER = Example("c", "Who built the new wooden bridge over the river Tyne?")
SAME = Example("a", "who built the old stone bridge over the river 'Aln'")


def test_a_repeat_names_both_questions_even_where_they_share_an_id() -> None:
    (found,) = repeats([OTHER, BUILT], [SAME])
    assert (found.example, found.other, found.similarity) == (BUILT, SAME, 1.0)
    assert repeating([OTHER, BUILT, PLURAL], [SAME]) == {"a", "b"}
    assert repeats([OTHER], [BUILT]) == [] == repeats([], [BUILT])


def test_copies_are_sets_of_two_or_more_the_smallest_first() -> None:
    four = Example("d", "When did the old stone bridge fall in the flood?")
    rest = [Example(id, f"When did{the} old stone bridge fall in the flood?")
            for id, the in (("e", " an"), ("f", ""))]  # fmt: skip
    assert copies([four, BUILT, OTHER, *rest, PLURAL]) == [["a", "b"], ["d", "e", "f"]]
    assert copies([OTHER]) == []


def test_what_was_asked_before_is_asked_again() -> None:
    asked = [BUILT.question, OTHER.question, SAME.question]
    assert again(asked, []) == {2}
    assert again(asked, ["Who built the old stone bridge over the river Aln"]) == {0, 2}
