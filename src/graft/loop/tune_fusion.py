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
from graft.tune.fusion import Leg, fit_fusion, fused_mean, leg_of
from graft.tune.writing import run_id, versions
from graft.wire import Wiring, encoder, fusion_weights, line_of, with_line

MOST = 2000
"""Training questions that are searched for at most: more would hardly move the weights."""

MEASURE = "nDCG@10"


def tune_fusion_part(workspace: Wiring, material: Material, *, ctx: Context) -> Run:
    """Fit the fusion's weights on training questions, and write its run.

    They are fitted on what they will weigh: rankings of passages, as deep as the settings say.
    Raises InputError when no training question has gold.
    """
    train, dev = _judged(material, material.train), _judged(material, material.dev)
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
        fitted = fit_fusion(legs, _qrels(material, train), measure=MEASURE, k=k)
    recipe = Recipe(
        part="fusion", objective="weights", base=material.settings.encoder.model,
        base_digest=encoder(workspace, material.settings.encoder).digest,
        data=material.examples.id, adapter={}, seed=ctx.seed,
    )  # fmt: skip
    means = [
        {MEASURE: fused_mean(legs, _qrels(material, dev), weights, measure=MEASURE, k=k)}
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


def _judged(material: Material, examples: Sequence[Example]) -> list[Example]:
    return [e for e in examples if material.gold[e.id]]


def _qrels(material: Material, examples: Sequence[Example]) -> dict[str, dict[str, int]]:
    return {e.id: {p.id: 1 for p in material.gold[e.id]} for e in examples}


def _leg(
    workspace: Wiring, material: Material, name: str, examples: Sequence[Example], ctx: Context
) -> Leg:
    settings = with_line(material.settings, alone(line_of(material.settings), name))
    found = retrieval(workspace, material, settings, limit=settings.retrieve.depth, ctx=ctx)
    return leg_of(found, examples)
