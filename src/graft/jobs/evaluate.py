"""evaluate: systems against examples, with paired intervals and a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from graft.core.answer import Answer
from graft.core.config import Settings
from graft.core.context import Context
from graft.core.document import Passage
from graft.core.errors import InputError
from graft.core.example import Example, Split
from graft.core.files import write_atomic
from graft.core.hashing import value_hash
from graft.core.search import Hit, Search
from graft.evaluate.cells import PAIRS, ContextName, GeneratorName, Respond, run_cells
from graft.evaluate.compare import Sampling
from graft.evaluate.report import Cost, Curve, Report, Section, render
from graft.evaluate.result import SplitResult, summarise
from graft.evaluate.retrieval import (
    Qrels,
    rank_documents,
    rank_passages,
    score_rankings,
)
from graft.evaluate.score import Scored
from graft.examples.formats import import_examples, sample
from graft.examples.gold import pin, resolve
from graft.jobs.examples import load_examples
from graft.jobs.parts import with_run
from graft.library.store import Library
from graft.tune.run import Run, read_run
from graft.wire import Wiring, answerer, library, pipeline, reading, settings_of

Worked = Sequence[tuple[str, Sequence[Passage], str]]

RETRIEVAL_DEPTH = 100
"""Passages a ranking holds, so that ten documents come out of it."""

TEST_SPLITS: tuple[Split, ...] = ("test-new", "test-seen")

ABOUT = {
    "test-new": "Questions on documents that nothing was trained on.",
    "test-seen": "New questions on documents that were trained on.",
}


@dataclass(frozen=True)
class Evaluated:
    """Results by split, the evaluation's id in the ledger, and the report's path."""

    id: str
    results: Mapping[str, SplitResult]
    report: Path

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON that scripts rely on."""
        splits = {name: result.to_dict() for name, result in self.results.items()}
        return {"id": self.id, "splits": splits, "report": str(self.report)}


def evaluate(
    workspace: Wiring, *, examples: str = "", runs: Mapping[str, str] | None = None,
    limit: int = 0, ctx: Context,
) -> Evaluated:  # fmt: skip
    """Score the cells on an example set's test splits, with the release in use as the base.

    `runs` names the generator runs "closed" and "raft"; the latest on this set otherwise. A cell
    whose generator was not tuned is left out.
    """
    settings, _ = settings_of(workspace, None)
    held, found = reading(workspace, settings), load_examples(workspace, examples)
    named = dict(runs or {}) or latest_runs(workspace, found.id)
    results: dict[str, SplitResult] = {}
    for split in TEST_SPLITS:
        chosen = sample(found.split(split), limit or workspace.config.evaluate.limit, ctx.seed)
        if chosen:
            scored, kept = score_cells(
                workspace, settings, held, chosen, runs=named,
                worked=worked_examples(workspace, settings, held, found.split("train")),
                ctx=ctx,
            )  # fmt: skip
            results[split] = summarise_cells(workspace, scored, kept, ctx)
    if not results:
        raise InputError(
            f"example set {found.id} has no test questions: build it from more documents"
        )
    return keep(workspace, "Evaluation", "graft evaluate", results, named, ctx)


def evaluate_beir(
    workspace: Wiring, folder: str, *, split: str, answers: bool = False,
    runs: Mapping[str, str] | None = None, limit: int = 0, ctx: Context,
) -> Evaluated:  # fmt: skip
    """Score an ingested BEIR folder on its qrels: bm25, dense, hybrid, reranked.

    With `answers`, the cells on its answers.jsonl as well. `limit` takes a sample, by the seed.
    """
    settings, _ = settings_of(workspace, None)
    held = reading(workspace, settings)
    found = import_examples(Path(folder), split=split, limit=limit, seed=ctx.seed)
    pinned = pin(found, held.document)
    if len(pinned.examples) < len(found):
        missing = len(found) - len(pinned.examples)
        ctx.warn("evaluate", f"{missing} questions have a gold document that is not ingested")
    if not pinned.examples:
        raise InputError(f"no document of {folder} is in the library: graft ingest {folder}")
    asked = [_by_document(example) for example in pinned.examples]
    results = {split: rankings_result(workspace, settings, held, asked, ctx)}
    named = dict(runs or {})
    if answers:
        named = named or latest_runs(workspace, "")
        train = load_examples(workspace).split("train") if _has_examples(workspace) else ()
        scored, kept = score_cells(
            workspace, settings, held,
            [e for e in asked if e.answers or not e.answerable], runs=named,
            worked=worked_examples(workspace, settings, held, train), ctx=ctx,
        )  # fmt: skip
        results[f"{split} answers"] = summarise_cells(workspace, scored, kept, ctx)
    command = f"graft evaluate --beir {folder} --split {split}"
    return keep(workspace, Path(folder).name, command, results, named, ctx)


def latest_runs(workspace: Wiring, example_set: str) -> dict[str, str]:
    """Return the newest generator runs, "closed" and "raft", of an example set (or of any)."""
    found: dict[str, str] = {}
    for row in workspace.ledger.runs():
        if row["part"] == "generator" and example_set in ("", row["example_set"]):
            raft = row["detail"]["recipe"]["objective"] == "raft"
            found["raft" if raft else "closed"] = f"runs/{row['id']}"
    return found


