"""Memory and number format: what is kept for backward, what trains fastest, what comes back."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from graft.tune import memory
from graft.tune.memory import available_memory, in_dtype, kept_for_backward, training_dtype


def test_only_what_backward_needs_is_counted_and_once() -> None:
    layer = nn.Linear(8, 8, bias=False)
    x = torch.ones(4, 8)
    # x for the weight's gradient, and the sigmoid's output.
    assert kept_for_backward(layer, lambda: layer(x).sigmoid()) == 2 * 4 * 8 * 4
    with torch.no_grad():
        assert kept_for_backward(layer, lambda: layer(x).sigmoid()) == 0
    twice = kept_for_backward(layer, lambda: layer(x) + layer(x))
    assert twice == 4 * 8 * 4, "one tensor kept by two layers is one tensor"


def test_what_is_kept_grows_with_the_batch() -> None:
    net = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 8))
    one = kept_for_backward(net, lambda: net(torch.ones(1, 8)))
    ten = kept_for_backward(net, lambda: net(torch.ones(10, 8)))
    assert ten == 10 * one


def test_bfloat16_is_widened_only_where_it_is_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    net = nn.Linear(8, 8).to(torch.bfloat16)
    monkeypatch.setattr(memory.devices, "dtype", lambda name, on: torch.float32)
    assert training_dtype(net) == torch.float32
    assert training_dtype(nn.Linear(8, 8)) == torch.float32
    monkeypatch.setattr(memory, "available_memory", lambda device: 100)
    assert training_dtype(net) == torch.bfloat16, "no room for twice the weights"
    monkeypatch.undo()
    monkeypatch.setattr(memory.devices, "dtype", lambda name, on: torch.bfloat16)
    assert training_dtype(net) == torch.bfloat16
    assert training_dtype(nn.Linear(8, 8)) == torch.float32, "weights are never narrowed"


def test_a_wider_format_and_back_gives_the_same_bits_and_leaves_buffers() -> None:
    net = nn.BatchNorm1d(3).to(torch.bfloat16)
    net.running_mean = torch.rand(3)
    before, buffer = net.weight.detach().clone(), net.running_mean.clone()
    with pytest.raises(ValueError, match="stop"), in_dtype(net, torch.float32):
        assert net.weight.dtype == torch.float32
        assert torch.equal(net.running_mean, buffer)
        raise ValueError("stop")
    assert torch.equal(net.weight, before) and net.weight.dtype == torch.bfloat16
    assert torch.equal(net.running_mean, buffer)


def test_there_is_memory() -> None:
    assert available_memory(torch.device("cpu")) > 1 << 20
