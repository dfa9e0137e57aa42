"""pair: one question on two passages, of which each holds half of the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

from graft.core.document import Document, Passage
from graft.examples.drafts import Draft
from graft.examples.filters import copied
from graft.examples.maker import Maker
from graft.examples.makers import amount, condition, contrast, outcome, purpose, reason

_OF = (
    amount.AMOUNT, condition.CONDITION, contrast.CONTRAST, outcome.OUTCOME, purpose.PURPOSE,
    reason.REASON,
)  # fmt: skip
LONGEST = 14
"""Words of each half: a question of two is long."""


def pairs(document: Document, passages: Sequence[Passage], draw: Random) -> Iterator[Draft]:
    """Yield questions joined of two that begin alike and stand in different passages."""
    order = list(_OF)
    draw.shuffle(order)
    for maker in order:
        waiting: dict[str, Draft] = {}
        for draft in maker.drafts(document, passages, draw):
            if len(draft.question.split()) > LONGEST or ", " in draft.question:
                continue
            begins = " ".join(draft.question.split()[:1])
            other = waiting.pop(begins, None)
            if other is None or other.passage.id == draft.passage.id:
                waiting[begins] = draft
                continue
            both = joined(other, draft)
            if not any(copied(both.question, half.answer) for half in (other, draft)):
                yield both


def joined(one: Draft, other: Draft) -> Draft:
    """Return two drafts as one question, answered by both answers."""
    second = other.question[:1].lower() + other.question[1:]
    return replace(
        one,
        question=f"{one.question.rstrip('?')}, and {second}",
        answer=f"{one.answer}; {other.answer}",
        beside=(other,),
    )


PAIR = Maker("pair", "two questions in one, answered by two passages", 0.5, pairs)
