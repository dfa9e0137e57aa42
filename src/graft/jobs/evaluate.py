"""evaluate: systems against examples, with paired intervals and a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from graft.core.config import Settings
from graft.core.context import Context
from graft.core.errors import InputError, LeakError, NotFound
from graft.core.example import Example, Split
from graft.core.files import RUNS, write_atomic
from graft.core.hashing import value_hash
from graft.evaluate.report import Cost, Curve, Report, Section, render
from graft.evaluate.result import SplitResult
from graft.examples.formats import import_examples, sample
from graft.examples.gold import pin
from graft.examples.store import ExampleSet
from graft.examples.trec import write_runs
from graft.jobs.examples import load_examples
from graft.jobs.ladder import Ladder, Rung
from graft.jobs.parts import runs_of
from graft.jobs.scoring import (
    rank_systems,
    rankings_result,
    score_cells,
    summarise_cells,
    worked_examples,
)
from graft.measures.leaks import leaks
from graft.tune.run import Run, ancestors, read_run
from graft.wire import Wiring, library, reading, settings_of

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
    whose generator was not tuned is left out. Raises LeakError, naming the pair, when a run was
    trained on a question that it would be asked.
    """
    settings, _ = settings_of(workspace, None)
    held, found = reading(workspace, settings), load_examples(workspace, examples)
    tuned = _generators(workspace, runs or latest_runs(workspace, found.id))
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


def evaluate_releases(
    workspace: Wiring, numbers: Sequence[int], *, examples: str = "", limit: int = 0, ctx: Context
) -> Evaluated:
    """Score releases as they would serve, declining included, on an example set's test splits.

    Each is compared with the one named before it, and the last with the first. Raises LeakError,
    naming the pair, when a release holds a run that was trained on a question it would be asked.
    """
    found = load_examples(workspace, examples)
    rungs = [Rung(f"release {n}", settings_of(workspace, n)[0]) for n in dict.fromkeys(numbers)]
    if len(rungs) < 2:
        raise InputError("a comparison needs two releases or more: `graft release list`")
    asked = asked_of(workspace, found, limit, ctx)
    for rung in rungs:
        check_unseen(workspace, rung.settings, [], [e for c in asked.values() for e in c], ctx)
    ladder = Ladder(workspace, library(workspace), ctx)
    measures = workspace.config.gate.measures
    results: dict[str, SplitResult] = {}
    for split, chosen in asked.items():
        results[split] = ladder.on(rungs, chosen, measures)
    named = ", ".join(rung.name for rung in rungs)
    return keep(workspace, f"Releases: {named}", "graft evaluate --release", results, {}, ctx)


def evaluate_beir(
    workspace: Wiring, folder: str, *, split: str, answers: bool = False,
    runs: Mapping[str, str] | None = None, limit: int = 0, trec: str = "", ctx: Context,
) -> Evaluated:  # fmt: skip
    """Score an ingested BEIR folder on its qrels: bm25, dense, hybrid, reranked.

    With `answers`, the cells on its answers.jsonl as well, with the latest generator runs unless
    `runs` names some. `limit` takes a sample, by the seed. `trec` is a file for the rankings, as
    TREC runs that their tags tell apart. Raises LeakError, naming the pair, when a run was trained
    on a question that it would be asked.
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
    tuned = _generators(workspace, runs or latest_runs(workspace, "")) if answers else {}
    check_unseen(workspace, settings, tuned.values(), asked, ctx)
    rankings = rank_systems(workspace, settings, held, asked, ctx)
    results = {split: rankings_result(workspace, rankings, asked, ctx)}
    if trec:
        ids = [example.id for example in asked]
        found_by = {name: dict(zip(ids, r.rows, strict=True)) for name, r in rankings.items()}
        write_runs(found_by, Path(trec))
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
    return keep(workspace, Path(folder).name, command, results, tuned, ctx)


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


def latest_runs(workspace: Wiring, example_set: str) -> dict[str, str]:
    """Return the newest generator runs, "closed" and "raft", of an example set (or of any)."""
    found: dict[str, str] = {}
    for row in workspace.ledger.runs():
        if row["part"] == "generator" and example_set in ("", row["example_set"]):
            raft = row["detail"]["recipe"]["objective"] == "raft"
            found["raft" if raft else "closed"] = RUNS + row["id"]
    return found


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
            behind[id] = read_run(layout.runs / id)
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


def _generators(workspace: Wiring, named: Mapping[str, str]) -> dict[str, Run]:
    """Return the runs that are named, with or without "runs/". Raises InputError for other parts.

    They are read before anything is computed, so that a mistake costs no time.
    """
    found = {}
    for role, name in named.items():
        id = name.removeprefix(RUNS)
        run = read_run(Path(workspace.layout.model_path(RUNS + id)))
        if run.part != "generator":
            raise InputError(f"run {id} tuned the {run.part}: name one of `graft tune generator`")
        found[role] = run
    return found


def _train(workspace: Wiring) -> Sequence[Example]:
    """Return the training examples of the latest set, or none before there is one."""
    if not (workspace.layout.examples / "latest").exists():
        return ()
    return load_examples(workspace).split("train")


def _questions(examples: Iterable[Example]) -> list[tuple[str, str]]:
    return [(example.id, example.question) for example in examples]
