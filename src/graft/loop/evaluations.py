"""Evaluations: kept with their rows and report, scored again, and compared with each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from graft.core.case import Case
from graft.core.context import Context
from graft.core.errors import FormatError, InputError
from graft.core.files import RUNS
from graft.core.hashing import value_hash
from graft.core.measure import Measure
from graft.evaluate.about import About, LeftOut
from graft.evaluate.folder import (
    REPORT,
    Partial,
    evaluations,
    partials,
    read_evaluation,
    write_evaluation,
)
from graft.evaluate.gate import verdict_on
from graft.evaluate.report import render
from graft.evaluate.result import Plan, SplitResult, summarise
from graft.evaluate.rows import same_questions, without_texts
from graft.evaluate.score import Scored, score
from graft.examples.trec import TrecRun
from graft.loop.looks import marks_of
from graft.loop.trials import TrialResults, measures_of, sampling_of
from graft.wire import Wiring


@dataclass(frozen=True)
class Evaluated:
    """Results by split, the evaluation's id in the ledger, and the report's path.

    `rankings` are those of a BEIR folder, by system: the (document, score) lists of its queries.
    `left_out` are the questions that were trained on, and asked of no system.
    """

    id: str
    results: Mapping[str, SplitResult]
    report: Path
    rankings: Mapping[str, TrecRun] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON that scripts rely on."""
        splits = {name: result.to_dict() for name, result in self.results.items()}
        left_out = [asdict(each) for each in self.left_out]
        report = str(self.report)
        return {"id": self.id, "splits": splits, "left_out": left_out, "report": report}


def keep_evaluation(workspace: Wiring, about: About, outcome: TrialResults) -> Evaluated:
    """Write what trials came to as an evaluation, and its line in the ledger."""
    done = _write(workspace, about, outcome.rows, outcome.tables)
    outcome.partial.clear()
    return done


def scored_again(workspace: Wiring, name: str) -> Evaluated:
    """Score an evaluation by the measures of now, from its rows alone; nothing is asked.

    Scores of measures that are not there now (their package is gone) stay in its rows.
    """
    about, rows = read_evaluation(workspace.layout.evaluations, name)
    measures = measures_of(workspace)
    again = {
        split: [_anew(system, measures) for system in rows.get(split, ())] for split in about.plans
    }
    tables = {
        split: summarise(again[split], plan, about.sampling) for split, plan in about.plans.items()
    }
    return _write(workspace, about, again, tables)


def forget(workspace: Wiring, documents: set[str], ctx: Context) -> list[str]:
    """Take what documents said out of every evaluation; return the ids of those that changed.

    Their scores stay, in their rows and in their reports. What has not ended goes whole; a warning
    names what cannot be read.
    """
    root, changed = workspace.layout.evaluations, []
    for part in partials(root):
        Partial(part).clear()
    for id in evaluations(root):
        try:
            about, rows = read_evaluation(root, id)
        except FormatError as error:
            ctx.warn("purge", f"{root / id} may quote what was purged, delete it: {error}")
            continue
        left = {
            split: [
                replace(s, cases=tuple(without_texts(case, documents) for case in s.cases))
                for s in systems
            ]
            for split, systems in rows.items()
        }
        kept = _without(about, documents)
        if _cases(left) != _cases(rows) or kept != about:
            tables = {
                split: summarise(left.get(split, ()), plan, about.sampling)
                for split, plan in about.plans.items()
            }
            _write(workspace, kept, left, tables)
            changed.append(id)
    return changed


