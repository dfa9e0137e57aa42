"""closed-book: answers without passages, to be known by heart: the control of what raft gains."""

from __future__ import annotations

from graft.core.context import Context
from graft.core.recipe import Recipe
from graft.generate.prompts import CLOSED_BOOK
from graft.tune.items import items_closed_book, trainable
from graft.tune.objective import Lessons, Objective, Source
from graft.tune.rows import generator_lessons
from graft.tune.supervised import MEASURE, supervised


def _items(source: Source, split: str, recipe: Recipe, ctx: Context) -> Lessons:
    chosen = trainable(
        source.examples[split], source.evidence, template=source.template,
        closed_book=CLOSED_BOOK, recipe=recipe, count_tokens=source.count_tokens,
    )  # fmt: skip
    made = items_closed_book(
        chosen.answerable, template=CLOSED_BOOK, recipe=recipe, count_tokens=source.count_tokens
    )
    return generator_lessons(source, split, chosen, made, {}, prompt=CLOSED_BOOK)


CLOSED = Objective(
    name="closed-book",
    part="generator",
    about="Answers without passages, for as many steps as raft takes: the control.",
    measure=MEASURE,
    items=_items,
    session=supervised,
)
