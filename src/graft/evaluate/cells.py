"""Cells: which generator, shown which context, so that each part's share can be told.

The generator is the base, tuned without passages ("closed"), or tuned with them ("raft"), all on
the same examples for the same steps; the context is none, what was retrieved, or the gold
evidence. One more control shows the base worked examples in its prompt: much of what a small
model gains by tuning is the form of an answer, and a form can also be shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from graft.core.answer import Answer
from graft.core.context import Context
from graft.core.document import Passage
from graft.core.example import Example
from graft.core.search import Search
from graft.evaluate.score import Scored, score_answers
from graft.examples.searching import search_for

GeneratorName = Literal["base", "few-shot", "closed", "raft"]
ContextName = Literal["none", "retrieved", "gold"]


@dataclass(frozen=True)
class Cell:
    """One system: a generator and what it is shown."""

    name: str
    generator: GeneratorName
    context: ContextName


CELLS = (
    Cell("base", "base", "none"),
    Cell("rag", "base", "retrieved"),
    Cell("ft", "closed", "none"),
    Cell("rag+ft", "raft", "retrieved"),
    Cell("rag+few-shot", "few-shot", "retrieved"),
    Cell("base/gold", "base", "gold"),
    Cell("closed/retrieved", "closed", "retrieved"),
    Cell("closed/gold", "closed", "gold"),
    Cell("raft/none", "raft", "none"),
    Cell("raft/gold", "raft", "gold"),
)
"""The four that a user asks about first, then the control of style, then the rest of the nine."""

PAIRS = (
    ("base", "rag"),
    ("base", "ft"),
    ("rag", "rag+ft"),
    ("rag+few-shot", "rag+ft"),
    ("ft", "rag+ft"),
    ("closed/retrieved", "rag+ft"),
)
"""The differences that are reported: what each part adds to the others."""


class Respond(Protocol):
    """Answers searches from given passages with one generator, in their order.

    Contexts of None ask closed-book. With contexts, a search that is given no passage declines,
    as it would in use.
    """

    def __call__(
        self, searches: Sequence[Search], contexts: Sequence[Sequence[Passage]] | None
    ) -> list[Answer]: ...


def run_cells(
    examples: Sequence[Example],
    contexts: Mapping[ContextName, Sequence[Sequence[Passage]] | None],
    responders: Mapping[GeneratorName, Respond],
    *,
    cells: Sequence[Cell] = CELLS,
    ctx: Context,
) -> list[Scored]:
    """Return each cell's answers scored; cells without a responder are left out.

    `contexts` holds for each kind of context the passages of each example, in their order, or
    None for no context. Without one there is nothing to be supported by, so support and citations
    do not count.
    """
    searches = [search_for(example) for example in examples]
    wanted = [cell for cell in cells if cell.generator in responders and cell.context in contexts]
    scored = []
    with ctx.stage("evaluate cells", len(wanted)) as step:
        for cell in wanted:
            started = ctx.clock()
            answers = responders[cell.generator](searches, contexts[cell.context])
            seconds = ctx.clock() - started
            shown = score_answers(cell.name, examples, answers, seconds=seconds)
            closed = contexts[cell.context] is None
            scored.append(_without_evidence(shown) if closed else shown)
            step.advance()
    return scored


def _without_evidence(scored: Scored) -> Scored:
    evidence = ("support", "citation_precision", "citation_recall")
    values = {m: v * float("nan") if m in evidence else v for m, v in scored.values.items()}
    return Scored(scored.name, values, scored.answers, scored.seconds)
