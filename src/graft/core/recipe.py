"""Recipe: a frozen description of one tuning, complete enough to run it again."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from graft.core.hashing import value_hash

Part = Literal["retriever", "fusion", "reranker", "generator"]

Objective = Literal["contrastive", "weights", "pointwise", "closed-book", "raft"]
"""contrastive: multiple negatives ranking (retriever). weights: of each leg, by grid search
(fusion). pointwise: binary cross-entropy on question-passage pairs (reranker). closed-book:
supervised answers without passages (generator). raft: answers from passages, some prompts
holding distractors only (arXiv:2403.10131)."""


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters (arXiv:2106.09685) on the named modules; "all-linear" means all."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: tuple[str, ...] = ("all-linear",)


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: `batch_size` examples a step, split in `accumulation` parts.

    `learning_rate` rises over `warmup` (a share of all steps) and falls linearly to zero.
    `evaluations` is how often an epoch looks at dev; training stops after `patience` looks
    without a gain and the best weights are kept. `max_tokens` cuts prompts, never answers.
    """

    epochs: float = 1.0
    batch_size: int = 8
    accumulation: int = 1
    learning_rate: float = 3e-4
    warmup: float = 0.1
    weight_decay: float = 0.0
    clip: float = 1.0
    evaluations: int = 2
    patience: int = 2
    max_tokens: int = 1024


@dataclass(frozen=True)
class Negatives:
    """Which passages count as hard negatives: ranks `first`..`last` (1-based, inclusive).

    A candidate is a false negative, and left out, when it is a gold passage, holds the answer,
    repeats a positive, or scores above `ceiling` times the positive's score (NV-Retriever,
    arXiv:2407.15831). `count` are kept a question.
    """

    first: int = 2
    last: int = 50
    count: int = 4
    ceiling: float = 0.95


@dataclass(frozen=True)
class Recipe:
    """One tuning: which part, by which objective and adapter, on which data, from which seed.

    `base` is the model as named in the settings and `base_digest` the hash of its weights; `data`
    is the digest of the example set; `adapter` None trains every weight. `passages` is how many a
    raft prompt shows, `distractors_only` the share of prompts without gold, and `decline` the
    text that such a prompt is trained to answer. `scale` divides by temperature: 1 / 0.05 = 20.
    """

    part: Part
    objective: Objective
    base: str
    base_digest: str = ""
    data: str = ""
    adapter: Lora | None = field(default_factory=Lora)
    schedule: Schedule = Schedule()
    negatives: Negatives | None = None
    passages: int = 3
    distractors_only: float = 0.2
    decline: str = ""
    scale: float = 20.0
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Recipe:
        """Rebuild a recipe from `to_dict`'s values.

        >>> recipe = Recipe("generator", "raft", "starter", negatives=Negatives())
        >>> Recipe.from_dict(recipe.to_dict()) == recipe
        True
        """
        values = dict(data)
        if values.get("adapter") is not None:
            adapter = dict(values["adapter"])
            values["adapter"] = Lora(**{**adapter, "targets": tuple(adapter["targets"])})
        values["schedule"] = Schedule(**values["schedule"])
        if values.get("negatives") is not None:
            values["negatives"] = Negatives(**values["negatives"])
        return cls(**values)

    @property
    def digest(self) -> str:
        """The hash of the whole recipe."""
        return value_hash(self.to_dict())
