"""scoring: systems of this workspace asked on examples, and what they are worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from graft.core.answer import Answer
from graft.core.config import Settings
from graft.core.context import Context
from graft.core.document import Passage
from graft.core.example import Example
from graft.core.runs import Run
from graft.core.search import Hit, Search
from graft.evaluate.cells import PAIRS, ContextName, GeneratorName, Respond, run_cells
from graft.evaluate.compare import Sampling
from graft.evaluate.result import SplitResult, summarise
from graft.evaluate.retrieval import rank_documents, score_rankings
from graft.evaluate.score import Scored
from graft.examples.distract import search_for
from graft.examples.gold import resolve
from graft.library.store import Library
from graft.loop.parts import with_run
from graft.wire import Wiring, answerer, pipeline

Worked = Sequence[tuple[str, Sequence[Passage], str]]

RETRIEVAL_DEPTH = 100
"""Passages a ranking holds, so that ten documents come out of it."""


def score_cells(
    workspace: Wiring, settings: Settings, held: Library, examples: Sequence[Example], *,
    runs: Mapping[str, Run], worked: Worked, ctx: Context,
) -> tuple[list[Scored], list[Example]]:  # fmt: skip
    """Return every cell scored, and the examples whose gold could be resolved."""
    gold = resolve(examples, held.document, passages_of=held.passages_of, ctx=ctx)
    kept = [e for e in examples if e.id in gold.passages]
    searches = pipeline(workspace, settings, held)([search_for(e) for e in kept])
    most = settings.answer.passages
    contexts: dict[ContextName, list[list[Passage]] | None] = {
        "none": None,
        "retrieved": [passages_of(search.hits) for search in searches],
        "gold": [list(gold.passages[e.id][:most]) for e in kept],
    }
    # A release in use may have an adapter: the cells tell what one adds to the model as it came.
    bare = settings.model_copy(
        update={"generate": settings.generate.model_copy(update={"adapter": ""})}
    )
    responders: dict[GeneratorName, Respond] = {
        "base": responder(workspace, bare, held, ctx=ctx),
    }
    if worked:
        responders["few-shot"] = responder(workspace, bare, held, worked=worked, ctx=ctx)
    for name in ("closed", "raft"):
        if name in runs:
            tuned = with_run(settings, runs[name])
            responders[name] = responder(workspace, tuned, held, ctx=ctx)  # type: ignore[index]
    return run_cells(kept, contexts, responders, ctx=ctx), kept


def responder(
    workspace: Wiring, settings: Settings, held: Library, *, worked: Worked = (), ctx: Context
) -> Respond:
    """Return how one generator answers given passages, as serving would, threshold aside."""
    serving = answerer(workspace, settings, held)
    reading = replace(serving, decline_threshold=0.0, worked=tuple(worked))

    def respond(
        searches: Sequence[Search], contexts: Sequence[Sequence[Passage]] | None
    ) -> list[Answer]:
        return reading.answer_from(searches, contexts, ctx)

    return respond


def worked_examples(
    workspace: Wiring, settings: Settings, held: Library, train: Sequence[Example]
) -> Worked:
    """Return the first answerable training examples with one gold passage each, for the prompt."""
    most = workspace.config.evaluate.few_shot
    chosen: list[tuple[str, Sequence[Passage], str]] = []
    for example in train:
        if len(chosen) == most:
            break
        if not example.answers or not example.gold:
            continue
        gold = resolve([example], held.document, passages_of=held.passages_of).passages
        if example.id in gold:
            chosen.append((example.question, gold[example.id][:1], example.answers[0]))
    return chosen


@dataclass(frozen=True)
class Rankings:
    """What one system ranked: (id, score) lists, best first, in the order of the questions."""

    rows: list[list[tuple[str, float]]]
    seconds: float


def rank_systems(
    workspace: Wiring, systems: Mapping[str, Settings], held: Library,
    examples: Sequence[Example], ctx: Context,
) -> dict[str, Rankings]:  # fmt: skip
    """Return the documents that each retrieval system ranks."""
    return {
        name: rank_pipeline(workspace, name, variant, held, examples, rank_documents, ctx)
        for name, variant in systems.items()
    }


def rank_pipeline(
    workspace: Wiring, name: str, settings: Settings, held: Library, examples: Sequence[Example],
    rank: Callable[[Sequence[Hit]], list[tuple[str, float]]], ctx: Context,
) -> Rankings:  # fmt: skip
    """Return what one retrieval ranks, by documents or passages as `rank` reads its hits."""
    stage = pipeline(workspace, settings, held, limit=RETRIEVAL_DEPTH)
    started, rows = ctx.clock(), []
    with ctx.stage(f"search {name}", len(examples)) as step:
        for start in range(0, len(examples), 256):
            batch = examples[start : start + 256]
            rows += [rank(search.hits) for search in stage([search_for(e) for e in batch])]
            step.advance(len(batch))
    return Rankings(rows, ctx.clock() - started)


def rankings_result(
    workspace: Wiring, rankings: Mapping[str, Rankings], examples: Sequence[Example], *,
    against: str, ctx: Context,
) -> SplitResult:  # fmt: skip
    """Return rankings scored by documents, each compared with the one named `against`.

    Those that come before it in the order are taken for parts of it, those after for changes.
    """
    qrels = {e.id: {g.document_id: 1 for g in e.gold} for e in examples}
    ids = [example.id for example in examples]
    scored = [
        score_rankings(name, ids, found.rows, qrels, seconds=found.seconds)
        for name, found in rankings.items()
    ]
    names = list(rankings)
    place = names.index(against)
    pairs = [(name, against) for name in names[:place]]
    pairs += [(against, name) for name in names[place + 1 :]]
    return summarise(
        scored, examples, pairs=pairs,
        measures=("nDCG@10", "Recall@10"), sampling=sampling(workspace, ctx),
    )  # fmt: skip


def retrieval_systems(settings: Settings) -> dict[str, Settings]:
    """Return the settings of each retrieval system: legs, fusion, and reranking if it is set."""
    table = settings.retrieve
    found = {}
    for name in ("bm25", "dense", "hybrid"):
        plain = table.model_copy(update={"pipeline": name, "reranker": ""})
        found[name] = settings.model_copy(update={"retrieve": plain})
    if table.reranker:
        found["reranked"] = settings
    return found


def passages_of(hits: Sequence[Hit]) -> list[Passage]:
    """Return the fetched passages of hits, in their order."""
    return [hit.passage for hit in hits if hit.passage is not None]


def sampling(workspace: Wiring, ctx: Context) -> Sampling:
    """Return how intervals are made by the settings."""
    table = workspace.config.evaluate
    return Sampling(table.resamples, table.confidence, ctx.seed, table.smallest_n)


def summarise_cells(
    workspace: Wiring, scored: Sequence[Scored], examples: Sequence[Example], ctx: Context
) -> SplitResult:
    """Return the cells' means and the differences that tell what each part adds."""
    names = {system.name for system in scored}
    after = "rag+ft" if "rag+ft" in names else "rag"
    before = "rag" if after == "rag+ft" else "base"
    return summarise(
        scored, examples, pairs=PAIRS, measures=("answer_f1", "exact_match", "support"),
        sampling=sampling(workspace, ctx), changed=(before, after),
    )  # fmt: skip
