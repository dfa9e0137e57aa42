"""Tuning the generator: LoRA on answers, from passages (RAFT) or without them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from graft.core.context import Context
from graft.core.document import Passage
from graft.core.errors import ConfigError, InputError
from graft.core.generation import Prompt
from graft.core.recipe import Lora, Recipe, Schedule
from graft.examples.distract import distractors
from graft.generate.prompts import CLOSED_BOOK
from graft.loop.material import Material, keep, retrieval
from graft.models.causal import Causal
from graft.tune.data import Row
from graft.tune.generator import look_at, to_run, tune_generator
from graft.tune.items import Items, Trainable, items_closed_book, items_raft, trainable
from graft.tune.plan import schedule_of, steps_of
from graft.tune.run import Run
from graft.tune.sft import items_digest
from graft.wire import Wiring, base_digest, causal, loaded_adapter, prompt_of

HITS = 20
"""Passages that distractors are chosen from for each question."""

SPLITS = ("train", "dev")


def generator_recipe(
    workspace: Wiring, material: Material, model: Causal, *, closed_book: bool, seed: int
) -> Recipe:
    """Return the recipe of a generator's tuning by the settings, within the model's context."""
    table, settings = workspace.config.tune.generator, material.settings
    return Recipe(
        part="generator",
        objective="closed-book" if closed_book else "raft",
        base=settings.generate.model,
        base_digest=base_digest(workspace, settings.generate),
        data=material.examples.id,
        adapter=Lora(rank=table.rank, alpha=2 * table.rank),
        schedule=Schedule(
            epochs=table.epochs,
            batch_size=table.batch_size,
            learning_rate=table.learning_rate,
            patience=table.patience,
            max_tokens=min(table.max_tokens, model.context_tokens),
        ),
        passages=settings.answer.passages,
        distractors_only=table.distractors_only,
        decline=prompt_of(workspace, settings.answer.prompt).decline,
        seed=seed,
    )


def tune_generator_part(
    workspace: Wiring, material: Material, *, closed_book: bool, ctx: Context
) -> Run:
    """Train a LoRA adapter without passages, or with them, and write its run.

    Both learn from the same answerable examples, for as many optimizer steps: those that RAFT,
    which also shows the unanswerable ones, takes by the settings' epochs. Examples and steps are
    told from the material alone, so that either may be run first, or without the other. The RAFT
    run's `before` is what the adapter in use makes of dev, or the base where there is none.
    """
    if material.settings.generate.url:
        raise ConfigError(
            f"generate.url is {material.settings.generate.url!r}, and a remote model cannot be "
            "tuned here: name a local model in generate.model"
        )
    model = causal(workspace, material.settings.generate)
    recipe = generator_recipe(workspace, material, model, closed_book=closed_book, seed=ctx.seed)
    lessons = {
        split: _lesson(workspace, material, recipe, split=split, model=model, ctx=ctx)
        for split in SPLITS
    }
    train, dev = (lessons[split].made.items for split in SPLITS)
    if not train:
        why = ", ".join(f"{reason}: {count}" for reason, count in _skipped(lessons).items())
        raise InputError(
            f"no example can be trained on ({why or 'there is none'}): make or import examples "
            "with answers and with the documents that hold them"
        )
    steps = steps_of(len(lessons["train"].chosen.examples), recipe.schedule)
    recipe = replace(recipe, schedule=schedule_of(steps, len(train), recipe.schedule))
    tuned = tune_generator(model, train, dev, recipe=recipe, ctx=ctx)
    run = to_run(tuned, recipe, ctx)
    in_use = material.settings.generate
    if in_use.adapter and not closed_book:
        with model.using(loaded_adapter(workspace, in_use)):
            run = replace(run, before=look_at(model, dev, recipe=recipe, ctx=ctx))
    prompt = CLOSED_BOOK if closed_book else prompt_of(workspace, material.settings.answer.prompt)
    run = replace(
        run,
        settings={"prompt": prompt.to_dict()},
        counts={**run.counts, **_skipped(lessons)},
    )
    return keep(
        workspace, material, run, save=tuned.save, data=_rows(lessons),
        documents={id for lesson in lessons.values() for id in lesson.documents},
    )  # fmt: skip


@dataclass(frozen=True)
class _Lesson:
    """One split's examples that can be trained on, their items, and the passages of these."""

    chosen: Trainable
    made: Items
    gold: Mapping[str, Sequence[Passage]]
    others: Mapping[str, Sequence[Passage]]

    @property
    def documents(self) -> Iterator[str]:
        """The ids of the documents that the items were made from."""
        for item in self.made.items:
            beside = (p for p in self.others.get(item.id, ()) if p.id in item.shown)
            yield from (p.document_id for p in (*self.gold[item.id], *beside))


def _lesson(
    workspace: Wiring, material: Material, recipe: Recipe, *, split: str, model: Causal,
    ctx: Context,
) -> _Lesson:  # fmt: skip
    settings = material.settings
    examples = material.train if split == "train" else material.dev
    gold = {example.id: material.gold[example.id][:1] for example in examples}
    prompt = prompt_of(workspace, settings.answer.prompt)

    def count(prompt: Prompt) -> int:
        return len(model.ids(prompt))

    chosen = trainable(
        examples, gold, template=prompt, closed_book=CLOSED_BOOK, recipe=recipe,
        count_tokens=count,
    )  # fmt: skip
    if recipe.objective == "closed-book":
        made = items_closed_book(
            chosen.answerable, template=CLOSED_BOOK, recipe=recipe, count_tokens=count
        )
        return _Lesson(chosen, made, gold, {})
    others = distractors(
        chosen.examples, retrieval(workspace, material, settings, limit=HITS, ctx=ctx),
        material.held, gold=material.gold, count=recipe.passages, ctx=ctx,
    )  # fmt: skip
    made = items_raft(
        chosen.examples, gold, others, template=prompt, recipe=recipe, count_tokens=count
    )
    return _Lesson(chosen, made, gold, others)


def _skipped(lessons: Mapping[str, _Lesson]) -> dict[str, int]:
    """How many examples of each split were left out, by reason."""
    found: Counter[str] = Counter()
    for split, lesson in lessons.items():
        for skipped in (lesson.chosen.skipped, lesson.made.skipped):
            found.update({f"{split}: {reason}": count for reason, count in skipped.items()})
    return dict(found)


def _rows(lessons: Mapping[str, _Lesson]) -> Iterator[Row]:
    for split, lesson in lessons.items():
        for item in lesson.made.items:
            positives = tuple(passage.id for passage in lesson.gold[item.id])
            yield Row(split, item.id, positives, item.shown, digest=items_digest([item]))
