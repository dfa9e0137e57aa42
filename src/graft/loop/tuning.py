"""Tuning: one part trained on the material, and written as a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from graft.core.context import Context
from graft.core.errors import ConfigError, InputError
from graft.core.files import RUNS
from graft.core.generation import Prompt
from graft.core.recipe import Part, Recipe
from graft.core.runs import Run
from graft.examples.filters import TOO_LONG
from graft.examples.searching import Retrieve
from graft.loop.material import Material, keep, retrieval
from graft.loop.parts import run_named
from graft.loop.recipes import Asked, recipe_of
from graft.loop.tune_fusion import tune_fusion_part
from graft.models.reranker import grow_reranker
from graft.retrieve.line import read_line, without
from graft.tune.checkpoint import Checkpoint, checkpoint_of
from graft.tune.generator import tune_generator
from graft.tune.lists import score_lists
from graft.tune.objective import FoundBy, Lessons, Source
from graft.tune.plan import schedule_of, steps_of
from graft.tune.ranking import tune_reranker, tune_retriever
from graft.tune.supervised import look_at
from graft.tune.trained import Trained
from graft.tune.trainer import objectives_of
from graft.wire import (
    Wiring,
    causal,
    encoder,
    encoder_folder,
    line_of,
    loaded_adapter,
    prompt_of,
    reranker,
    torch_encoder,
    torch_reranker,
    with_line,
)

SPLITS = ("train", "dev")

DENSE = "follow_up >> dense"
"""The line that shows the encoder's own mistakes."""

LessonsBySplit = Mapping[str, Mapping[str, Lessons]]
"""The lessons of each split, by the objective's name."""


def tune_part(
    workspace: Wiring, part: Part, material: Material, *, asked: Asked | None = None, ctx: Context
) -> Run:
    """Train one part on the material, and write its run.

    The objective makes its items from the examples; it takes as many optimizer steps as the
    settings' epochs are over the examples that it counts in, so that a control learns for as long
    as what it is the control of. A training of the same recipe on the same items that was killed
    is gone on with. The run's `before` is what is in use for the same role, or what was trained.
    Raises InputError where there is too little to learn from.
    """
    if part == "fusion":
        return tune_fusion_part(workspace, material, ctx=ctx)
    if part == "generator" and material.settings.generate.url:
        raise ConfigError(
            f"generate.url is {material.settings.generate.url!r}, and a remote model cannot be "
            "tuned here: name a local model in generate.model"
        )
    recipe = recipe_of(workspace, material, part, asked or Asked(), seed=ctx.seed)
    source = source_of(workspace, material, ctx)
    made: LessonsBySplit = {
        split: {o.name: o.items(source, split, recipe, ctx) for o in objectives_of(recipe)}
        for split in SPLITS
    }
    main = made["train"][recipe.objective]
    skipped = _skipped(made)
    if not main.items:
        why = ", ".join(f"{reason}: {count}" for reason, count in skipped.items())
        raise InputError(
            f"no example can be trained on ({why or 'there is none'}): make or import examples "
            "with answers and with the documents that hold them"
        )
    if main.steps_as:
        steps = steps_of(main.steps_as, recipe.schedule)
        schedule = schedule_of(steps, len(main.items), recipe.schedule)
        recipe = replace(recipe, schedule=schedule)
    lessons = [each for split in made.values() for each in split.values()]
    rows = [row for each in lessons for row in each.rows]
    checkpoint = checkpoint_of(workspace.layout.checkpoints, recipe, rows, now=ctx.clock())
    trained = _TUNERS[part](workspace, material, made, recipe, ctx, checkpoint)
    run = trained.to_run(recipe, ctx)
    both = {reason: run.counts.get(reason, 0) + count for reason, count in skipped.items()}
    run = replace(run, settings=main.settings, counts={**run.counts, **both})
    _tell_left_out(run.counts, {"train": len(material.train), "dev": len(material.dev)}, ctx)
    kept = keep(
        workspace, material, run, save=trained.save, data=rows,
        documents={id for each in lessons for id in each.documents},
    )  # fmt: skip
    checkpoint.remove()
    return kept


