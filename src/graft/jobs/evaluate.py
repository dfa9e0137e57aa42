"""evaluate: systems against examples, with paired intervals, kept with every answer and rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from graft.core.context import Context
from graft.core.errors import InputError
from graft.core.example import Example
from graft.core.runs import Run
from graft.evaluate.about import About
from graft.evaluate.cells import cell_named
from graft.examples.formats import import_examples
from graft.examples.gold import pin
from graft.examples.repeats import repeating
from graft.examples.unusable import Unusable
from graft.library.store import Library
from graft.loop.cell_runs import cell_runs
from graft.loop.evaluations import Evaluated, compared, keep_evaluation, run_lines, scored_again
from graft.loop.figures import costs_of, curves_of
from graft.loop.ladder import Ladder, Rung
from graft.loop.parts import require_fit, run_named, runs_of, with_run
from graft.loop.questions import asked_of, unseen
from graft.loop.releases import settings_of
from graft.loop.scoring import (
    Bench,
    cell_trials,
    ranking_systems,
    rankings_plan,
    retrieval_settings,
    worked_examples,
)
from graft.loop.sets import load_examples, meaning_of
from graft.loop.spaces import ensure_space
from graft.loop.trials import Trial, run_trials
from graft.wire import Wiring, library, reading

ABOUT = {
    "test-new": "Questions on documents that nothing was trained on.",
    "test-seen": "New questions on documents that were trained on.",
}


def evaluate(
    workspace: Wiring,
    *,
    examples: str = "",
    cells: Mapping[str, str] | None = None,
    limit: int = 0,
    ctx: Context,
) -> Evaluated:
    """Score the cells on an example set's test splits, with the release in use as the base.

    `cells` maps names of cells to runs of the generator; the latest on this set otherwise. A cell
    whose generator was not tuned is left out. Questions that a run was trained on are asked of
    none. Raises LeakError, naming pairs, where these are many (`loop.questions.unseen`).
    """
    for name in cells or {}:
        cell_named(name)
    settings, release = settings_of(workspace, None)
    held, found = reading(workspace, settings), load_examples(workspace, examples)
    runs = cell_runs(workspace, settings, cells or {}, found.id, ctx)
    most = limit or workspace.config.evaluate.limit
    asked = unseen(workspace, settings, runs.values(), asked_of(found, most, ctx), ctx)
    bench = Bench(workspace, settings, held, ctx, release)
    worked = worked_examples(bench, found.split("train"))
    outcome = run_trials(workspace, cell_trials(bench, asked.asked, runs, worked, ABOUT), ctx)
    command = "graft evaluate" + "".join(f" --cell {n}={run}" for n, run in (cells or {}).items())
    about = outcome.about("Evaluation", command, ctx.clock())
    about = replace(_told(about, runs, found.id), left_out=asked.left_out)
    return keep_evaluation(workspace, about, outcome)


def evaluate_systems(
    workspace: Wiring,
    releases: Sequence[int] = (),
    runs: Sequence[str] = (),
    *,
    examples: str = "",
    limit: int = 0,
    ctx: Context,
) -> Evaluated:
    """Score systems as they would serve, declining included, on an example set's test splits.

    They are `releases`, or the one in use; then the last of these with each of `runs` as a part
    of it, one run at a time. Each is compared with the one before it, and the last with the
    first. Questions that a run of theirs was trained on are asked of none. Raises LeakError,
    naming pairs, where these are many.
    """
    found = load_examples(workspace, examples)
    numbers = list(dict.fromkeys(releases)) or [workspace.releases.current().number]
    rungs = [_release_rung(workspace, number) for number in numbers]
    named = [run_named(workspace, name) for name in runs]
    rungs += _with_runs(workspace, rungs[-1], named, ctx)
    if len(rungs) < 2:
        raise InputError("a comparison needs two systems or more: `graft release list`")
    others = [run_named(workspace, id) for rung in rungs[1:] for id in runs_of(rung.settings)]
    most = limit or workspace.config.evaluate.limit
    asked = unseen(workspace, rungs[0].settings, others, asked_of(found, most, ctx), ctx)
    ladder = Ladder(workspace, library(workspace), ctx)
    trials = [ladder.trial(split, rungs, chosen) for split, chosen in asked.asked.items()]
    outcome = run_trials(workspace, [_explained(trial) for trial in trials], ctx)
    command = "graft evaluate" + "".join(f" --release {n}" for n in releases)
    command += "".join(f" --run {run}" for run in runs)
    title = "Compared: " + ", ".join(rung.name for rung in rungs)
    about = outcome.about(title, command, ctx.clock())
    about = replace(about, example_set=found.id, left_out=asked.left_out)
    return keep_evaluation(workspace, about, outcome)


@dataclass(frozen=True)
class Beir:
    """The questions of a split of a BEIR folder; `limit` takes a sample of them, by the seed."""

    folder: str
    split: str = "test"
    limit: int = 0


def evaluate_beir(
    workspace: Wiring,
    beir: Beir,
    runs: Sequence[str] = (),
    *,
    cells: Mapping[str, str] | None = None,
    ctx: Context,
) -> Evaluated:
    """Score an ingested BEIR folder on its qrels: bm25, dense, hybrid, reranked, and `runs`.

    `runs` (retriever, fusion, reranker) are each scored as a part of the release in use. With
    `cells`, these on its answers.jsonl as well: those that it maps to runs, or with an empty one
    the latest generator runs. Questions that a run was trained on are asked of none. Raises
    LeakError, naming pairs, where these are many.
    """
    settings, release = settings_of(workspace, None)
    found = _asked_of(workspace, beir, reading(workspace, settings), ctx)
    tuned = {} if cells is None else cell_runs(workspace, settings, cells, "", ctx)
    ranking = [run_named(workspace, name) for name in runs]
    for run in ranking:
        if run.part == "generator":
            raise InputError(
                f"run {run.id} ranks nothing: name it as a cell, --answers --cell rag+ft={run.id}"
            )
    left = unseen(workspace, settings, [*tuned.values(), *ranking], {beir.split: found}, ctx)
    asked = left.asked[beir.split]
    systems = retrieval_settings(settings)
    whole = list(systems)[-1]
    for rung in _with_runs(workspace, Rung(whole, systems[whole]), ranking, ctx):
        systems[rung.name] = rung.settings
    # a run's space may have been laid just now
    bench = Bench(workspace, settings, reading(workspace, settings), ctx, release)
    plan = rankings_plan(list(systems), whole)
    trials = [Trial(beir.split, ranking_systems(bench, systems), asked, plan)]
    if cells is not None:
        train = _train(workspace)
        repeated = repeating(train, asked, meaning_of(workspace, settings))
        worked = worked_examples(bench, [e for e in train if e.id not in repeated])
        answerable = [e for e in asked if e.answers or not e.answerable]
        trials += cell_trials(bench, {f"{beir.split} answers": answerable}, tuned, worked, ABOUT)
    outcome = run_trials(workspace, trials, ctx)
    command = f"graft evaluate --beir {beir.folder} --split {beir.split}"
    if cells is not None:
        command += " --answers" + "".join(f" --cell {n}={run}" for n, run in cells.items())
    about = outcome.about(Path(beir.folder).name, command, ctx.clock())
    about = replace(_told(about, tuned), left_out=left.left_out)
    done = keep_evaluation(workspace, about, outcome)
    return replace(
        done,
        rankings={
            system.name: {c.example.id: _places(c.ranking or ()) for c in system.cases}
            for system in outcome.rows[beir.split]
        },
    )


def evaluate_again(workspace: Wiring, names: Sequence[str], *, ctx: Context) -> Evaluated:
    """Score an evaluation again from its rows, or compare several; no model is asked anything."""
    if len(names) == 1:
        return scored_again(workspace, names[0])
    return compared(workspace, names, ctx)


def _told(about: About, runs: Mapping[str, Run], example_set: str = "") -> About:
    """Return what an evaluation is about with the runs in its cells, and what they cost."""
    ids = {name: run.id for name, run in runs.items()}
    held = list(runs.values())
    return replace(
        about,
        runs=ids,
        example_set=example_set,
        curves=curves_of(held),
        costs=costs_of(held),
        lineage=run_lines(ids),
    )


def _explained(trial: Trial) -> Trial:
    return replace(trial, plan=replace(trial.plan, about=ABOUT.get(trial.split, "")))


def _release_rung(workspace: Wiring, number: int) -> Rung:
    settings, name = settings_of(workspace, number)
    prompts = workspace.releases.get(number).prompts
    return Rung(f"release {name}", settings, prompts, release=name)


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


def _asked_of(workspace: Wiring, beir: Beir, held: Library, ctx: Context) -> list[Example]:
    """Return a folder's questions on documents of the library, each in its document's group.

    A split ties all gold documents of a question together, so that nothing leaks; where questions
    have several, that chains most of a set into one group, of which no interval could be made. So
    the first gold document's is what is resampled.
    """
    left = Unusable()
    found = import_examples(
        Path(beir.folder), split=beir.split, limit=beir.limit, seed=ctx.seed, left=left
    )
    left.tell("evaluate", ctx)
    pinned = pin(found, held.document)
    if missing := len(found) - len(pinned.examples):
        ctx.warn("evaluate", f"{missing} questions have a gold document that is not ingested")
    if not pinned.examples:
        raise InputError(
            f"no document of {beir.folder} is in the library: graft ingest {beir.folder}"
        )
    return [replace(e, group=e.gold[0].document_id) if e.gold else e for e in pinned.examples]


def _train(workspace: Wiring) -> Sequence[Example]:
    """Return the training examples of the latest set, or none before there is one."""
    if not (workspace.layout.examples / "latest").exists():
        return ()
    return load_examples(workspace).split("train")


def _places(ids: Sequence[str]) -> list[tuple[str, float]]:
    return [(id, -float(place)) for place, id in enumerate(ids)]
