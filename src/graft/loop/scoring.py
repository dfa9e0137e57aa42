"""scoring: the cells and the retrievals of this workspace, as systems that can be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial

from graft.answer.answerer import Answerer
from graft.answer.rules import RULES, Rule, rule_answer
from graft.core.case import Case
from graft.core.config import Settings
from graft.core.context import Context
from graft.core.document import Passage
from graft.core.errors import InputError
from graft.core.example import Example
from graft.core.hashing import value_hash
from graft.core.runs import Run
from graft.core.search import Hit
from graft.evaluate.cells import FEW_SHOT, Cell, cell_named, cells_of, plan_of
from graft.evaluate.result import Plan
from graft.examples.gold import Judged, Resolved, resolve
from graft.examples.searching import search_for, searched
from graft.generate.prompts import Worked
from graft.generate.remember import Memory
from graft.library.store import Library
from graft.loop.parts import with_run
from graft.loop.trials import System, Trial, digests_of, settings_digest
from graft.retrieve.line import alone, fusion
from graft.wire import Wiring, answerer, line_of, pipeline, prompt_of, with_line

RETRIEVAL_DEPTH = 100
"""Passages a ranking holds, so that ten documents come out of it."""


@dataclass(frozen=True)
class Bench:
    """Where systems are put to questions: a workspace, its library, and the settings in use.

    `memory` holds what models were asked already, so that none is asked a prompt twice.
    """

    workspace: Wiring
    settings: Settings
    held: Library
    ctx: Context
    release: str = ""
    memory: Memory = field(default_factory=Memory)


def cell_trials(
    bench: Bench,
    asked: Mapping[str, Sequence[Example]],
    runs: Mapping[str, Run],
    worked: Sequence[Worked],
    about: Mapping[str, str],
) -> list[Trial]:
    """Return the cells of runs, each under the name of its cell, put to each split's questions.

    Without worked examples there is no control of style. Examples whose gold is gone are left
    out. `about` explains the table of a split.
    """
    cells = cells_of(list(runs), few_shot=bool(worked))
    systems = [*cell_systems(bench, cells, _generators(runs), worked), *rule_systems(bench)]
    return [
        Trial(split, systems, _with_gold(bench, chosen), _beside_rules(cells, about.get(split, "")))
        for split, chosen in asked.items()
    ]


def rule_systems(bench: Bench) -> list[System]:
    """Return the answers without a model, as systems: they stand in every table of answers."""

    contexts = _Contexts(bench)

    def system(name: str, rule: Rule) -> System:
        def ask(examples: Sequence[Example]) -> list[Case]:
            shown = contexts.of(Cell(name, "", "retrieved"), examples)
            return [
                Case(e, rule_answer(rule, e.question, next(iter(s.passages), None)), s.ranking,
                     s.judged)
                for e, s in zip(examples, shown, strict=True)
            ]  # fmt: skip

        about = {"settings": settings_digest(bench.settings), "rule": name}
        about |= digests_of(pipeline(bench.workspace, bench.settings, bench.held))
        return System(name, about, ask)

    return [system(name, rule) for name, rule in RULES.items()]


def _beside_rules(cells: Sequence[Cell], about: str) -> Plan:
    """Return the plan of cells, what was tuned for reading held against the rules too."""
    plan = plan_of(cells, about)
    read = [name for name in plan.leading if name.startswith("rag+")]
    return replace(plan, pairs=(*plan.pairs, *((rule, name) for name in read for rule in RULES)))


def cell_systems(
    bench: Bench, cells: Sequence[Cell], runs: Mapping[str, Run], worked: Sequence[Worked]
) -> list[System]:
    """Return cells as systems; `runs` maps each of their generators that is a run's to it.

    A release in use may have an adapter: the base of the cells is the model as it came.
    """
    table = bench.settings.generate.model_copy(update={"adapter": ""})
    bare = bench.settings.model_copy(update={"generate": table})
    contexts = _Contexts(bench)

    def used(generator: str) -> Settings:
        run = runs.get(generator)
        return bare if run is None else with_run(bench.settings, run)

    @cache
    def reader(generator: str) -> Answerer:
        serving = answerer(bench.workspace, used(generator), bench.held, release=bench.release)
        shown = tuple(worked) if generator == FEW_SHOT else ()
        asked = bench.memory.of(serving.generator)
        return replace(serving, generator=asked, decline_threshold=0.0, worked=shown)

    def ask(cell: Cell, examples: Sequence[Example]) -> list[Case]:
        shown, serving = contexts.of(cell, examples), reader(cell.generator)
        passages = None if cell.context == "none" else [each.passages for each in shown]
        started = bench.ctx.clock()
        answers = serving.answer_from([search_for(e) for e in examples], passages, bench.ctx)
        seconds = (bench.ctx.clock() - started) / max(len(examples), 1)
        return [
            Case(
                example, answer, each.ranking, each.judged, closed=passages is None, seconds=seconds
            )
            for example, answer, each in zip(examples, answers, shown, strict=True)
        ]

    def about(cell: Cell) -> dict[str, str]:
        run, settings = runs.get(cell.generator), used(cell.generator)
        serving = reader(cell.generator)
        told = {
            "generator": cell.generator if run is None else run.id,
            "weights": "" if run is None else run.digest,
            "context": cell.context,
            "settings": settings_digest(settings),
            "model": serving.generator.digest,
            "release": bench.release,
            "prompt": value_hash(prompt_of(bench.workspace, settings.answer.prompt).to_dict()),
        }
        if cell.context == "retrieved":
            told |= digests_of(serving.retrieve)
        if cell.generator == FEW_SHOT:
            told["worked"] = value_hash([(q, [p.id for p in shown], a) for q, shown, a in worked])
        return told

    return [System(cell.name, about(cell), partial(ask, cell)) for cell in cells]


def _generators(runs: Mapping[str, Run]) -> dict[str, Run]:
    """Return the run behind each generator that cells name; a name stands for one run."""
    found: dict[str, Run] = {}
    for name, run in runs.items():
        generator = cell_named(name).generator
        if found.setdefault(generator, run).id != run.id:
            raise InputError(
                f"{generator!r} names the runs {found[generator].id} and {run.id}: give each run "
                "a name of its own"
            )
    return found


@dataclass(frozen=True)
class _Shown:
    """What a question is shown; where it was retrieved, its whole ranking and what is judged."""

    passages: Sequence[Passage] = ()
    ranking: tuple[str, ...] | None = None
    judged: Mapping[str, int] = field(default_factory=dict)


class _Contexts:
    """What each kind of context shows to questions, found once and when needed."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._kept: dict[tuple[str, str], list[_Shown]] = {}

    def of(self, cell: Cell, examples: Sequence[Example]) -> list[_Shown]:
        """Return what is shown with each example."""
        if cell.context == "none":
            return [_Shown()] * len(examples)
        key = (cell.context, value_hash([example.id for example in examples]))
        if key not in self._kept:
            found = self._retrieved if cell.context == "retrieved" else self._gold
            self._kept[key] = found(examples)
        return self._kept[key]

    def _retrieved(self, examples: Sequence[Example]) -> list[_Shown]:
        gold, most = self._resolved(examples), self._bench.settings.answer.passages
        shown = []
        for example, hits in zip(examples, search_all(self._bench, "cells", examples), strict=True):
            judged = gold.judged(example.id)
            passages = [hit.passage for hit in hits[:most] if hit.passage is not None]
            shown.append(_Shown(passages, tuple(judged.ranking(hits)), judged.grades))
        return shown

    def _gold(self, examples: Sequence[Example]) -> list[_Shown]:
        gold, most = self._resolved(examples), self._bench.settings.answer.passages
        return [_Shown(gold.passages[example.id][:most]) for example in examples]

    def _resolved(self, examples: Sequence[Example]) -> Resolved:
        held = self._bench.held
        return resolve(examples, held.document, passages_of=held.passages_of)


