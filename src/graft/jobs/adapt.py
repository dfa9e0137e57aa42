"""adapt: the whole loop, from documents to a verdict on a release."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from graft.core.config import Settings
from graft.core.context import Context
from graft.core.errors import Cancelled, ConfigError, GraftError, InputError
from graft.core.example import Example
from graft.core.files import RUNS
from graft.core.measure import measure_named
from graft.core.recipe import Part
from graft.core.release import Lineage, Release
from graft.core.runs import Run, ancestors
from graft.evaluate.about import About, Cost, LeftOut
from graft.evaluate.gate import Terms, Verdict, verdict_on
from graft.evaluate.power import certifies, power
from graft.evaluate.score import values_of
from graft.generate.remember import Memory
from graft.jobs.examples import build
from graft.jobs.ingest import Ingested, ingest
from graft.loop.adapted import Adapted
from graft.loop.cell_runs import CELL_OF
from graft.loop.evaluations import keep_evaluation
from graft.loop.figures import costs_of, curves_of
from graft.loop.freshness import by_sync, edits
from graft.loop.joining import Gain, gain_of, halves
from graft.loop.ladder import Ladder, Rung
from graft.loop.looks import look_at
from graft.loop.material import Material, gather
from graft.loop.parts import runs_of, with_run
from graft.loop.questions import TEST_SPLITS, Unseen, asked_of, sampled, unseen
from graft.loop.recipes import Asked
from graft.loop.releases import make_release
from graft.loop.scoring import Bench, cell_trials, worked_examples
from graft.loop.sets import load_examples
from graft.loop.spaces import ensure_space
from graft.loop.trials import TrialResults, run_trials
from graft.loop.tuning import tune_part
from graft.models.devices import release_memory
from graft.wire import Wiring, library, reading, with_changes

ABOUT_CELLS = {
    "test-new": (
        "Which generator, shown which context, on questions about documents that nothing was "
        "trained on. base is the model as it came; rag shows it what was retrieved; ft was tuned "
        "without passages and is asked without; rag+ft was tuned to read passages and is asked "
        "with them."
    ),
    "test-seen": (
        "The same on new questions about documents that were trained on: what a model may have "
        "learned by heart shows here and not above."
    ),
}
ABOUT_LADDER = (
    "One part after the other put into the release in use, each rung as it would serve, declining "
    "included. A passage counts as found when it lies on the evidence."
)

RANKED_BY = "nDCG@10"
"""The measure on dev by which what ranks joins the candidate."""

WEIGHTS = (0.25, 0.5, 0.75, 1.0)
"""Weights of a tuned reranker beside what it was handed that are tried; 0 is to leave it out."""

LESSONS = 200
"""Training questions that a reranker takes: with 60 to 90 it ruined every ranking it was tried on
(docs/log.md, "Tuning")."""

GENERATORS = {"raft": "raft", "closed": "closed-book"}
"""What the loop tunes generators for: to read passages, and, as the control, to know by heart."""


@dataclass
class Progress:
    """What the loop has come to: the settings so far, each rung, its runs and what they cost.

    `in_use` is the release that the candidate is judged against; `left_out` says of a part that
    was tuned why it did not join. Trainings look at the questions of dev in `looks`, and parts join
    by those in `joins`; `memory` holds what models were asked.
    """

    in_use: int
    settings: Settings
    rungs: list[Rung]
    looks: Sequence[Example] = ()
    joins: Sequence[Example] = ()
    memory: Memory = field(default_factory=Memory)
    runs: dict[str, Run] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    costs: list[Cost] = field(default_factory=list)

    def climb(self, name: str, settings: Settings) -> None:
        """Put a part into the candidate."""
        self.settings = settings
        self.rungs.append(Rung(name, settings))


def adapt(  # noqa: PLR0913
    workspace: Wiring, paths: Sequence[str], *, examples: str = "", promote: bool = False,
    command: str = "graft adapt", wait: float = 0.0, ctx: Context,
) -> Adapted:  # fmt: skip
    """Ingest, make examples, tune each part, evaluate, judge, and write a release and a report.

    Parts join the candidate when dev says that they help; the gate then judges the whole
    candidate against the release in use on a test split that nothing was chosen on. Any verdict
    is a normal end. With `promote`, a release that passed is put into use.
    """
    started = ctx.clock()
    done = ingest(workspace, paths, wait=wait, ctx=ctx) if paths else None
    if not examples:
        counts = build(workspace, ctx=ctx)
        examples = str(counts["id"])
    made_in = ctx.clock() - started - (done.seconds if done else 0.0)
    found = load_examples(workspace, examples)
    release = workspace.releases.current()
    material = gather(workspace, found, ctx)
    ready = _check_ready(workspace, material, release.settings, ctx)
    _tell_power(workspace, ready, ctx)
    # The gate compares with what production is, whatever flags say of the candidate.
    in_use = Rung("in use", release.settings, release.prompts, release=str(release.number))
    looks, joins = halves(material.dev)
    progress = Progress(release.number, release.settings, [in_use], looks, joins)
    if material.settings != release.settings:
        progress.climb("+settings", material.settings)
    progress.costs = _first_costs(done, made_in)
    for part in workspace.config.adapt.parts:
        _tune_part(workspace, part, material, progress, wait=wait, ctx=ctx)
    release_memory()
    ladder = Ladder(workspace, library(workspace), ctx, progress.memory)
    candidate = ladder.fit(progress.settings, material.dev, tell=True)
    progress.climb("+threshold", candidate)
    outcome, left_out = _evaluate(workspace, material, progress, ladder, ctx)
    terms = _terms(workspace, progress, outcome)
    verdict = verdict_on(terms, outcome.tables)
    facts = _facts(workspace, material, progress, wait=wait, ctx=ctx)
    about = _about(outcome, progress, terms, found=material, command=command, now=ctx.clock())
    about = replace(about, facts=facts, left_out=left_out)
    kept = keep_evaluation(workspace, about, outcome)
    made = _candidate(workspace, material, progress, judged=verdict, evaluation=kept.id, ctx=ctx)
    number, promoted = _store(
        workspace, made, promote=promote and verdict.passed, wait=wait, ctx=ctx
    )
    return Adapted(
        verdict=verdict,
        release=number,
        promoted=promoted,
        results=outcome.tables,
        runs={role: run.id for role, run in progress.runs.items()},
        facts=facts,
        report=kept.report,
        seconds=ctx.clock() - started,
        left_out=left_out,
    )


def _check_ready(workspace: Wiring, material: Material, in_use: Settings, ctx: Context) -> Unseen:
    """Raise what would otherwise come to light after an hour of training.

    Returns the test questions that the release in use was not trained on.
    """
    config, split = workspace.config, workspace.config.gate.split
    if not material.train or not material.dev:
        lacking = "dev" if material.train else "train"
        raise InputError(f"no example is left for {lacking}: ingest more documents")
    tests = material.examples.split(split)
    if not tests:
        raise InputError(
            f"the split {split} has no question to judge by: ingest more documents, or set "
            f"gate.split to {'test-seen' if split == 'test-new' else 'test-new'}"
        )
    held = {name: material.examples.split(name) for name in TEST_SPLITS}
    asked: dict[str, Sequence[Example]] = {name: e for name, e in held.items() if e}
    ready = unseen(workspace, in_use, [], asked, ctx)
    if "generator" in config.adapt.parts and material.settings.generate.url:
        raise ConfigError(
            f"generate.url is {material.settings.generate.url!r}, and a remote model cannot be "
            "tuned here: leave generator out of adapt.parts, or name a local model"
        )
    return ready


def _tell_power(workspace: Wiring, ready: Unseen, ctx: Context) -> None:
    """Say, before hours of training, what the questions that will judge it can show."""
    gate = workspace.config.gate
    tests = ready.asked[gate.split]
    look = look_at(workspace, tests, "")
    # Rankings are judged by the answerable ones alone, and are guarded too.
    able = Counter(example.group or example.id for example in tests if example.answerable)
    found = power(able.total(), gate.margin, look)
    told = f"{gate.split}, on {len(able)} documents, of what has an answer: {found.sentence}"
    if look > 1:
        told += f" (look number {look} at them)"
    # A document that was not seen may be lost whole, so questions on the same one certify little.
    if not certifies(list(able.values()), gate.margin, look):
        ctx.warn(
            "adapt",
            f"{told}: a guard that nothing changes cannot pass with so few; ingest more documents, "
            "raise examples.limit or examples.test_new, or gate.margin",
        )
    else:
        ctx.note("adapt", told)


def _first_costs(done: Ingested | None, seconds: float) -> list[Cost]:
    costs = []
    if done:
        note = f"{done.documents} documents, {done.passages} passages"
        costs.append(Cost("ingest", done.seconds, 0, note))
    return [*costs, Cost("make examples", seconds)] if seconds > 1 else costs


def _tune_part(
    workspace: Wiring, part: Part, material: Material, progress: Progress, *, wait: float,
    ctx: Context,
) -> None:  # fmt: skip
    """Tune one part from where the candidate stands, and let it join if it serves dev better."""
    if part == "reranker" and len(material.train) < LESSONS:
        ctx.note(
            "adapt",
            f"no reranker is tuned: it takes {LESSONS} training questions, and there are "
            f"{len(material.train)}",
        )
        return
    release_memory()
    settings = progress.settings
    # A part before may have published its space, which an older handle does not see.
    current = replace(
        material, settings=settings, held=reading(workspace, settings), dev=progress.looks
    )
    if part == "fusion" and "retriever" in progress.runs:
        # What the retriever learned by heart it ranks better than it will rank anything else.
        current = replace(current, train=progress.looks, dev=progress.joins)
    objectives = GENERATORS if part == "generator" else {part: ""}
    for role, objective in objectives.items():
        try:
            run = tune_part(workspace, part, current, asked=Asked(objective), ctx=ctx)
        except InputError as error:  # too little to tune this with; the others may still gain
            if part == "generator":
                raise
            ctx.warn("adapt", f"the {part} is not tuned: {error}")
            return
        progress.runs[role] = run
    role = next(iter(objectives))
    tuned = with_run(settings, progress.runs[role])
    if tuned.encoder != settings.encoder:
        with workspace.layout.writer(wait):
            ensure_space(workspace, tuned, ctx=ctx)
    release_memory()
    ladder = Ladder(workspace, library(workspace), ctx, progress.memory)
    if part == "generator":
        gain = _gain_in_answers(workspace, ladder, (settings, tuned), progress)
    else:
        tuned = _weighted(ladder, tuned, progress.looks) if part == "reranker" else tuned
        ranked = [ladder.ranked(Rung("", each), progress.joins) for each in (settings, tuned)]
        gain = gain_of(measure_named(RANKED_BY), *ranked)
    if gain.joins:
        ctx.note("adapt", f"the tuned {part} joins: {gain.sentence}")
        progress.climb(f"+{part}", tuned)
    else:
        progress.left_out[role] = gain.sentence
        ctx.note("adapt", f"the tuned {part} does not help enough and is left out: {gain.sentence}")


def _gain_in_answers(
    workspace: Wiring, ladder: Ladder, sides: tuple[Settings, Settings], progress: Progress
) -> Gain:
    """Return what a generator changes in answers as they are served, each side declining by its own
    threshold, fitted on other questions."""
    gate = workspace.config.gate
    needing = [m for m in map(measure_named, gate.improve) if "answer" in m.needs]
    measure = needing[0] if needing else measure_named(f"utility@{gate.wrong_costs:g}")
    served = [Rung("", ladder.fit(each, progress.looks)) for each in sides]
    return gain_of(measure, *(ladder.answered(rung, progress.joins) for rung in served))


def _weighted(ladder: Ladder, settings: Settings, looks: Sequence[Example]) -> Settings:
    """Return the settings with the reranker's weight that ranks these questions best."""
    measure = measure_named(RANKED_BY)
    tried = [with_changes(settings, {"retrieve.stages.rerank.weight": w}) for w in WEIGHTS]
    # What does not count does not at any weight.
    sums = [np.nansum(values_of(measure, ladder.ranked(Rung("", each), looks))) for each in tried]
    return tried[int(np.argmax(sums))]


