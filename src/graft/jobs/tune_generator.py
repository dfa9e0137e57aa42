"""Tuning the generator: LoRA on answers, from passages (RAFT) or without them."""

from __future__ import annotations

from dataclasses import replace

from graft.core.context import Context
from graft.core.document import Passage
from graft.core.errors import ConfigError, InputError
from graft.core.generation import Prompt
from graft.core.recipe import Lora, Recipe, Schedule
from graft.examples.distract import distractors
from graft.generate.prompts import CLOSED_BOOK, template
from graft.jobs.material import Material, record
from graft.tune.generator import to_run, tune_generator
from graft.tune.items import items_closed_book, items_raft
from graft.tune.run import Run, write_run
from graft.wire import Wiring, causal, pipeline

HITS = 20
"""Passages that distractors are chosen from for each question."""


def generator_recipe(
    workspace: Wiring, material: Material, *, closed_book: bool, seed: int
) -> Recipe:
    """Return the recipe of a generator's tuning by the settings."""
    table, settings = workspace.config.tune.generator, material.settings
    return Recipe(
        part="generator",
        objective="closed-book" if closed_book else "raft",
        base=settings.generate.model,
        data=material.examples.id,
        adapter=Lora(rank=table.rank, alpha=2 * table.rank),
        schedule=Schedule(
            epochs=table.epochs,
            batch_size=table.batch_size,
            learning_rate=table.learning_rate,
            patience=table.patience,
            max_tokens=table.max_tokens,
        ),
        passages=settings.answer.passages,
        distractors_only=table.distractors_only,
        decline=template(settings.answer.prompt).decline,
        seed=seed,
    )


def tune_generator_part(
    workspace: Wiring, material: Material, *, closed_book: bool, ctx: Context,
    recipe: Recipe | None = None,
) -> Run:  # fmt: skip
    """Train a LoRA adapter without passages, or with them, and write its run."""
    settings = material.settings
    if settings.generate.url:
        raise ConfigError(
            f"generate.url is {settings.generate.url!r}, and a remote model cannot be tuned here: "
            "name a local model in generate.model"
        )
    model = causal(workspace, settings.generate)
    recipe = recipe or generator_recipe(workspace, material, closed_book=closed_book, seed=ctx.seed)
    shown: list[Passage] = []

    def count(prompt: Prompt) -> int:
        return len(model.ids(prompt))

    items = {}
    for name, examples in (("train", material.train), ("dev", material.dev)):
        if closed_book:
            items[name] = items_closed_book(
                examples, template=CLOSED_BOOK, recipe=recipe, count_tokens=count
            )
            shown += [p for e in examples for p in material.gold[e.id][:1]]
            continue
        others = distractors(
            examples, pipeline(workspace, settings, material.held, limit=HITS), material.held,
            gold=material.gold, count=recipe.passages, ctx=ctx,
        )  # fmt: skip
        items[name] = items_raft(
            examples, {e.id: material.gold[e.id][:1] for e in examples}, others,
            template=template(settings.answer.prompt), recipe=recipe,
            count_tokens=count,
        )  # fmt: skip
        shown += [p for e in examples for p in (*material.gold[e.id][:1], *others.get(e.id, ()))]
    if not items["train"].items:
        raise InputError("no example can be trained on: make or import examples with answers")
    with model.without_adapter():
        digest = model.digest
    recipe = replace(recipe, base_digest=digest)
    tuned = tune_generator(model, items["train"].items, items["dev"].items, recipe=recipe, ctx=ctx)
    run = write_run(workspace.layout.runs, to_run(tuned, recipe, ctx), tuned.save)
    record(workspace, run, material, shown)
    return run