def compared(workspace: Wiring, names: Sequence[str], ctx: Context) -> Evaluated:
    """Compare evaluations on the questions that all were asked; nothing is asked again.

    Each system is called NAME (ID), and held against that of its name in the evaluation before,
    or the last of each against the other where no name is shared. It is an evaluation itself.
    """
    started = ctx.clock()
    read = [read_evaluation(workspace.layout.evaluations, name) for name in dict.fromkeys(names)]
    if len(read) < 2:
        raise InputError("a comparison needs two evaluations: name two ids with --again")
    measures, sampling = measures_of(workspace), sampling_of(workspace)
    rows: dict[str, list[Scored]] = {}
    plans: dict[str, Plan] = {}
    for split in (s for s in read[0][1] if all(s in found for _, found in read)):
        sides = [(about.id, found[split]) for about, found in read]
        cases = _shared([system for _, systems in sides for system in systems])
        if not cases[0].cases:
            continue
        called = [f"{s.name} ({id})" for id, systems in sides for s in systems]
        rows[split] = [
            score(name, s.cases, measures) for name, s in zip(called, cases, strict=True)
        ]
        pairs = _pairs(sides)
        plans[split] = Plan(pairs=pairs, changed=pairs[-1], leading=tuple(called))
    if not rows:
        ids = " and ".join(about.id for about, _ in read)
        raise InputError(f"evaluations {ids} share no question: compare two of the same examples")
    now, command = ctx.clock(), "graft evaluate" + "".join(f" --again {a.id}" for a, _ in read)
    about = replace(
        read[-1][0],
        id=value_hash([now, command])[:12],
        title="Compared: " + ", ".join(f"{about.title} ({about.id})" for about, _ in read),
        command=command,
        created=now,
        seconds=now - started,
        sampling=sampling,
        plans=plans,
        asked="",
        systems={f"{n} ({a.id})": told for a, _ in read for n, told in a.systems.items()},
        runs={f"{n} ({a.id})": run for a, _ in read for n, run in a.runs.items()},
        terms=None,
        curves=(),
        costs=(),
        facts=(),
        left_out=(),
        lineage=tuple(("evaluation", about.id) for about, _ in read),
    )
    tables = {split: summarise(rows[split], plans[split], sampling) for split in rows}
    return _write(workspace, about, rows, tables)


def run_lines(runs: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the lines of a report that say which run is in which cell."""
    return tuple((f"run, {name}", RUNS + id) for name, id in runs.items())


def _write(
    workspace: Wiring,
    about: About,
    rows: Mapping[str, Sequence[Scored]],
    tables: Mapping[str, SplitResult],
) -> Evaluated:
    verdict = verdict_on(about.terms, tables) if about.terms else None
    page = render(about, tables, verdict)
    folder = write_evaluation(workspace.layout.evaluations, about, rows, page)
    detail = {
        "command": about.command,
        "runs": dict(about.runs),
        "splits": {name: table.to_dict() for name, table in tables.items()},
    }
    if about.asked:
        known = workspace.ledger.evaluation(about.id)
        asked = {
            split: marks_of(case.example for case in systems[0].cases)
            for split, systems in rows.items()
            if systems
        }
        # What was purged has no questions any more: their marks of then stay.
        detail["asked"] = (known["detail"].get("asked") if known else None) or {
            "digest": about.asked,
            "marks": {split: found["questions"] for split, found in asked.items()},
            "documents": {split: found["documents"] for split, found in asked.items()},
        }
    if verdict:
        detail["verdict"] = verdict.outcome
    workspace.ledger.record_evaluation(
        about.id, about.created, about.library_version, detail=detail
    )
    return Evaluated(about.id, tables, folder / REPORT, left_out=about.left_out)


def _without(about: About, documents: set[str]) -> About:
    """Return it without the questions that were left out and made from documents."""
    left_out = tuple(
        replace(each, question="", trained="") if documents.intersection(each.documents) else each
        for each in about.left_out
    )
    return replace(about, left_out=left_out)


def _cases(rows: Mapping[str, Sequence[Scored]]) -> list[Case]:
    return [case for systems in rows.values() for system in systems for case in system.cases]


def _anew(system: Scored, measures: Sequence[Measure]) -> Scored:
    values = dict(system.values)
    # What was purged cannot be scored again: its score of then counts.
    gone = np.array([case.answer is None for case in system.cases], dtype=bool)
    for name, new in score(system.name, system.cases, measures).values.items():
        values[name] = np.where(gone & np.isnan(new), values.get(name, new), new)
    return replace(system, values=values)


def _shared(systems: Sequence[Scored]) -> list[Scored]:
    """Return systems with the cases of those questions that all were asked, in one order."""
    kept = systems[0].cases
    for system in systems[1:]:
        kept = tuple(case for case, _ in same_questions(kept, system.cases))
    return [
        replace(system, cases=tuple(other for _, other in same_questions(kept, system.cases)))
        for system in systems
    ]


def _pairs(sides: Sequence[tuple[str, Sequence[Scored]]]) -> tuple[tuple[str, str], ...]:
    found = []
    for (one, before), (other, after) in pairwise(sides):
        names = [system.name for system in after]
        shared = [system.name for system in before if system.name in names]
        pairs = [(name, name) for name in shared] or [(before[-1].name, names[-1])]
        found += [(f"{a} ({one})", f"{b} ({other})") for a, b in pairs]
    return tuple(found)