def _evaluate(
    workspace: Wiring, material: Material, progress: Progress, ladder: Ladder, ctx: Context
) -> tuple[TrialResults, tuple[LeftOut, ...]]:
    """Return the cells on each test split, and the ladder on the one that the gate reads.

    The cells are asked a sample where `evaluate.limit` says so. The ladder is always asked all: it
    is what the gate judges, and it was told beforehand what so many can show. With it come the
    questions that a run was trained on: they are asked of none.
    """
    settings, split = material.settings, workspace.config.gate.split
    every = asked_of(material.examples, 0, ctx)
    left = unseen(workspace, settings, progress.runs.values(), every, ctx)
    asked = left.asked
    limit = workspace.config.evaluate.limit
    some = {split: sampled(chosen, limit, ctx.seed) for split, chosen in asked.items()}
    about = {split: _about_cells(split, len(some[split]), len(asked[split])) for split in asked}
    bench = Bench(
        workspace, settings, reading(workspace, settings), ctx, release=str(progress.in_use),
        memory=ladder.memory,
    )  # fmt: skip
    runs = {CELL_OF[r.role]: r for r in progress.runs.values() if r.role in CELL_OF}
    worked = worked_examples(bench, material.train)
    trials = cell_trials(bench, some, runs, worked, about)
    climbed = ladder.trial(f"{split} ladder", progress.rungs, asked[split])
    trials.append(replace(climbed, plan=replace(climbed.plan, about=ABOUT_LADDER)))
    return run_trials(workspace, trials, ctx), left.left_out


