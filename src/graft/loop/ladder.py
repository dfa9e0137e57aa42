"""The ladder: one part after the other put into the release in use, each rung as it would serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from graft.answer.decline import fit_threshold
from graft.core.answer import Answer
from graft.core.config import Settings
from graft.core.context import Context
from graft.core.document import Passage
from graft.core.example import Example
from graft.evaluate.result import SplitResult, summarise
from graft.evaluate.retrieval import rank_passages, score_rankings
from graft.evaluate.score import Scored, score_answers
from graft.examples.gold import resolve
from graft.examples.searching import search_for
from graft.generate.remember import Remember
from graft.library.store import Library
from graft.loop.scoring import rank_pipeline, sampling
from graft.measures.text import token_f1
from graft.wire import Wiring, answerer, segmentation

RIGHT = 0.5
"""Token F1 from which an answer on dev counts as right when the threshold is fitted."""


@dataclass(frozen=True)
class Rung:
    """One system of the ladder: its name, and the settings and prompts it would serve with."""

    name: str
    settings: Settings
    prompts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Ladder:
    """Scores rungs as they would serve, and never asks a model the same prompt twice."""

    def __init__(self, workspace: Wiring, held: Library, ctx: Context) -> None:
        self.workspace, self.held, self.ctx = workspace, held, ctx
        self.memory: dict[str, Remember] = {}

    def answer(self, rung: Rung, examples: Sequence[Example], threshold: float) -> list[Answer]:
        """Return the answers of a system at a decline threshold."""
        settings = rung.settings
        serving = answerer(self.workspace, settings, self.held, prompts=rung.prompts)
        key = settings.generate.model_dump_json()
        kept = self.memory.setdefault(key, Remember(serving.generator))
        system = replace(serving, generator=kept, decline_threshold=threshold)
        return system.answer([search_for(example) for example in examples], self.ctx)

    def fit(self, settings: Settings, dev: Sequence[Example]) -> Settings:
        """Return the settings with the decline threshold fitted on dev questions.

        An answer is right when its token F1 is at least .5; what is answered to an unanswerable
        question never is. With too few of either kind the threshold stays as it is.
        """
        asked = [e for e in dev if e.answers or not e.answerable]
        answers = self.answer(Rung("", settings), asked, 0.0)
        shown = [(e, a) for e, a in zip(asked, answers, strict=True) if not a.declined]
        right = [e.answerable and token_f1(a.text, e.answers) >= RIGHT for e, a in shown]
        fitted = fit_threshold(
            [a.support for _, a in shown], right, default=settings.answer.decline_threshold
        )
        table = settings.answer.model_copy(update={"decline_threshold": fitted.threshold})
        return settings.model_copy(update={"answer": table})

    def score(self, rungs: Sequence[Rung], examples: Sequence[Example]) -> list[Scored]:
        """Return each rung's answers and rankings scored together.

        A passage of the rung's own segmentation is relevant when it lies on the gold evidence.
        """
        scored = []
        for rung in rungs:
            gold = self._gold(rung.settings, examples)
            qrels = {id: {p.id: 1 for p in passages} for id, passages in gold.items()}
            threshold = rung.settings.answer.decline_threshold
            answers = self.answer(rung, examples, threshold)
            # No time: what a rung below was asked already is not asked again.
            found = score_answers(rung.name, examples, answers)
            ranked = rank_pipeline(
                self.workspace, rung.name, rung.settings, self.held, examples, rank_passages,
                self.ctx,
            )  # fmt: skip
            ids = [example.id for example in examples]
            retrieved = score_rankings(rung.name, ids, ranked.rows, qrels)
            scored.append(replace(found, values={**found.values, **retrieved.values}))
        return scored

    def on(
        self, rungs: Sequence[Rung], examples: Sequence[Example], measures: Sequence[str]
    ) -> SplitResult:
        """Return the ladder on examples: each rung against the one below, and last against first.

        The last pair, from what is in use to the candidate, is what the gate judges. Examples
        whose gold is gone are left out.
        """
        gold = [self._gold(rung.settings, examples) for rung in rungs]
        examples = [example for example in examples if all(example.id in g for g in gold)]
        scored = self.score(rungs, examples)
        names = [rung.name for rung in rungs]
        pairs = list(pairwise(names))
        if len(names) > 2:
            pairs.append((names[0], names[-1]))
        return summarise(
            scored, examples, pairs=pairs, measures=measures,
            sampling=sampling(self.workspace, self.ctx), changed=(names[0], names[-1]),
        )  # fmt: skip

    def _gold(
        self, settings: Settings, examples: Sequence[Example]
    ) -> Mapping[str, Sequence[Passage]]:
        held = self.held.using(segmentation(settings.segment).id)
        return resolve(examples, held.document, passages_of=held.passages_of).passages
