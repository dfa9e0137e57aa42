"""Tuning what ranks: the retriever's encoder, and the reranker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from graft.core.config import Settings
from graft.core.context import Context
from graft.core.document import Passage
from graft.core.hashing import value_hash
from graft.core.protocols import Encoder
from graft.core.recipe import Lora, Negatives, Recipe, Schedule
from graft.loop.material import Material, keep, retrieval
from graft.models.reranker import grow_reranker, load_reranker
from graft.retrieve.line import before, read_line
from graft.tune.data import Row
from graft.tune.lists import Lists, dev_lists, score_lists
from graft.tune.mine import Mined, encoder_similarity, mine
from graft.tune.pool import Pool, dev_pool
from graft.tune.reranker import tune_reranker
from graft.tune.retriever import tune_retriever
from graft.tune.run import Run
from graft.tune.tuned import Tuned
from graft.wire import (
    Wiring,
    encoder,
    encoder_folder,
    line_of,
    reranker,
    weights_path,
    with_line,
)

DENSE = "follow_up >> dense"
"""The line that shows the encoder's own mistakes."""

MINED_HITS = 60
"""Passages that hard negatives are chosen from: a band of ranks, and some to be left out."""

POSITIVES = 4
"""Passages that answer a question which it is trained with at most, the best first; the others
are still no negatives of it. A question on many documents would cost as much as many questions."""


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
    plain = with_line(settings, read_line(DENSE, settings.retrieve.stages))
    mined = _mined(workspace, material, plain, recipe, similarity=base, ctx=ctx)
    pool = dev_pool(material.dev, material.gold, material.held, apart=material.apart)
    tuned = tune_retriever(base, mined.triples, pool, recipe=recipe, ctx=ctx)
    return keep(
        workspace, material, _run(tuned, recipe, mined, ctx), save=tuned.save,
        data=chain(_train_rows(mined), _pool_rows(pool)),
        documents={p.document_id for p in (*_read(mined), *pool.passages.values())},
    )  # fmt: skip


def tune_reranker_part(workspace: Wiring, material: Material, *, ctx: Context) -> Run:
    """Train a cross-encoder on the first stage's real misses, and write its run.

    It starts from a given model, or is grown from the encoder's weights. The run's `before` is
    what the reranker in use makes of the first stage's candidates, or their own order.
    """
    table, settings = workspace.config.tune.reranker, material.settings
    if table.model:
        given = load_reranker(weights_path(workspace, table.model))
        start, digest = given.module, given.digest
    else:
        start = grow_reranker(encoder_folder(workspace, settings.encoder), seed=ctx.seed)
        digest = encoder(workspace, settings.encoder).digest
    recipe = Recipe(
        part="reranker",
        objective="pointwise",
        base=table.model or settings.encoder.model,
        base_digest=digest,
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
    line = line_of(settings)
    first = with_line(settings, before(line, "rerank"))
    candidates_of = retrieval(workspace, material, first, limit=MINED_HITS, ctx=ctx)
    mined = _mined(workspace, material, first, recipe, similarity=None, ctx=ctx)
    lists = dev_lists(
        material.dev, material.gold, candidates_of, material.held, depth=line.table("rerank").depth
    )
    tuned = tune_reranker(start, mined.triples, lists, recipe=recipe, ctx=ctx)
    if "rerank" in line.used:
        used = reranker(workspace, line.used["rerank"].model)
        found = score_lists(lists, used.score(lists.pairs))
        tuned = replace(tuned, before={name: found[name] for name in tuned.before})
    candidates = (p for shown in lists.candidates.values() for p in shown)
    answers = (p for id in lists.questions for p in material.gold[id])
    return keep(
        workspace, material, _run(tuned, recipe, mined, ctx), save=tuned.save,
        data=chain(_train_rows(mined), _list_rows(lists)),
        documents={p.document_id for p in (*_read(mined), *candidates, *answers)},
    )  # fmt: skip


def _mined(
    workspace: Wiring, material: Material, settings: Settings, recipe: Recipe, *,
    similarity: Encoder | None, ctx: Context,
) -> Mined:  # fmt: skip
    """Return the triples of every question with gold, `POSITIVES` a question at most."""
    with_gold = [e for e in material.train if material.gold[e.id]]
    mined = mine(
        with_gold,
        material.gold,
        retrieval(workspace, material, settings, limit=MINED_HITS, ctx=ctx),
        material.held,
        recipe.negatives or Negatives(count=0),
        similarity=encoder_similarity(similarity) if similarity else None,
        ctx=ctx,
    )
    taken: Counter[str] = Counter()
    triples = []
    for triple in mined.triples:
        taken[triple.example] += 1
        if taken[triple.example] <= POSITIVES:
            triples.append(triple)
    return replace(mined, triples=tuple(triples))


def _run(tuned: Tuned, recipe: Recipe, mined: Mined, ctx: Context) -> Run:
    run = tuned.to_run(recipe, ctx)
    dropped = {f"mined: {reason}": count for reason, count in mined.dropped.items()}
    return replace(run, counts={**run.counts, **dropped})


def _read(mined: Mined) -> Iterator[Passage]:
    for triple in mined.triples:
        yield from (triple.positive, *triple.negatives)


def _train_rows(mined: Mined) -> Iterator[Row]:
    for triple in mined.triples:
        shown = tuple(passage.id for passage in triple.negatives)
        texts = [p.indexed_text for p in (triple.positive, *triple.negatives)]
        digest = value_hash([triple.question, *texts])
        yield Row("train", triple.example, (triple.positive.id,), shown, digest=digest)


def _pool_rows(pool: Pool) -> Iterator[Row]:
    yield Row("dev", "", shown=tuple(pool.passages))
    for id, gold in pool.gold.items():
        yield Row("dev", id, tuple(sorted(gold)))


def _list_rows(lists: Lists) -> Iterator[Row]:
    for id, shown in lists.candidates.items():
        yield Row("dev", id, tuple(sorted(lists.gold[id])), tuple(p.id for p in shown))
