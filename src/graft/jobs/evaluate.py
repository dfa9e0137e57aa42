"""evaluate: systems against examples, with paired intervals and a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from graft.core.config import Settings
from graft.core.context import Context
from graft.core.errors import GraftError, InputError, LeakError, NotFound
from graft.core.example import Example, Split
from graft.core.files import RUNS, write_atomic
from graft.core.hashing import value_hash
from graft.core.runs import Run, ancestors
from graft.evaluate.report import Cost, Curve, Report, Section, render
from graft.evaluate.result import SplitResult
from graft.examples.formats import import_examples, sample
from graft.examples.gold import pin
from graft.examples.store import ExampleSet
from graft.examples.trec import Run as TrecRun
from graft.loop.ladder import Ladder, Rung
from graft.loop.parts import require_fit, run_named, runs_of, with_run
from graft.loop.releases import settings_of
from graft.loop.scoring import (
    rank_systems,
    rankings_result,
    retrieval_systems,
    score_cells,
    summarise_cells,
    worked_examples,
)
from graft.loop.sets import load_examples
from graft.loop.spaces import ensure_space
from graft.measures.leaks import leaks
from graft.wire import Wiring, library, reading

TEST_SPLITS: tuple[Split, ...] = ("test-new", "test-seen")

ABOUT = {
    "test-new": "Questions on documents that nothing was trained on.",
    "test-seen": "New questions on documents that were trained on.",
}


@dataclass(frozen=True)
class Evaluated:
    """Results by split, the evaluation's id in the ledger, and the report's path.

    `rankings` are those of a BEIR folder, by system: the (document, score) lists of its queries.
    """

    id: str
    results: Mapping[str, SplitResult]
    report: Path
    rankings: Mapping[str, TrecRun] = field(default_factory=dict)

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
    whose generator was not tuned is left out. Raises LeakError, naming the pair, when a run was
    trained on a question that it would be asked.
    """
    settings, _ = settings_of(workspace, None)
    held, found = reading(workspace, settings), load_examples(workspace, examples)
    tuned = _generators(workspace, settings, runs or {}, found.id, ctx)
    asked = asked_of(workspace, found, limit, ctx)
    check_unseen(workspace, settings, tuned.values(), [e for c in asked.values() for e in c], ctx)
    worked = worked_examples(workspace, settings, held, found.split("train"))
    results: dict[str, SplitResult] = {}
    for split, chosen in asked.items():
        scored, kept = score_cells(
            workspace, settings, held, chosen, runs=tuned, worked=worked, ctx=ctx
        )
        results[split] = summarise_cells(workspace, scored, kept, ctx)
    return keep(workspace, "Evaluation", "graft evaluate", results, tuned, ctx)


def evaluate_systems(
    workspace: Wiring, releases: Sequence[int] = (), runs: Sequence[str] = (), *,
    examples: str = "", limit: int = 0, ctx: Context,
) -> Evaluated:  # fmt: skip
    """Score systems as they would serve, declining included, on an example set's test splits.

    They are `releases`, or the one in use; then the last of these with each of `runs` as a part
    of it, one run at a time. Each is compared with the one before it, and the last with the
    first. Raises LeakError, naming the pair, when a run of theirs was trained on a question that
    it would be asked.
    """
    found = load_examples(workspace, examples)
    numbers = list(dict.fromkeys(releases)) or [workspace.releases.current().number]
    rungs = [_release_rung(workspace, number) for number in numbers]
    named = [run_named(workspace, name) for name in runs]
    rungs += _with_runs(workspace, rungs[-1], named, ctx)
    if len(rungs) < 2:
        raise InputError("a comparison needs two systems or more: `graft release list`")
    asked = asked_of(workspace, found, limit, ctx)
    others = [run_named(workspace, id) for rung in rungs[1:] for id in runs_of(rung.settings)]
    everything = [example for chosen in asked.values() for example in chosen]
    check_unseen(workspace, rungs[0].settings, others, everything, ctx)
    ladder = Ladder(workspace, library(workspace), ctx)
    measures = workspace.config.gate.measures
    results: dict[str, SplitResult] = {}
    for split, chosen in asked.items():
        results[split] = ladder.on(rungs, chosen, measures)
    title = "Compared: " + ", ".join(rung.name for rung in rungs)
    command = "graft evaluate" + "".join(f" --release {n}" for n in releases)
    command += "".join(f" --run {run}" for run in runs)
    return keep(workspace, title, command, results, {}, ctx)


def _release_rung(workspace: Wiring, number: int) -> Rung:
    settings, name = settings_of(workspace, number)
    return Rung(f"release {name}", settings, workspace.releases.get(number).prompts)


