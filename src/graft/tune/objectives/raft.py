"""raft: answers from passages, some prompts holding distractors only (arXiv:2403.10131)."""

from __future__ import annotations

from graft.core.context import Context
from graft.core.recipe import Recipe
from graft.examples.distract import distractors
from graft.examples.searching import with_passages
from graft.generate.prompts import CLOSED_BOOK
from graft.tune.items import items_raft, items_served, trainable
from graft.tune.objective import Lessons, Objective, Source
from graft.tune.rows import generator_lessons
from graft.tune.supervised import MEASURE, supervised

HITS = 20
"""Passages that distractors are chosen from for each question."""


def _items(source: Source, split: str, recipe: Recipe, ctx: Context) -> Lessons:
    """Training prompts hold the evidence and distractors; those of dev what serving would bring."""
    chosen = trainable(
        source.examples[split], source.evidence, template=source.template,
        closed_book=CLOSED_BOOK, recipe=recipe, count_tokens=source.count_tokens,
    )  # fmt: skip
    retrieve = source.retrieve("served", HITS)
    if split == "dev":
        batches = with_passages(chosen.examples, retrieve, source.store)
        found = {example.id: passages for batch in batches for example, passages in batch}
        served = items_served(
            chosen.examples, found, template=source.template, recipe=recipe,
            count_tokens=source.count_tokens,
        )  # fmt: skip
        return generator_lessons(source, split, chosen, served, found, prompt=source.template)
    others = distractors(
        chosen.examples, retrieve, source.store,
        gold=source.gold, count=recipe.passages, ctx=ctx,
    )  # fmt: skip
    made = items_raft(
        chosen.examples, source.evidence, others, template=source.template, recipe=recipe,
        count_tokens=source.count_tokens,
    )  # fmt: skip
    return generator_lessons(source, split, chosen, made, others, prompt=source.template)


RAFT = Objective(
    name="raft",
    part="generator",
    about="Answers from passages, with distractors beside them, and declines without evidence.",
    measure=MEASURE,
    items=_items,
    session=supervised,
)
