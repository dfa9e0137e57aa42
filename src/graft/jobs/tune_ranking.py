"""Tuning what ranks: the retriever's encoder, and the reranker."""

from __future__ import annotations

from collections.abc import Callable

from graft.core.config import RetrieveTable
from graft.core.context import Context
from graft.core.document import Passage
from graft.core.protocols import Encoder
from graft.core.recipe import Lora, Negatives, Recipe, Schedule
from graft.core.search import Search
from graft.jobs.material import Material, record
from graft.models.reranker import grow_reranker, load_reranker
from graft.tune.lists import dev_lists
from graft.tune.mine import Mined, encoder_similarity, mine
from graft.tune.pool import dev_pool
from graft.tune.reranker import tune_reranker
from graft.tune.retriever import tune_retriever
from graft.tune.run import Run, write_run
from graft.wire import Wiring, encoder, encoder_folder, pipeline, weights_path

MINED_HITS = 60
"""Passages that hard negatives are chosen from: a band of ranks, and some to be left out."""


def tune_retriever_part(workspace: Wiring, material: Material, *, ctx: Context) -> Run:
    """Train the encoder with in-batch and mined hard negatives, and write its run."""
    table, settings = workspace.config.tune.retriever, material.settings
    base = encoder(workspace, settings.encoder)
    recipe = Recipe(
        part="retriever",
        objective="contrastive",
        base=settings.encoder.model,
        base_digest=base.digest,
        data=material.examples.id,
        adapter=Lora(rank=table.rank, alpha=2 * table.rank) if table.adapter == "lora" else None,
        schedule=Schedule(
            epochs=table.epochs,
            batch_size=table.batch_size,
            learning_rate=table.learning_rate,
            patience=table.patience,
        ),
        negatives=Negatives(count=table.hard_negatives) if table.hard_negatives else None,
        seed=ctx.seed,
    )
    plain = settings.retrieve.model_copy(update={"pipeline": "dense", "reranker": ""})
    mined = _mined(workspace, material, plain, recipe, similarity=base, ctx=ctx)
    pool = dev_pool(material.dev, material.gold, material.held)
    tuned = tune_retriever(base, mined.triples, pool, recipe=recipe, ctx=ctx)
    run = write_run(workspace.layout.runs, tuned.to_run(recipe, ctx), tuned.save)
    record(workspace, run, material, _shown(mined))
    return run


def tune_reranker_part(workspace: Wiring, material: Material, *, ctx: Context) -> Run:
    """Train a cross-encoder on the first stage's real misses, and write its run.

    It starts from a given model, or is grown from the encoder's weights.
    """
    table, settings = workspace.config.tune.reranker, material.settings
    if table.model:
        start = load_reranker(weights_path(workspace, table.model)).module
    else:
        start = grow_reranker(encoder_folder(workspace, settings.encoder), seed=ctx.seed)
    recipe = Recipe(
        part="reranker",
        objective="pointwise",
        base=table.model or settings.encoder.model,
        data=material.examples.id,
        adapter=None,
        schedule=Schedule(
            epochs=table.epochs,
            batch_size=table.batch_size,
            learning_rate=table.learning_rate,
            patience=table.patience,
        ),
        negatives=Negatives(first=1, last=20, count=table.hard_negatives),
        seed=ctx.seed,
    )
    first = settings.retrieve.model_copy(update={"reranker": ""})
    mined = _mined(workspace, material, first, recipe, similarity=None, ctx=ctx)
    lists = dev_lists(
        material.dev, material.gold, _retrieval(workspace, material, first), material.held,
        depth=settings.retrieve.rerank_depth,
    )  # fmt: skip
    tuned = tune_reranker(start, mined.triples, lists, recipe=recipe, ctx=ctx)
    run = write_run(workspace.layout.runs, tuned.to_run(recipe, ctx), tuned.save)
    record(workspace, run, material, _shown(mined))
    return run


def _mined(
    workspace: Wiring, material: Material, table: RetrieveTable, recipe: Recipe, *,
    similarity: Encoder | None, ctx: Context,
) -> Mined:  # fmt: skip
    with_gold = [e for e in material.train if material.gold[e.id]]
    return mine(
        with_gold,
        {e.id: material.gold[e.id][:1] for e in with_gold},
        _retrieval(workspace, material, table),
        material.held,
        recipe.negatives or Negatives(count=0),
        similarity=encoder_similarity(similarity) if similarity else None,
        ctx=ctx,
    )


def _retrieval(
    workspace: Wiring, material: Material, table: RetrieveTable
) -> Callable[[list[Search]], list[Search]]:
    settings = material.settings.model_copy(update={"retrieve": table})
    return pipeline(workspace, settings, material.held, limit=MINED_HITS)


def _shown(mined: Mined) -> list[Passage]:
    return [p for triple in mined.triples for p in (triple.positive, *triple.negatives)]
