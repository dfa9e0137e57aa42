"""Blend: weights between the base and the tuned ones, chosen on dev, against forgetting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

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
    module: nn.Module,
    base: Mapping[str, torch.Tensor],
    look: Callable[[], Mapping[str, float]],
    known: Mapping[float, Mapping[str, float]],
    *,
    measure: str,
    shares: Sequence[float] = SHARES,
) -> Blend:
    """Leave `module` with base + share * (its weights - base), for the share that dev likes best.

    Averaging the weights of a model with those it was tuned from keeps much of what the base knew
    and most of what the tuning taught (WiSE-FT, arXiv:2109.01903; LM-Cocktail, arXiv:2311.13534).
    `module` holds the tuned weights and `base` those it started from; `known` holds the looks
    already taken, at share 0 at least. Between equals the smaller share wins: what gained nothing
    stays the base to the bit.
    """
    tuned = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
    tried = dict(known)
    for share in shares:
        if share not in tried:
            mix(module, base, tuned, share)
            tried[share] = look()
    best = max(sorted(tried), key=lambda share: (tried[share][measure], -share))
    mix(module, base, tuned, best)
    return Blend(best, tried[best], dict(sorted(tried.items())))


def mix(
    module: nn.Module,
    base: Mapping[str, torch.Tensor],
    tuned: Mapping[str, torch.Tensor],
    share: float,
) -> None:
    """Set the weights of `module` to `share` of `tuned` and the rest of `base`; 0 and 1 exactly."""
    state = {}
    for name, start in base.items():
        end = tuned[name]
        whole = share in {0.0, 1.0} or not torch.is_floating_point(start)
        state[name] = (end if share else start) if whole else torch.lerp(start, end, share)
    module.load_state_dict(state)