def _about_cells(split: str, n: int, of: int) -> str:
    told = ABOUT_CELLS[split]
    return told if n == of else f"{told} Asked {n} of its {of} questions (evaluate.limit)."


def _terms(workspace: Wiring, progress: Progress, outcome: TrialResults) -> Terms:
    """Return what the gate judges by: the first rung, which is in use, against the last."""
    gate = workspace.config.gate
    table = f"{gate.split} ladder"
    asked = [case.example for case in outcome.rows[table][0].cases]
    look = look_at(workspace, asked, outcome.partial.folder.name)
    pair = progress.rungs[0].name, progress.rungs[-1].name
    return Terms(gate.improve, gate.guarded, gate.margin, table, pair, look)


def _facts(
    workspace: Wiring, material: Material, progress: Progress, *, wait: float, ctx: Context
) -> tuple[tuple[str, str], ...]:
    """Return how long an edited fact takes to be answered right; it never ends the loop."""
    count, settings = workspace.config.adapt.edited_facts, progress.settings
    if not count:
        return ()
    asked = material.examples.split("test-seen") + material.examples.split("test-new")
    name = "until an edited fact is answered right"
    try:
        chosen = edits(workspace, settings, asked, count=count, ctx=ctx)
        if not chosen:
            return ((name, "no question was answered right before, so there was none to edit"),)
        found = by_sync(workspace, settings, chosen, wait=wait, ctx=ctx)
    except Cancelled:
        raise
    except (GraftError, OSError, RuntimeError) as error:  # a full disk ends no hours of work
        ctx.warn("adapt", f"how long an edited fact takes was not measured: {error}")
        return ()
    return ((name, f"{found.seconds:.1f} s, {found.right} of {found.facts} right"),)


