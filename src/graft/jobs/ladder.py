"""The ladder: one part after the other put into the release in use, each rung as it would serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from graft.answer.decline import fit_threshold
from graft.core.answer import Answer
from graft.core.config import Settings
from graft.core.context import Context
from graft.core.document import Passage
from graft.core.example import Example
from graft.core.search import Search
from graft.evaluate.result import SplitResult, summarise
from graft.evaluate.score import Scored, score_answers
from graft.generate.remember import Remember
from graft.jobs.evaluate import sampling, score_pipeline
from graft.library.store import Library
from graft.measures.text import token_f1
from graft.wire import Wiring, answerer

RIGHT = 0.5
"""Token F1 from which an answer on dev counts as right when the threshold is fitted."""


@dataclass(frozen=True)
class Rung:
    """One system of the ladder: its name, and the settings it would serve with."""

    name: str
    settings: Settings


class Ladder:
    """Scores rungs as they would serve, and never asks a model the same prompt twice."""

    def __init__(self, workspace: Wiring, held: Library, ctx: Context) -> None:
        self.workspace, self.held, self.ctx = workspace, held, ctx
        self.memory: dict[str, Remember] = {}

    def answer(
        self, settings: Settings, questions: Sequence[str], threshold: float
    ) -> list[Answer]:
        """Return the answers of a system at a decline threshold."""
        serving = answerer(self.workspace, settings, self.held)
        key = settings.generate.model_dump_json()
        kept = self.memory.setdefault(key, Remember(serving.generator))
        system = replace(serving, generator=kept, decline_threshold=threshold)
        return system.answer([Search(question) for question in questions], self.ctx)

    def fit(self, settings: Settings, dev: Sequence[Example]) -> Settings:
        """Return the settings with the decline threshold fitted on dev questions.

        An answer is right when its token F1 is at least .5; what is answered to an unanswerable
        question never is. With too few of either kind the threshold stays as it is.
        """
        asked = [e for e in dev if e.answers or not e.answerable]
        answers = self.answer(settings, [e.question for e in asked], 0.0)
        shown = [(e, a) for e, a in zip(asked, answers, strict=True) if not a.declined]
        right = [e.answerable and token_f1(a.text, e.answers) >= RIGHT for e, a in shown]
        fitted = fit_threshold(
            [a.support for _, a in shown], right, default=settings.answer.decline_threshold
        )
        table = settings.answer.model_copy(update={"decline_threshold": fitted.threshold})
        return settings.model_copy(update={"answer": table})

    def score(
        self, rungs: Sequence[Rung], examples: Sequence[Example],
        gold: Mapping[str, Sequence[Passage]],
    ) -> list[Scored]:  # fmt: skip
        """Return each rung's answers and rankings scored together.

        A passage is relevant when it lies on the gold evidence.
        """
        qrels = {e.id: {p.id: 1 for p in gold[e.id]} for e in examples}
        scored = []
        for rung in rungs:
            started = self.ctx.clock()
            answers = self.answer(
                rung.settings, [e.question for e in examples],
                rung.settings.answer.decline_threshold,
            )  # fmt: skip
            seconds = self.ctx.clock() - started
            found = score_answers(rung.name, examples, answers, seconds=seconds)
            ranked = score_pipeline(
                self.workspace, rung.name, rung.settings, self.held, examples,
                qrels=qrels, passages=True, ctx=self.ctx,
            )  # fmt: skip
            scored.append(replace(found, values={**found.values, **ranked.values}))
        return scored

    def result(
        self, rungs: Sequence[Rung], examples: Sequence[Example],
        gold: Mapping[str, Sequence[Passage]], measures: Sequence[str],
    ) -> SplitResult:  # fmt: skip
        """Return the ladder on one split: each rung against the one below, and last against first.

        The last pair, from what is in use to the candidate, is what the gate judges.
        """
        scored = self.score(rungs, examples, gold)
        names = [rung.name for rung in rungs]
        pairs = list(pairwise(names))
        if len(names) > 2:
            pairs.append((names[0], names[-1]))
        return summarise(
            scored, examples, pairs=pairs, measures=measures,
            sampling=sampling(self.workspace, self.ctx), changed=(names[0], names[-1]),
        )  # fmt: skip
