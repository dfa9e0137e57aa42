"""Accumulate: the gradient of one optimizer step, whatever parts it is cut into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import Tensor

from graft.core.context import Context

B = TypeVar("B")


@dataclass(frozen=True)
class Part(Generic[B]):
    """What goes through the model at once: `weight` is how many terms its loss sums (answer
    tokens, or pairs), `tokens` is its size without padding."""

    batch: B
    weight: int
    tokens: int


def accumulate(
    parts: Sequence[Part[B]], loss: Callable[[B], Tensor], ctx: Context
) -> tuple[float, int]:
    """Add the gradient of a step's mean loss to the parameters; return that loss and its tokens.

    `loss` sums over a part's terms. Every part is divided by the weight of the whole step:
    dividing each by its own would give the tokens of a short part more say than those of a long
    one. Raises Cancelled between parts.
    """
    weight = sum(part.weight for part in parts)
    total = 0.0
    for part in parts:
        ctx.check()
        mean = loss(part.batch) / weight
        # The stub of backward is untyped.
        mean.backward()  # type: ignore[no-untyped-call]
        total += float(mean.detach())
    return total, sum(part.tokens for part in parts)
