"""Session: prompts that a causal model continues together; what the decoding loop needs of one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from graft.models.chat import ChatTemplate

SHORTEST_SHARED = 16
"""A common start of fewer tokens is not worth a pass of its own."""


class Session(Protocol):
    """A batch of prompts that were read, with their keys and values, and what may follow them."""

    def choose(
        self, temperature: float, draws: Sequence[float], never: Sequence[int] = ()
    ) -> list[int]:
        """Return each row's next token: the likeliest at temperature 0, none of `never`.

        Above it, the one at which the probabilities, summed in the order of ids, pass the row's
        number of `draws`, which is from 0 to 1.
        """
        ...

    def told(self, tokens: Sequence[Sequence[int]]) -> list[float]:
        """Return the log-probability (nats) that one of a row's `tokens` follows, for each row."""
        ...

    def step(self, tokens: Sequence[int], kept: Sequence[int]) -> None:
        """Read one more token of each of the rows `kept`; the others leave the batch."""
        ...

    def log_probs(self) -> NDArray[np.float32]:
        """Return what may follow each of the last `keep` positions: `(rows, keep, vocabulary)`."""
        ...


@dataclass(frozen=True)
class Start:
    """What several prompts begin with, read once: `tokens` ids, and what a model keeps of them."""

    tokens: int
    kept: Any


class LanguageModel(Protocol):
    """A causal model with its chat, whoever computes it.

    `adapter` is the one in use ("" for none), `virtual_tokens` what it lays before every row, and
    `context_tokens` the model's own limit. Who computes does so within `using`.
    """

    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def chat(self) -> ChatTemplate: ...
    @property
    def context_tokens(self) -> int: ...
    @property
    def virtual_tokens(self) -> int: ...
    @property
    def vocabulary(self) -> int: ...
    @property
    def adapter(self) -> str: ...

    def using(self, name: str | None) -> AbstractContextManager[None]:
        """Use an adapter within the block ("": none, None: that in use), alone with the model."""
        ...

    def begin(self, prompts: Sequence[Sequence[int]], *, keep: int = 1) -> Start | None:
        """Read what prompts have in common, `keep` tokens of each left; None for too little."""
        ...

    def read(
        self, prompts: Sequence[Sequence[int]], start: Start | None = None, *, keep: int = 1
    ) -> Session:
        """Read prompts, left-padded, after the start that all of them have."""
        ...


def shared_start(prompts: Sequence[Sequence[int]], keep: int) -> int:
    """Return how many tokens all prompts start with, at least `keep` being left of each.

    >>> shared_start([[*range(20), 1], [*range(20), 2, 3]], keep=1)
    20
    """
    if len(prompts) == 1:
        return 0
    # What the least and the greatest in lexical order have in common, all between them have.
    least, greatest = min(prompts, key=tuple), max(prompts, key=tuple)
    pairs = enumerate(zip(least, greatest, strict=False))
    common = next((i for i, (a, b) in pairs if a != b), min(len(least), len(greatest)))
    shared = min(common, min(len(ids) for ids in prompts) - keep)
    return shared if shared >= SHORTEST_SHARED else 0


def padded(
    prompts: Sequence[Sequence[int]], pad: int, *, shared: int = 0, before: int = 0
) -> tuple[list[list[int]], list[list[int]]]:
    """Return the ids of prompts after their first `shared`, padded on the left, and their masks.

    A mask covers the whole row: `before` virtual tokens, the shared start, padding, the rest.

    >>> padded([[5, 6, 7], [5, 8]], 0, shared=1)
    ([[6, 7], [0, 8]], [[1, 1, 1], [1, 0, 1]])
    """
    rests = [list(ids[shared:]) for ids in prompts]
    width = max(map(len, rests))
    ids = [[pad] * (width - len(rest)) + rest for rest in rests]
    seen = [[1] * (before + shared) + [0] * (width - len(r)) + [1] * len(r) for r in rests]
    return ids, seen