def _with_runs(workspace: Wiring, rung: Rung, runs: Sequence[Run], ctx: Context) -> list[Rung]:
    """Return a system with one run after the other as a part of it, each alone."""
    found = []
    for run in {run.id: run for run in runs}.values():
        require_fit(workspace, rung.settings, run)
        settings = with_run(rung.settings, run)
        if settings.encoder != rung.settings.encoder:
            with workspace.layout.writer():
                ensure_space(workspace, settings, ctx=ctx)
        found.append(replace(rung, name=run.id, settings=settings))
    return found


def evaluate_beir(
    workspace: Wiring, folder: str, *, split: str, answers: bool = False,
    runs: Mapping[str, str] | None = None, added: Sequence[str] = (), limit: int = 0,
    ctx: Context,
) -> Evaluated:  # fmt: skip
    """Score an ingested BEIR folder on its qrels: bm25, dense, hybrid, reranked, and `added`.

    `added` names runs (retriever, fusion, reranker), each scored as a part of the release in
    use. With `answers`, the cells on its answers.jsonl as well, with the latest generator runs
    unless `runs` names some. `limit` takes a sample, by the seed. Raises LeakError, naming the
    pair, when a run was trained on a question that it would be asked.
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
    tuned = _generators(workspace, settings, runs or {}, "", ctx) if answers else {}
    systems = retrieval_systems(settings)
    whole = list(systems)[-1]
    ranking = [run_named(workspace, name) for name in added]
    for run in ranking:
        if run.part == "generator":
            raise InputError(f"run {run.id} ranks nothing: name it with --raft or --closed")
    check_unseen(workspace, settings, [*tuned.values(), *ranking], asked, ctx)
    for rung in _with_runs(workspace, Rung(whole, systems[whole]), ranking, ctx):
        systems[rung.name] = rung.settings
    held = reading(workspace, settings)  # a run's space may have been laid just now
    rankings = rank_systems(workspace, systems, held, asked, ctx)
    results = {split: rankings_result(workspace, rankings, asked, against=whole, ctx=ctx)}
    if answers:
        train = _train(workspace)
        repeated = {own for own, _, _ in leaks(_questions(train), _questions(asked))}
        shown = [example for example in train if example.id not in repeated]
        scored, kept = score_cells(
            workspace, settings, held,
            [e for e in asked if e.answers or not e.answerable], runs=tuned,
            worked=worked_examples(workspace, settings, held, shown), ctx=ctx,
        )  # fmt: skip
        results[f"{split} answers"] = summarise_cells(workspace, scored, kept, ctx)
    command = f"graft evaluate --beir {folder} --split {split}{' --answers' if answers else ''}"
    done = keep(workspace, Path(folder).name, command, results, tuned, ctx)
    ids = [example.id for example in asked]
    ranked = {name: dict(zip(ids, r.rows, strict=True)) for name, r in rankings.items()}
    return replace(done, rankings=ranked)


def asked_of(
    workspace: Wiring, found: ExampleSet, limit: int, ctx: Context
) -> dict[Split, list[Example]]:
    """Return the questions of each test split that has any: a sample by the seed, where limited.

    Raises InputError when there is none.
    """
    most = limit or workspace.config.evaluate.limit
    asked = {split: sample(found.split(split), most, ctx.seed) for split in TEST_SPLITS}
    asked = {split: chosen for split, chosen in asked.items() if chosen}
    if not asked:
        raise InputError(
            f"example set {found.id} has no test questions: build it from more documents, or "
            "import some"
        )
    return asked


def check_unseen(
    workspace: Wiring, settings: Settings, runs: Iterable[Run], asked: Sequence[Example],
    ctx: Context,
) -> None:  # fmt: skip
    """Raise LeakError when a run, or one that the settings name, was trained on what is asked.

    Questions on documents that a run was shown are counted in a note: they are no leak, but they
    tell nothing about new documents.
    """
    layout = workspace.layout
    behind = {run.id: run for run in runs}
    for id in ancestors(layout.runs, [*behind, *runs_of(settings)]):
        if id not in behind:
            behind[id] = run_named(workspace, id)
    questions = dict(_questions(asked))
    learned: set[str] = set()
    for run in behind.values():
        learned |= set(workspace.ledger.documents_of_run(run.id))
        try:
            found = load_examples(workspace, run.recipe.data)
        except NotFound:
            ctx.warn("evaluate", f"the examples of {RUNS}{run.id} are gone: leaks are not seen")
            continue
        trained = {e.id: e for e in (*found.split("train"), *found.split("dev"))}
        for own, other, similarity in leaks(_questions(trained.values()), questions.items()):
            raise LeakError(
                f"{RUNS}{run.id} was trained on {trained[own].question!r} ({own}), which is "
                f"{questions[other]!r} ({other}) of the questions asked (similarity "
                f"{similarity:.2f}): evaluate on others, or tune without it: "
                "`graft examples import --apart-from`"
            )
    seen = sum(any(g.document_id in learned for g in e.gold) for e in asked)
    if seen:
        ctx.note("evaluate", f"{seen} of {len(asked)} questions are on documents shown in training")


def curves_of(runs: Sequence[Run]) -> list[Curve]:
    """Return the loss curves of runs, as the report draws them."""
    return [
        Curve(
            f"{run.part}, {run.recipe.objective}",
            tuple((p.step, p.train_loss) for p in run.curves if p.train_loss is not None),
            tuple((p.step, p.dev_loss) for p in run.curves if p.dev_loss is not None),
        )
        for run in runs
        if run.curves
    ]


def costs_of(runs: Sequence[Run]) -> list[Cost]:
    """Return what runs cost, as the report lists it."""
    return [
        Cost(
            f"tune {run.part} ({run.recipe.objective})", run.seconds,
            max(run.peak_memory.values(), default=0), RUNS + run.id,
        )
        for run in runs
    ]  # fmt: skip


def keep(
    workspace: Wiring, title: str, command: str, results: Mapping[str, SplitResult],
    runs: Mapping[str, Run], ctx: Context,
) -> Evaluated:  # fmt: skip
    """Write the report and the ledger's entry of an evaluation."""
    now = ctx.clock()
    plain = {name: result.to_dict() for name, result in results.items()}
    id = value_hash([now, command, plain])[:12]
    report = Report(
        title=title, created=now, command=command, verdict=None,
        sections=[Section(name, ABOUT.get(name, ""), r) for name, r in results.items()],
        curves=curves_of(list(runs.values())), costs=costs_of(list(runs.values())),
        lineage=[(f"run, {name}", f"{RUNS}{run.id}") for name, run in runs.items()],
    )  # fmt: skip
    path = workspace.layout.reports / f"{id}.html"
    write_atomic(path, render(report))
    ids = {name: run.id for name, run in runs.items()}
    detail = {"command": command, "runs": ids, "splits": plain, "report": str(path)}
    workspace.ledger.record_evaluation(id, now, library(workspace).version, detail=detail)
    return Evaluated(id, results, path)


