"""Recipes: how a part is tuned by the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from graft.core.config import GeneratorTuneTable, RerankerTuneTable, RetrieverTuneTable
from graft.core.errors import InputError
from graft.core.recipe import Negatives, Part, Recipe, Schedule
from graft.loop.material import Material
from graft.models.adapter import ADAPTERS, adapter_of
from graft.tune.objective import OBJECTIVES
from graft.wire import Wiring, base_digest, causal, encoder, reranker

OBJECTIVE: Mapping[Part, str] = {
    "retriever": "contrastive", "fusion": "weights", "reranker": "pointwise", "generator": "raft",
}  # fmt: skip
"""What a part is tuned by, where nothing else is asked for."""


@dataclass(frozen=True)
class Asked:
    """What a tuning was asked for beside the settings; what is empty is theirs.

    `objective` and those of `mixed`, with their shares of the loss, are names of
    `tune/objectives`; `adapter` is a tag of `models/adapters`.
    """

    objective: str = ""
    mixed: Mapping[str, float] | None = None
    adapter: str = ""


def recipe_of(
    workspace: Wiring, material: Material, part: Part, asked: Asked, *, seed: int
) -> Recipe:
    """Return the recipe of a part's tuning. Raises ConfigError for what is not known by its name.

    Raises InputError for an objective of another part.
    """
    objective = OBJECTIVES.named(asked.objective or OBJECTIVE[part])
    if objective.part != part:
        own = ", ".join(name for name, each in OBJECTIVES.all().items() if each.part == part)
        raise InputError(
            f"the objective {objective.name!r} trains a {objective.part}, and a {part} is to be "
            f"tuned: name one of {own}"
        )
    made = _PARTS[part](workspace, material, asked)
    return replace(made, objective=objective.name, mixed=dict(asked.mixed or {}), seed=seed)


def adapter_values(setting: str | Mapping[str, Any], rank: int) -> dict[str, Any]:
    """Return an adapter as a recipe writes it, from a tag or a table with a tag.

    A kind that has a rank gets that of the settings, and twice of it as its alpha, unless it is
    stated.

    >>> adapter_values("lora", 4)["alpha"], adapter_values("full", 4)
    (8, {'name': 'full'})
    """
    values = {"name": setting} if isinstance(setting, str) else dict(setting)
    known = {each.name for each in fields(ADAPTERS.named(str(values.get("name", ""))))}  # type: ignore[arg-type]
    usual = {"rank": rank, "alpha": 2 * int(values.get("rank", rank))}
    own = {key: value for key, value in usual.items() if key in known}
    return adapter_of({**own, **values}).to_dict()


def _generator(workspace: Wiring, material: Material, asked: Asked) -> Recipe:
    table, settings = workspace.config.tune.generator, material.settings
    model = causal(workspace, settings.generate)
    schedule = _schedule(table)
    return Recipe(
        part="generator",
        objective="",
        base=settings.generate.model,
        base_digest=base_digest(workspace, settings.generate),
        data=material.examples.id,
        adapter=adapter_values(asked.adapter or table.adapter, table.rank),
        schedule=replace(
            schedule,
            # Looks in which answers are written cost: at the half of an epoch and at its end.
            evaluations=2,
            max_tokens=min(table.max_tokens, model.context_tokens),
        ),
        passages=settings.answer.passages,
        answer_tokens=settings.generate.max_new_tokens,
        distractors_only=table.distractors_only,
    )


def _retriever(workspace: Wiring, material: Material, asked: Asked) -> Recipe:
    table, settings = workspace.config.tune.retriever, material.settings
    return Recipe(
        part="retriever",
        objective="",
        base=settings.encoder.model,
        base_digest=encoder(workspace, settings.encoder).digest,
        data=material.examples.id,
        adapter=adapter_values(asked.adapter or table.adapter, table.rank),
        schedule=_schedule(table),
        negatives=Negatives(count=table.hard_negatives) if table.hard_negatives else None,
    )


def _reranker(workspace: Wiring, material: Material, asked: Asked) -> Recipe:
    table, settings = workspace.config.tune.reranker, material.settings
    given = reranker(workspace, table.model, settings.encoder.dtype) if table.model else None
    base = given or encoder(workspace, settings.encoder)
    return Recipe(
        part="reranker",
        objective="",
        base=table.model or settings.encoder.model,
        base_digest=base.digest,
        data=material.examples.id,
        adapter=adapter_values(asked.adapter or "full", 0),
        schedule=_schedule(table),
        negatives=Negatives(first=1, last=20, count=table.hard_negatives),
    )


def _schedule(table: GeneratorTuneTable | RetrieverTuneTable | RerankerTuneTable) -> Schedule:
    return Schedule(
        epochs=table.epochs,
        batch_size=table.batch_size,
        learning_rate=table.learning_rate,
        patience=table.patience,
    )


_PARTS = {"generator": _generator, "retriever": _retriever, "reranker": _reranker}
