"""Objective: what a tuning learns from, in which batches, by which loss, and how dev is told."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor

from graft.core.context import Context
from graft.core.document import Passage
from graft.core.example import Example
from graft.core.generation import Prompt
from graft.core.protocols import Encoder, PassageStore
from graft.core.recipe import Part, Recipe
from graft.core.seam import Seam
from graft.examples.gold import Judged
from graft.examples.searching import Retrieve
from graft.generate.prompts import Template
from graft.tune.accumulate import Chunk
from graft.tune.data import DataRow
from graft.tune.fit import Look

TrainStep = list[Chunk[Any]]
"""What one optimizer step learns from, in chunks that go through the model one at a time."""

FoundBy = Literal["served", "first", "dense"]
"""How passages are found: as served, without a reranker, or by the encoder alone."""


@dataclass(frozen=True)
class Source:
    """What an objective may make its items from.

    `gold` holds every passage that answers an example, by its id, `evidence` those of them that a
    prompt should show, and `judged` what a ranking of it is judged on. `retrieve` returns a search
    of a stage, at most so many hits deep, that never shows what is kept `apart` for the test.
    `template` is the prompt that serves, and `count_tokens` what the generator counts of a prompt.
    `encoder` is the one in use, and `depth` how many candidates a reranker reads.
    """

    examples: Mapping[str, Sequence[Example]]
    gold: Mapping[str, Sequence[Passage]]
    evidence: Mapping[str, Sequence[Passage]]
    judged: Mapping[str, Judged]
    store: PassageStore
    retrieve: Callable[[FoundBy, int], Retrieve]
    template: Template
    count_tokens: Callable[[Prompt], int]
    encoder: Callable[[], Encoder]
    apart: frozenset[str] = frozenset()
    depth: int = 20


@dataclass(frozen=True)
class Lessons:
    """What one split teaches: `items` as the objective's own session reads them.

    `rows` say which passages each question met, `documents` whose they are, `skipped` how many
    examples were left out, and why. `steps_as` is the number of examples that the schedule's
    epochs are counted in, 0 for that of the items. `settings` go into the run's own.
    """

    items: Any
    rows: tuple[DataRow, ...] = ()
    documents: frozenset[str] = frozenset()
    skipped: Mapping[str, int] = field(default_factory=dict)
    steps_as: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Session:
    """An objective at work on one model.

    `epoch` draws the steps of a pass over the items. `loss` is the sum over a chunk's terms, with
    its graph. `look` measures dev, and `look_tokens` is what that costs, in tokens of a step.
    `trials` are chunks of the real work to tell its cost from, the largest first; `counts` tells
    what there is to learn from. `start`, where it is given, is how good dev was without what is
    trained: a gain is one over that.
    """

    epoch: Callable[[random.Random], list[TrainStep]]
    loss: Callable[[Any], Tensor]
    look: Callable[[Context], Look]
    look_tokens: float
    trials: Callable[[], list[Chunk[Any]]]
    counts: Mapping[str, int] = field(default_factory=dict)
    start: Look | None = None


@dataclass(frozen=True)
class Objective:
    """A named way to train a part.

    `items` makes the lessons of a split; it is called for "train", then for "dev". `session` puts
    an objective to work: on a model (a Causal, a SentenceEncoder or a CrossEncoder), with the
    items of both splits. `measure` is the one of a look that decides, higher being better, and
    `told` are those that a run keeps (all, where it is empty).
    """

    name: str
    part: Part
    about: str
    measure: str
    items: Callable[[Source, str, Recipe, Context], Lessons]
    session: Callable[[Any, Any, Any, Recipe], Session]
    told: tuple[str, ...] = ()


OBJECTIVES: Seam[Objective] = Seam(
    "an objective", "graft.tune.objectives", "graft.objectives", Objective
)


def usual_trials(epoch: Sequence[TrainStep]) -> list[Chunk[Any]]:
    """Return the largest chunk of an epoch and two of the middle: the usual `trials`."""
    order = sorted((chunk for step in epoch for chunk in step), key=lambda chunk: -chunk.tokens)
    middle = len(order) // 2
    return [*order[:1], *order[middle : middle + 2]]


def documents_of(passages: Iterable[Passage]) -> frozenset[str]:
    """Return the ids of the passages' documents."""
    return frozenset(passage.document_id for passage in passages)
