"""Blending: the share of tuned weights that dev likes best, the base itself to the bit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import nn

from graft.tune.blend import blend, mixing


def modules() -> tuple[nn.Module, dict[str, torch.Tensor]]:
    """Return a module whose weights are all 1, and base weights of 0."""
    module = nn.BatchNorm1d(2)
    nn.init.ones_(module.weight)
    nn.init.ones_(module.bias)
    module.num_batches_tracked.fill_(5)
    base = {name: torch.zeros_like(value) for name, value in module.state_dict().items()}
    return module, base


def worth(look: Mapping[str, float]) -> float:
    return look["nDCG@10"]


def likes(module: nn.Module, best: float) -> Callable[[], dict[str, float]]:
    return lambda: {"nDCG@10": 1 - abs(module.weight[0].item() - best)}


@pytest.mark.parametrize("best", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_the_share_that_dev_likes_best_is_left_in_place(best: float) -> None:
    module, base = modules()
    known = {0.0: {"nDCG@10": 1 - best}, 1.0: {"nDCG@10": best}}
    mixed = blend(mixing(module, base), likes(module, best), known, worth=worth)
    assert mixed.share == best
    assert module.weight.tolist() == [best, best]
    assert mixed.look["nDCG@10"] == 1.0
    assert set(mixed.tried) == {0.0, 0.25, 0.5, 0.75, 1.0}


def test_between_equals_the_base_wins_and_is_the_same_to_the_bit() -> None:
    module, base = modules()
    base["weight"] = torch.tensor([0.1, 1e-30])
    same = {"nDCG@10": 0.5}
    mixed = blend(mixing(module, base), lambda: same, {0.0: same, 1.0: same}, worth=worth)
    assert mixed.share == 0.0
    assert torch.equal(module.weight, base["weight"])
    assert int(module.num_batches_tracked) == 0


def test_known_looks_are_not_taken_again() -> None:
    module, base = modules()
    calls: list[float] = []

    def look() -> dict[str, float]:
        calls.append(module.weight[0].item())
        return {"nDCG@10": 0.0}

    known = {0.0: {"nDCG@10": 0.1}, 1.0: {"nDCG@10": 0.9}}
    blend(mixing(module, base), look, known, worth=worth)
    assert calls == [0.25, 0.5, 0.75]
    assert module.weight.tolist() == [1.0, 1.0]