def source_of(workspace: Wiring, material: Material, ctx: Context) -> Source:
    """Return what objectives make their items from."""
    settings = material.settings
    line = line_of(settings)

    def retrieve(stage: FoundBy, limit: int) -> Retrieve:
        own = settings
        if stage == "first":
            own = with_line(settings, without(line, "rerank"))
        if stage == "dense":
            own = with_line(settings, read_line(DENSE, settings.retrieve.stages))
        return retrieval(workspace, material, own, limit=limit, ctx=ctx)

    def count_tokens(prompt: Prompt) -> int:
        return len(causal(workspace, settings.generate).ids(prompt))

    return Source(
        examples={"train": material.train, "dev": material.dev},
        gold=material.gold,
        evidence=material.evidence,
        judged=material.judged,
        store=material.held,
        retrieve=retrieve,
        template=prompt_of(workspace, settings.answer.prompt),
        count_tokens=count_tokens,
        encoder=lambda: encoder(workspace, settings.encoder),
        apart=material.apart,
        depth=line.table("rerank").depth,
    )


def _skipped(made: LessonsBySplit) -> dict[str, int]:
    """How many examples of each split were left out, by reason."""
    found: Counter[str] = Counter()
    for split, lessons in made.items():
        for each in lessons.values():
            for reason, count in each.skipped.items():
                found[reason if reason.startswith("mined: ") else f"{split}: {reason}"] += count
    return dict(found)


def _tell_left_out(counts: Mapping[str, float], examples: Mapping[str, int], ctx: Context) -> None:
    """Say of how many examples nothing is learned, and warn where they are too long."""
    for split, count in examples.items():
        lost = {k.removeprefix(f"{split}: "): n for k, n in counts.items() if f"{split}: " in k}
        if not (left := sum(lost.values())):
            continue
        why = ", ".join(f"{reason}: {n:g}" for reason, n in lost.items())
        of = f"{left:g} of {count}" if left <= count else f"{left:g}"
        told = f"{of} {split} examples are left out ({why})"
        if TOO_LONG in lost:
            ctx.warn("tune", f"{told}: tune.generator.max_tokens says how long they may be")
        else:
            ctx.note("tune", told)


def _items(made: LessonsBySplit, split: str) -> dict[str, Any]:
    return {name: lessons.items for name, lessons in made[split].items()}


def _tune_generator(
    workspace: Wiring, material: Material, made: LessonsBySplit, recipe: Recipe, ctx: Context,
    checkpoint: Checkpoint,
) -> Trained:  # fmt: skip
    table = material.settings.generate
    model = causal(workspace, table)
    train, dev = _items(made, "train"), _items(made, "dev")
    trained = tune_generator(model, train, dev, recipe=recipe, ctx=ctx, checkpoint=checkpoint)
    named = table.adapter.startswith(RUNS)
    if table.adapter and (
        not named or run_named(workspace, table.adapter).role == recipe.objective
    ):
        with model.using(loaded_adapter(workspace, table)):
            found = look_at(model, dev[recipe.objective], recipe=recipe, ctx=ctx)
        trained = replace(trained, before=found)
    return trained


def _tune_retriever(
    workspace: Wiring, material: Material, made: LessonsBySplit, recipe: Recipe, ctx: Context,
    checkpoint: Checkpoint,
) -> Trained:  # fmt: skip
    base = torch_encoder(workspace, material.settings.encoder)
    train, dev = _items(made, "train"), _items(made, "dev")
    return tune_retriever(base, train, dev, recipe=recipe, ctx=ctx, checkpoint=checkpoint)


def _tune_reranker(
    workspace: Wiring, material: Material, made: LessonsBySplit, recipe: Recipe, ctx: Context,
    checkpoint: Checkpoint,
) -> Trained:  # fmt: skip
    """Train a given reranker, or one grown from the encoder's weights."""
    settings, named = material.settings, workspace.config.tune.reranker.model
    if named:
        start = torch_reranker(workspace, named).module
    else:
        start = grow_reranker(encoder_folder(workspace, settings.encoder), seed=ctx.seed)
    train, dev = _items(made, "train"), _items(made, "dev")
    trained = tune_reranker(start, train, dev, recipe=recipe, ctx=ctx, checkpoint=checkpoint)
    used_stages = line_of(settings).used
    if "rerank" in used_stages:
        lists, name = dev[recipe.objective], used_stages["rerank"].model
        used = reranker(workspace, name, settings.encoder.dtype)
        found = score_lists(lists, used.score(lists.pairs))
        trained = replace(trained, before={name: found[name] for name in trained.before})
    return trained


_TUNERS: Mapping[str, Callable[..., Trained]] = {
    "generator": _tune_generator, "retriever": _tune_retriever, "reranker": _tune_reranker,
}  # fmt: skip
