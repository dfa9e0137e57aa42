"""Recipe: a frozen description of one tuning, complete enough to run it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from graft.core.hashing import value_hash

Part = Literal["retriever", "fusion", "reranker", "generator"]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: `batch_size` examples a step, split in `accumulation` parts.

    `learning_rate` rises over `warmup` (a share of all steps) and falls linearly to zero.
    `evaluations` is how often an epoch looks at dev, as evenly as steps allow; 0 is twice, and
    `patience` + 1 times a training at least: training stops after `patience` looks without a gain,
    and with fewer it never could. The best look's weights are kept. `rates` are factors of the
    learning rate for parameters whose name holds a text; of several, the first counts.
    `max_tokens` cuts prompts, never answers.
    """

    epochs: float = 1.0
    batch_size: int = 8
    accumulation: int = 1
    learning_rate: float = 3e-4
    warmup: float = 0.1
    weight_decay: float = 0.0
    clip: float = 1.0
    evaluations: int = 0
    patience: int = 2
    max_tokens: int = 1024
    rates: Mapping[str, float] = field(default_factory=dict)


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

    `objective` is named as in `tune/objectives`, `adapter` written as in `models/adapters`, by its
    tag `name`. Other objectives of `mixed` are trained on in the same steps, each with its share
    of the loss (the main one has 1). `base` is the model as named in the settings and
    `base_digest` the hash of its weights; `data` is the digest of the example set. `passages` is
    how many a raft prompt shows, and `distractors_only` the share of prompts without evidence.
    `decline` is the text that such a prompt was trained to answer until that was to write nothing.
    `answer_tokens` is the length of an answer at most where a look at dev asks for one.
    `scale` divides by temperature: 1 / 0.05 = 20.
    """

    part: Part
    objective: str
    base: str
    base_digest: str = ""
    data: str = ""
    adapter: Mapping[str, Any] = field(default_factory=lambda: {"name": "lora"})
    mixed: Mapping[str, float] = field(default_factory=dict)
    schedule: Schedule = field(default_factory=Schedule)
    negatives: Negatives | None = None
    passages: int = 3
    distractors_only: float = 0.0
    decline: str = ""
    answer_tokens: int = 32
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
        values["schedule"] = Schedule(**values["schedule"])
        if values.get("negatives") is not None:
            values["negatives"] = Negatives(**values["negatives"])
        return cls(**values)

    @property
    def digest(self) -> str:
        """The hash of the whole recipe."""
        return value_hash(self.to_dict())
