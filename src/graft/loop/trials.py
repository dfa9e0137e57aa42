"""Trials: systems put to questions, a batch at a time, and what came of them.

What one system made of a batch is kept as soon as it is there, under all that it depends on: a
second call of what was interrupted asks only what is missing, in the same batches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from graft.core.case import Case
from graft.core.config import Settings
from graft.core.context import Context
from graft.core.example import Example
from graft.core.hashing import value_hash
from graft.core.installed import installed_versions
from graft.core.measure import Measure, measures_taken
from graft.evaluate.about import About
from graft.evaluate.compare import Sampling
from graft.evaluate.folder import Partial
from graft.evaluate.result import Plan, SplitResult, summarise
from graft.evaluate.score import Scored, score
from graft.retrieve.stage import Stage, walk
from graft.wire import Wiring, library

AT_ONCE = 64
"""Questions put to a system together, as many as the answerer writes at once: what a stop costs.
A model's greedy text changes with the batch, so batches are the same whenever one goes on."""


@dataclass(frozen=True)
class System:
    """Something that is put to questions: `ask` returns a case for each of a batch, in their order.

    `about` says what it is, as short texts: whatever its answers depend on, questions, library
    and installed versions aside.
    """

    name: str
    about: Mapping[str, str]
    ask: Callable[[Sequence[Example]], list[Case]]


@dataclass(frozen=True)
class Trial:
    """Systems put to the same questions, as one table: `split` is its name."""

    split: str
    systems: Sequence[System]
    examples: Sequence[Example]
    plan: Plan


@dataclass(frozen=True)
class TrialResults:
    """Trials as they came out: the rows of each split, and the table that is read off them."""

    trials: Sequence[Trial]
    rows: Mapping[str, Sequence[Scored]]
    tables: Mapping[str, SplitResult]
    sampling: Sampling
    library_version: int
    started: float
    partial: Partial

    def about(self, title: str, command: str, created: float) -> About:
        """Return what an evaluation of this outcome is about."""
        systems = {system.name: system.about for t in self.trials for system in t.systems}
        return About(
            id=value_hash([created, command, self.partial.folder.name])[:12],
            title=title,
            command=command,
            created=created,
            library_version=self.library_version,
            sampling=self.sampling,
            plans={trial.split: trial.plan for trial in self.trials},
            asked=self.partial.folder.name,
            systems=systems,
            seconds=created - self.started,
            versions=installed_versions(),
        )


def run_trials(workspace: Wiring, trials: Sequence[Trial], ctx: Context) -> TrialResults:
    """Ask every system of the trials, score what they made of it, and read off the tables."""
    started, version = ctx.clock(), library(workspace).version
    asked = _asked(trials, version, ctx.seed)
    partial = Partial.of(workspace.layout.evaluations, asked, now=started)
    measures, sampling = measures_of(workspace), sampling_of(workspace)
    rows: dict[str, list[Scored]] = {}
    with ctx.stage("evaluate systems", sum(len(trial.systems) for trial in trials)) as step:
        for trial in trials:
            rows[trial.split] = []
            for system in trial.systems:
                cases: list[Case] = []
                for batch in ctx.batches(trial.examples, AT_ONCE):
                    made = partial.get(trial.split, system.name, batch)
                    if made is None:
                        made = tuple(system.ask(batch))
                        partial.put(trial.split, system.name, made)
                    cases += made
                rows[trial.split].append(score(system.name, cases, measures))
                step.advance()
    tables = {t.split: summarise(rows[t.split], t.plan, sampling) for t in trials}
    return TrialResults(trials, rows, tables, sampling, version, started, partial)


def measures_of(workspace: Wiring) -> list[Measure]:
    """Return the measures that every evaluation takes, and those that the settings name."""
    config = workspace.config
    return measures_taken([*config.evaluate.measures, *config.gate.measures])


def sampling_of(workspace: Wiring) -> Sampling:
    """Return how intervals are made by the settings."""
    table = workspace.config.evaluate
    return Sampling(table.confidence, table.smallest_n)


def settings_digest(settings: Settings) -> str:
    """Return the hash of settings, 16 hex characters."""
    return value_hash(settings.model_dump(mode="json"))[:16]


def digests_of(stage: Stage) -> dict[str, str]:
    """Return the digest of each model that a retrieval holds, by the names of stage and part."""
    held = [
        (f"{part.name} {name}", getattr(value, "digest", None))
        for part in walk(stage)
        for name, value in getattr(part, "__dict__", {}).items()
    ]
    return {name: digest for name, digest in held if isinstance(digest, str)}


def _asked(trials: Sequence[Trial], library_version: int, seed: int) -> object:
    """Return all that decides what comes of trials, JSON-like."""
    tables = [
        [
            trial.split,
            [[system.name, dict(system.about)] for system in trial.systems],
            [asdict(example) for example in trial.examples],
        ]
        for trial in trials
    ]
    return [tables, library_version, seed, installed_versions()]