def _with_gold(bench: Bench, examples: Sequence[Example]) -> list[Example]:
    """Return the examples whose gold is still there; a warning says how many are not."""
    held = bench.held
    gold = resolve(examples, held.document, passages_of=held.passages_of, ctx=bench.ctx)
    return [example for example in examples if example.id in gold.passages]


def worked_examples(bench: Bench, train: Sequence[Example]) -> list[Worked]:
    """Return the first answerable training examples with one gold passage each, for the prompt."""
    most, held = bench.workspace.config.evaluate.few_shot, bench.held
    chosen: list[Worked] = []
    for example in train:
        if len(chosen) == most:
            break
        if not example.answers or not example.gold:
            continue
        gold = resolve([example], held.document, passages_of=held.passages_of).passages
        if example.id in gold:
            chosen.append((example.question, gold[example.id][:1], example.answers[0]))
    return chosen


def ranking_systems(bench: Bench, named: Mapping[str, Settings]) -> list[System]:
    """Return retrievals that rank documents, each document at the place of its best passage."""

    def system(name: str, settings: Settings) -> System:
        def ask(examples: Sequence[Example]) -> list[Case]:
            started = bench.ctx.clock()
            found = search_all(replace(bench, settings=settings), name, examples)
            seconds = (bench.ctx.clock() - started) / max(len(examples), 1)
            judged = [Judged("document", example.grades) for example in examples]
            return [
                Case(e, ranking=tuple(j.ranking(hits)), judged=j.grades, seconds=seconds)
                for e, j, hits in zip(examples, judged, found, strict=True)
            ]

        about = {"settings": settings_digest(settings)}
        about |= digests_of(pipeline(bench.workspace, settings, bench.held))
        return System(name, about, ask)

    return [system(name, settings) for name, settings in named.items()]


def search_all(bench: Bench, name: str, examples: Sequence[Example]) -> list[tuple[Hit, ...]]:
    """Return the hits of each example's search by the bench's settings, in batches."""
    stage = pipeline(bench.workspace, bench.settings, bench.held, limit=RETRIEVAL_DEPTH)
    hits: list[tuple[Hit, ...]] = []
    with bench.ctx.stage(f"search {name}", len(examples)) as step:
        for batch in searched(examples, partial(stage, ctx=bench.ctx), size=256):
            hits += [search.hits for _, search in batch]
            step.advance(len(batch))
    return hits


def rankings_plan(names: Sequence[str], against: str) -> Plan:
    """Return a plan that compares each retrieval with the one named `against`.

    Those that come before it in the order are taken for parts of it, those after for changes.
    """
    place = list(names).index(against)
    pairs = [(name, against) for name in names[:place]]
    pairs += [(against, name) for name in names[place + 1 :]]
    return Plan(pairs=tuple(pairs))


def retrieval_settings(settings: Settings) -> dict[str, Settings]:
    """Return the settings of each retrieval system that the line holds, the whole line last.

    They are each leaf alone, the fusion ("hybrid"), and the line where it does more ("reranked").
    """
    line = line_of(settings)
    found = {name: alone(line, name) for name in line.leaves}
    if (fused := fusion(line)) is not None:
        found["hybrid"] = fused
    if line not in found.values():
        found["reranked"] = line
    return {name: with_line(settings, part) for name, part in found.items()}