def score_cells(
    workspace: Wiring, settings: Settings, held: Library, examples: Sequence[Example], *,
    runs: Mapping[str, str], worked: Worked, ctx: Context,
) -> tuple[list[Scored], list[Example]]:  # fmt: skip
    """Return every cell scored, and the examples whose gold could be resolved."""
    gold = resolve(examples, held.document, passages_of=held.passages_of, ctx=ctx)
    kept = [e for e in examples if e.id in gold.passages]
    searches = pipeline(workspace, settings, held)([Search(e.question) for e in kept])
    most = settings.answer.passages
    contexts: dict[ContextName, list[list[Passage]]] = {
        "none": [[] for _ in kept],
        "retrieved": [passages_of(search.hits) for search in searches],
        "gold": [list(gold.passages[e.id][:most]) for e in kept],
    }
    responders: dict[GeneratorName, Respond] = {
        "base": responder(workspace, settings, held, ctx=ctx),
    }
    if worked:
        responders["few-shot"] = responder(workspace, settings, held, worked=worked, ctx=ctx)
    for name in ("closed", "raft"):
        if name in runs:
            tuned = with_run(settings, "generator", runs[name])
            responders[name] = responder(workspace, tuned, held, ctx=ctx)  # type: ignore[index]
    return run_cells(kept, contexts, responders, ctx=ctx), kept


def responder(
    workspace: Wiring, settings: Settings, held: Library, *, worked: Worked = (), ctx: Context
) -> Respond:
    """Return how one generator answers given passages, as serving would, threshold aside."""
    serving = answerer(workspace, settings, held)
    reading = replace(serving, decline_threshold=0.0, worked=tuple(worked))

    def respond(questions: Sequence[str], contexts: Sequence[Sequence[Passage]]) -> list[Answer]:
        return reading.answer_from(questions, contexts, ctx)

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


def rankings_result(
    workspace: Wiring, settings: Settings, held: Library, examples: Sequence[Example], ctx: Context
) -> SplitResult:
    """Return retrieval scored by documents: each leg, their fusion, and the reranker if any."""
    qrels = {e.id: {g.document_id: 1 for g in e.gold} for e in examples}
    scored = [
        score_pipeline(workspace, name, variant, held, examples, qrels=qrels, ctx=ctx)
        for name, variant in retrieval_systems(settings).items()
    ]
    names = [system.name for system in scored]
    pairs = [(name, names[-1]) for name in names[:-1]]
    return summarise(
        scored, examples, pairs=pairs, measures=("nDCG@10", "Recall@10"),
        sampling=sampling(workspace, ctx),
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


def score_pipeline(
    workspace: Wiring, name: str, settings: Settings, held: Library, examples: Sequence[Example],
    *, qrels: Qrels, ctx: Context, passages: bool = False,
) -> Scored:  # fmt: skip
    """Return one retrieval scored; a document ranks by its best passage unless `passages`."""
    stage = pipeline(workspace, settings, held, limit=RETRIEVAL_DEPTH)
    started = ctx.clock()
    with ctx.stage(f"search {name}", len(examples)) as step:
        hits: list[Sequence[Hit]] = []
        for start in range(0, len(examples), 256):
            batch = examples[start : start + 256]
            hits += [search.hits for search in stage([Search(e.question) for e in batch])]
            step.advance(len(batch))
    rank = rank_passages if passages else rank_documents
    return score_rankings(
        name, [e.id for e in examples], [rank(found) for found in hits], qrels,
        seconds=ctx.clock() - started,
    )  # fmt: skip


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
        scored, examples, pairs=PAIRS, measures=("token_f1", "exact_match", "support"),
        sampling=sampling(workspace, ctx), changed=(before, after),
    )  # fmt: skip


def curves_of(runs: Sequence[Run]) -> list[Curve]:
    """Return the loss curves of runs, as the report draws them."""
    return [
        Curve(
            f"{run.part}, {run.recipe.objective}",
            tuple((p.step, p.train_loss) for p in run.curves if p.train_loss is not None),
            tuple((p.step, p.dev_loss) for p in run.curves if p.dev_loss is not None),
        )
        for run in runs
    ]


def costs_of(runs: Sequence[Run]) -> list[Cost]:
    """Return what runs cost, as the report lists it."""
    return [
        Cost(
            f"tune {run.part} ({run.recipe.objective})", run.seconds,
            max(run.peak_memory.values(), default=0), f"runs/{run.id}",
        )
        for run in runs
    ]  # fmt: skip


def keep(
    workspace: Wiring, title: str, command: str, results: Mapping[str, SplitResult],
    runs: Mapping[str, str], ctx: Context,
) -> Evaluated:  # fmt: skip
    """Write the report and the ledger's entry of an evaluation."""
    now = ctx.clock()
    plain = {name: result.to_dict() for name, result in results.items()}
    id = value_hash([now, command, plain])[:12]
    read = [read_run(Path(workspace.layout.model_path(run))) for run in runs.values()]
    report = Report(
        title=title, created=now, command=command, verdict=None,
        sections=[Section(name, ABOUT.get(name, ""), r) for name, r in results.items()],
        curves=curves_of(read), costs=costs_of(read),
        lineage=[(f"run, {name}", run) for name, run in runs.items()],
    )  # fmt: skip
    path = workspace.layout.reports / f"{id}.html"
    write_atomic(path, render(report))
    detail = {"command": command, "runs": dict(runs), "splits": plain, "report": str(path)}
    workspace.ledger.record_evaluation(id, now, library(workspace).version, detail=detail)
    return Evaluated(id, results, path)


def _by_document(example: Example) -> Example:
    """Return the example in its first gold document's group, which is what is resampled.

    A split ties all gold documents of a question together, so that nothing leaks; where questions
    have several, that chains most of a set into one group, of which no interval could be made.
    """
    return replace(example, group=example.gold[0].document_id) if example.gold else example


def _has_examples(workspace: Wiring) -> bool:
    return (workspace.layout.examples / "latest").exists()