def _candidate(
    workspace: Wiring,
    material: Material,
    progress: Progress,
    *,
    judged: Verdict,
    evaluation: str,
    ctx: Context,
) -> Release:
    """Return the candidate as a release, with all that it was made from; it is not stored yet."""
    lineage = Lineage(
        runs=ancestors(workspace.layout.runs, runs_of(progress.settings)),
        example_sets=(material.examples.id,),
        evaluation=evaluation,
        library_version=library(workspace).version,
    )
    note = " ".join(rung.name for rung in progress.rungs[1:])
    made = make_release(
        workspace, progress.settings, created=ctx.clock(), note=note, lineage=lineage
    )
    told = {"verdict": judged.outcome, "judged_against": progress.in_use}
    return made.model_copy(update=told)


def _store(
    workspace: Wiring, made: Release, *, promote: bool, wait: float, ctx: Context
) -> tuple[int, bool]:
    """Store a release; return its number and whether it is in use now."""
    with workspace.layout.writer(wait):
        ensure_space(workspace, made.settings, ctx=ctx)
        number = workspace.releases.add(made).number
        current = workspace.releases.current_number()
        if promote and current != made.judged_against:
            ctx.warn(
                "adapt",
                f"release {current} came into use meanwhile, and release {number} was judged "
                f"against release {made.judged_against}: it is not promoted",
            )
            promote = False
        if promote:
            workspace.releases.switch(number)
    return number, promote


def _about(
    outcome: TrialResults,
    progress: Progress,
    terms: Terms,
    *,
    found: Material,
    command: str,
    now: float,
) -> About:
    """Return what the loop's evaluation is about, with all that led to the candidate."""
    runs = list(progress.runs.values())
    examples = found.examples
    return replace(
        outcome.about("Retrieve, fine-tune, or both?", command, now),
        example_set=examples.id, runs={role: run.id for role, run in progress.runs.items()},
        terms=terms, curves=curves_of(runs), costs=(*progress.costs, *costs_of(runs)),
        dropped=dict(examples.dropped), kept=examples.counts, makers=examples.makers,
        lineage=(
            ("judged against", f"release {progress.in_use}"),
            ("example set", examples.id),
            ("library version", str(found.held.version)),
            *((f"run, {role}", _run_line(progress, role)) for role in progress.runs),
        ),
    )  # fmt: skip


def _run_line(progress: Progress, role: str) -> str:
    why = progress.left_out.get(role)
    return RUNS + progress.runs[role].id + (f" (left out: {why})" if why else "")
