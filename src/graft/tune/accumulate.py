"""Accumulate: the gradient of one optimizer step, whatever chunks it is cut into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import Tensor

from graft.core.context import Context

B = TypeVar("B")


@dataclass(frozen=True)
class Chunk(Generic[B]):
    """What goes through the model at once: `weight` is how many terms its loss sums (answer
    tokens, or pairs), `tokens` is its size without padding."""

    batch: B
    weight: int
    tokens: int


def accumulate(
    chunks: Sequence[Chunk[B]], loss: Callable[[B], Tensor], ctx: Context, *, share: float = 1.0
) -> tuple[float, int]:
    """Add the gradient of a step's mean loss to the parameters; return that loss and its tokens.

    `loss` sums over a chunk's terms. Every chunk is divided by the weight of the whole step:
    dividing each by its own would give the tokens of a short chunk more say than those of a long
    one. `share` is what the loss counts beside others of the step. Raises Cancelled between chunks.
    """
    weight = sum(chunk.weight for chunk in chunks)
    total = 0.0
    for chunk in chunks:
        ctx.check()
        mean = loss(chunk.batch) * share / weight
        # The stub of backward is untyped.
        mean.backward()  # type: ignore[no-untyped-call]
        total += float(mean.detach())
    return total, sum(chunk.tokens for chunk in chunks)
