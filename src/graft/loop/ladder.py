"""The ladder: one part after the other put into the release in use, each rung as it would serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from graft.answer.answerer import Answerer
from graft.answer.decline import FittedThreshold, fit_best
from graft.answer.finish import weighed
from graft.answer.rules import RULES
from graft.core.answer import Answer
from graft.core.case import Case
from graft.core.config import Settings
from graft.core.context import Context
from graft.core.example import Example
from graft.core.hashing import value_hash
from graft.evaluate.result import Plan
from graft.examples.gold import Resolved, resolve
from graft.examples.searching import search_for
from graft.generate.remember import Memory
from graft.library.store import Library
from graft.loop.parts import runs_of
from graft.loop.scoring import Bench, rule_systems, search_all
from graft.loop.trials import System, Trial, digests_of, settings_digest
from graft.measures.values.declines import is_right
from graft.wire import Wiring, answerer, segmentation, with_changes

COVERAGES = (1.0, 0.75, 0.5, 0.25)
"""Shares of answers shown whose risk is told."""

SURENESS = (0.0, 0.25, 0.5)
"""Powers of the least likely token's probability that are tried in an answer's confidence."""


@dataclass(frozen=True)
class Rung:
    """One system of the ladder: its name, and the settings and prompts it would serve with."""

    name: str
    settings: Settings
    prompts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    release: str = ""


class Ladder:
    """Rungs as systems that answer as they would serve; no model is asked a prompt twice."""

    def __init__(
        self, workspace: Wiring, held: Library, ctx: Context, memory: Memory | None = None
    ) -> None:
        self.workspace, self.held, self.ctx = workspace, held, ctx
        self.memory = memory or Memory()

    def answer(self, rung: Rung, examples: Sequence[Example], threshold: float) -> list[Answer]:
        """Return the answers of a system at a decline threshold."""
        serving = self.serving(rung)
        asked = self.memory.of(serving.generator)
        system = replace(serving, generator=asked, decline_threshold=threshold)
        return system.answer([search_for(example) for example in examples], self.ctx)

    def fit(self, settings: Settings, dev: Sequence[Example], *, tell: bool = False) -> Settings:
        """Return the settings with `answer.decline_threshold` and `sureness` fitted on dev.

        An answer is right as the gate's utility has it, and a wrong one costs as much. The power of
        the least likely token's probability is chosen together with the threshold, and both are
        vouched for by questions that they were not fitted on; where nothing is declined, or the
        generator tells no probabilities, it is the first. With too few right or wrong answers both
        stay as they are. `tell` says what it does to risk and coverage.
        """
        asked = [e for e in dev if e.answers or not e.answerable]
        own = with_changes(settings, {"answer.sureness": 0.0})
        answers = self.answer(Rung("", own), asked, 0.0)
        shown = [(e, a) for e, a in zip(asked, answers, strict=True) if not a.declined]
        right = [is_right(Case(e, a)) for e, a in shown]
        at, fitted = fit_best(
            [
                [weighed(a.confidence, a.least_log_prob, power) for _, a in shown]
                for power in SURENESS
            ],
            right,
            groups=[e.group or e.id for e, _ in shown],
            cost=self.workspace.config.gate.wrong_costs,
            default=settings.answer.decline_threshold,
        )
        if tell:
            self._tell(fitted)
        if not fitted.enough:
            return settings
        chosen = {"answer.decline_threshold": fitted.threshold, "answer.sureness": SURENESS[at]}
        return with_changes(settings, chosen)

    def system(self, rung: Rung) -> System:
        """Return a rung as a system that answers and ranks.

        What its ranking is judged on, passages or documents, is the gold's matter, in the rung's
        own segmentation. No time is told: what a rung below was asked already is not asked again.
        """

        def ask(examples: Sequence[Example]) -> list[Case]:
            answered, ranked = self.answered(rung, examples), self.ranked(rung, examples)
            return [replace(r, answer=a.answer) for r, a in zip(ranked, answered, strict=True)]

        serving = self.serving(rung)
        about = {
            "settings": settings_digest(rung.settings),
            "runs": " ".join(runs_of(rung.settings)),
            "release": rung.release,
            "prompts": value_hash(rung.prompts)[:16],
            "model": serving.generator.digest,
            **digests_of(serving.retrieve),
        }
        return System(rung.name, about, ask)

    def answered(self, rung: Rung, examples: Sequence[Example]) -> list[Case]:
        """Return what a rung answers each example, as it would serve."""
        answers = self.answer(rung, examples, rung.settings.answer.decline_threshold)
        return [Case(e, answer=a) for e, a in zip(examples, answers, strict=True)]

    def ranked(self, rung: Rung, examples: Sequence[Example]) -> list[Case]:
        """Return what a rung ranks for each example, with what of it is judged."""
        gold = self._gold(rung.settings, examples)
        judged = [gold.judged(example.id) for example in examples]
        bench = Bench(self.workspace, rung.settings, self.held, self.ctx)
        found = search_all(bench, rung.name, examples)
        return [
            Case(e, ranking=tuple(j.ranking(hits)), judged=j.grades)
            for e, j, hits in zip(examples, judged, found, strict=True)
        ]

    def trial(self, split: str, rungs: Sequence[Rung], examples: Sequence[Example]) -> Trial:
        """Return the ladder on examples: each rung against the one below, and last against first.

        The pair from what is in use to the candidate is what the gate judges; the candidate is
        held against the answers without a model too, read from what its own retrieval finds.
        Examples whose gold is gone are left out.
        """
        gold = [self._gold(rung.settings, examples).passages for rung in rungs]
        kept = [example for example in examples if all(example.id in g for g in gold)]
        if lost := len(examples) - len(kept):
            self.ctx.warn(
                "evaluate", f"{lost} of {len(examples)} questions are asked of none: the library "
                "has no passage any more that holds their evidence",
            )  # fmt: skip
        names = [rung.name for rung in rungs]
        pairs = list(pairwise(names))
        if len(names) > 2:
            pairs.append((names[0], names[-1]))
        pairs += [(rule, names[-1]) for rule in RULES]
        measures = self.workspace.config.gate.measures
        plan = Plan("", tuple(pairs), measures, changed=(names[0], names[-1]))
        bench = Bench(self.workspace, rungs[-1].settings, self.held, self.ctx)
        systems = [*(self.system(rung) for rung in rungs), *rule_systems(bench)]
        return Trial(split, systems, kept, plan)

    def _tell(self, fitted: FittedThreshold) -> None:
        points = {p.threshold: p for p in fitted.curve}
        if not fitted.enough:
            self.ctx.note("adapt", "too few right or wrong answers on dev to fit when to decline")
            return
        every, chosen = points[0.0], points[fitted.threshold]
        told = f"answering always is wrong {every.risk:.2f} of the time"
        if fitted.threshold:
            told += (
                f"; declining below a confidence of {fitted.threshold:g} answers "
                f"{chosen.coverage:.2f} and is wrong {chosen.risk:.2f} of those"
            )
        told += f" (utility {fitted.gain:+.3f}, standard error {fitted.standard_error:.3f})"
        risks = ", ".join(f"{fitted.risk_at(c):.2f} at {c:g}" for c in COVERAGES)
        told += f"; risk by coverage: {risks}"
        self.ctx.note("adapt", f"on dev {told}")

    def serving(self, rung: Rung) -> Answerer:
        """Return a rung's path from a question to an answer."""
        return answerer(
            self.workspace, rung.settings, self.held, prompts=rung.prompts, release=rung.release
        )

    def _gold(self, settings: Settings, examples: Sequence[Example]) -> Resolved:
        held = self.held.using(segmentation(settings.segment).id)
        return resolve(examples, held.document, passages_of=held.passages_of)
