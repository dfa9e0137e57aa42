"""Tuning the fusion: how much each leg of the hybrid search counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from graft.core.context import Context
from graft.core.errors import InputError
from graft.core.example import Example
from graft.core.recipe import Recipe
from graft.core.runs import Run
from graft.examples.formats import sample
from graft.loop.material import Material, keep, retrieval
from graft.retrieve.line import alone
from graft.tune.cost import peak_memory
from graft.tune.data import DataRow
from graft.tune.fusion import Leg, StandsFor, fit_fusion, fused_mean, leg_of
from graft.tune.pool import DECIDES
from graft.tune.writing import run_id, versions
from graft.wire import Wiring, encoder, fusion_weights, line_of, with_line

MOST = 2000
"""Training questions that are searched for at most: more would hardly move the weights."""


def tune_fusion_part(workspace: Wiring, material: Material, *, ctx: Context) -> Run:
    """Fit the fusion's weights on training questions, and write its run.

    They are fitted on what they will weigh: rankings of passages, as deep as the settings say.
    Raises InputError when no training question has gold.
    """
    train, dev = _with_gold(material, material.train), _with_gold(material, material.dev)
    if not train:
        raise InputError(
            "fusion weights need training questions with gold, and there are none: build or "
            "import some"
        )
    train = sample(train, MOST, ctx.seed)
    created = ctx.clock()
    set_to = fusion_weights(workspace, material.settings, material.held)
    k = line_of(material.settings).table("fuse").k
    with ctx.stage("tune fusion", len(set_to)) as step, peak_memory() as peak:
        legs: dict[str, Leg] = {}
        for name in set_to:
            legs[name] = _leg(workspace, material, name, [*train, *dev], ctx)
            step.advance()
        stands_for = _stands_for(material, legs)
        fitted = fit_fusion(legs, _qrels(material, train), stands_for=stands_for, k=k)
    recipe = Recipe(
        part="fusion", objective="weights", base=material.settings.encoder.model,
        base_digest=encoder(workspace, material.settings.encoder).digest,
        data=material.examples.id, adapter={}, seed=ctx.seed,
    )  # fmt: skip
    means = [
        {DECIDES: fused_mean(legs, _qrels(material, dev), weights, stands_for=stands_for, k=k)}
        if dev
        else {}
        for weights in (set_to, fitted.weights)
    ]
    run = Run(
        id=run_id(recipe, created),
        recipe=recipe,
        created=created,
        seconds=ctx.clock() - created,
        trainable_parameters=len(fitted.weights),
        peak_memory={"host": peak.bytes, "device": 0},
        before=means[0],
        after=means[1],
        counts={"questions": fitted.questions},
        versions=versions(),
    )
    return keep(
        workspace, material, run, save=fitted.save, data=_rows(material, legs, [*train, *dev]),
        documents=(p.document_id for e in (*train, *dev) for p in material.gold[e.id]),
    )  # fmt: skip


def _rows(
    material: Material, legs: Mapping[str, Leg], examples: Sequence[Example]
) -> Iterator[DataRow]:
    for example in examples:
        positives = tuple(passage.id for passage in material.gold[example.id])
        for name, leg in legs.items():
            shown = tuple(id for id, _ in leg[example.id])
            yield DataRow(example.split, example.id, positives, shown, stage=name)


def _with_gold(material: Material, examples: Sequence[Example]) -> list[Example]:
    return [e for e in examples if material.gold[e.id]]


def _qrels(material: Material, examples: Sequence[Example]) -> dict[str, Mapping[str, int]]:
    return {e.id: material.judged[e.id].grades for e in examples}


def _stands_for(material: Material, legs: Mapping[str, Leg]) -> StandsFor:
    """Return what each ranked passage is judged as: itself, or its document."""
    ranked = {id for leg in legs.values() for hits in leg.values() for id, _ in hits}
    documents = {p.id: p.document_id for p in material.held.passages(sorted(ranked))}
    return lambda question, id: material.judged[question].stands_for(id, documents.get(id, ""))


def _leg(
    workspace: Wiring, material: Material, name: str, examples: Sequence[Example], ctx: Context
) -> Leg:
    settings = with_line(material.settings, alone(line_of(material.settings), name))
    found = retrieval(workspace, material, settings, limit=settings.retrieve.depth, ctx=ctx)
    return leg_of(found, examples)