def _by_document(example: Example) -> Example:
    """Return the example in its first gold document's group, which is what is resampled.

    A split ties all gold documents of a question together, so that nothing leaks; where questions
    have several, that chains most of a set into one group, of which no interval could be made.
    """
    return replace(example, group=example.gold[0].document_id) if example.gold else example


def _generators(
    workspace: Wiring, settings: Settings, named: Mapping[str, str], example_set: str, ctx: Context
) -> dict[str, Run]:
    """Return the runs that are named for the cells, or the latest that fit what is in use.

    The latest are those of one example set: the one given, or that of the newest run. They are
    read before anything is computed, so that a mistake costs no time. Raises InputError for a
    named run of another part or another base model.
    """
    found = {}
    for role, name in named.items():
        run = run_named(workspace, name)
        if run.part != "generator":
            raise InputError(
                f"run {run.id} tuned the {run.part}: name one of `graft tune generator`"
            )
        require_fit(workspace, settings, run)
        found[role] = run
    found = found or _latest(workspace, settings, example_set, ctx)
    if {"closed", "raft"} <= found.keys():
        _tell_unequal(found["closed"], found["raft"], ctx)
    return found


def _latest(
    workspace: Wiring, settings: Settings, example_set: str, ctx: Context
) -> dict[str, Run]:
    rows = [row for row in workspace.ledger.runs() if row["part"] == "generator"]
    asked = example_set or (rows[-1]["example_set"] if rows else "")
    found: dict[str, Run] = {}
    for row in reversed([row for row in rows if row["example_set"] == asked]):
        # a run with another role is neither of the two that the cells compare
        role = {"raft": "raft", "closed-book": "closed"}.get(row["detail"]["role"], "")
        if not role or role in found:
            continue
        try:
            run = run_named(workspace, row["id"])
            require_fit(workspace, settings, run)
        except GraftError as error:
            ctx.note("evaluate", f"{RUNS}{row['id']} is left out: {error}")
            continue
        found[role] = run
    return found


def _tell_unequal(closed: Run, raft: Run, ctx: Context) -> None:
    """Warn where the control was not trained on the same examples for the same steps."""
    if closed.recipe.data != raft.recipe.data:
        ctx.warn("evaluate", f"{closed.id} and {raft.id} were trained on different example sets")
    steps = [run.counts.get("steps", 0) for run in (closed, raft)]
    if steps[0] != steps[1]:
        ctx.warn(
            "evaluate", f"{closed.id} took {steps[0]} steps and {raft.id} {steps[1]}: what the "
            "cells tell of passages in training is mixed with how long it was",
        )  # fmt: skip


def _train(workspace: Wiring) -> Sequence[Example]:
    """Return the training examples of the latest set, or none before there is one."""
    if not (workspace.layout.examples / "latest").exists():
        return ()
    return load_examples(workspace).split("train")


def _questions(examples: Iterable[Example]) -> list[tuple[str, str]]:
    return [(example.id, example.question) for example in examples]
