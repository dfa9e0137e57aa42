"""Blend: weights between the base and the tuned ones, chosen on dev, against forgetting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

SHARES = (0.25, 0.5, 0.75, 1.0)
"""How much of the tuned weights is tried; 0, the base, stands for no gain."""


@dataclass(frozen=True)
class Blend:
    """The share of the tuned weights that did best on dev, and every look by share."""

    share: float
    look: Mapping[str, float]
    tried: Mapping[float, Mapping[str, float]]


def blend(
    put: Callable[[float], None],
    look: Callable[[], Mapping[str, float]],
    known: Mapping[float, Mapping[str, float]],
    *,
    worth: Callable[[Mapping[str, float]], Any],
    shares: Sequence[float] = SHARES,
) -> Blend:
    """Leave in place base + share * (tuned - base), for the share that dev likes best.

    Averaging the weights of a model with those it was tuned from keeps much of what the base knew
    and most of what the tuning taught (WiSE-FT, arXiv:2109.01903; LM-Cocktail, arXiv:2311.13534).
    `put` puts a share of the tuned weights in place; `known` holds the looks already taken, at
    share 0 at least. `worth` orders looks; between equals the smaller share wins, so that what
    gained nothing stays the base to the bit.
    """
    tried = dict(known)
    for share in shares:
        if share not in tried:
            put(share)
            tried[share] = look()
    best = max(sorted(tried), key=lambda share: (worth(tried[share]), -share))
    put(best)
    return Blend(best, tried[best], dict(sorted(tried.items())))


def mixing(module: nn.Module, base: Mapping[str, torch.Tensor]) -> Callable[[float], None]:
    """Return what puts a share of a module's weights of now in place, the rest being `base`'s."""
    tuned = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}

    def put(share: float) -> None:
        state = {name: mixed(start, tuned[name], share) for name, start in base.items()}
        module.load_state_dict(state)

    return put


def mixed(start: torch.Tensor, end: torch.Tensor, share: float) -> torch.Tensor:
    """Return `share` of `end` and the rest of `start`; 0 and 1 exactly."""
    if share in {0.0, 1.0} or not torch.is_floating_point(start):
        return end if share else start
    return torch.lerp(start, end, share)
