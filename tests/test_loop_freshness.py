"""Which facts may be edited, and what for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from graft.core.example import Example, Gold
from graft.loop.freshness import _fact, _kind

TEXT = "## textwrap.dedent\n\nRemove leading whitespace from every line. Tabs count as eight."


@pytest.mark.parametrize(
    ("question", "answer", "able"),
    [
        ("How much does a tab count?", "eight", True),
        ("How much does a tab count?", "nine", False),
        # "Which function of textwrap" asks for none of another module, whatever the heading says
        ("Which function of textwrap removes leading whitespace?", "textwrap.dedent", False),
    ],
)
def test_a_fact_is_edited_where_it_stands_and_the_question_does_not_name_it(
    question: str, answer: str, able: bool
) -> None:
    held = SimpleNamespace(document=lambda _: SimpleNamespace(text=TEXT))
    example = Example("q", question, (answer,), (Gold("d", start=0, end=len(TEXT)),))
    assert _fact(held, example) is able


def test_answers_stand_for_each_other_where_they_begin_alike() -> None:
    assert _kind("if the file is already open") == _kind("if no name was given at all")
    assert _kind("if the file is already open") != _kind("by passing a callable as opener")
    assert _kind("1912") == _kind("30 days") != _kind("Lisbon") != _kind("if unset")
