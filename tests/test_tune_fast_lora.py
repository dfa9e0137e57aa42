"""The shorter LoRA path gives PEFT's sums and gradients, and steps aside where it does not fit."""

from __future__ import annotations

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from graft.tune.fast_lora import fast_lora


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(6, 10)
        self.down = nn.Linear(10, 4, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down(torch.tanh(self.up(x)))


def make(dtype: torch.dtype = torch.float64, **changes: object) -> nn.Module:
    torch.manual_seed(0)
    config = LoraConfig(r=3, lora_alpha=5, target_modules=["up", "down"], **changes)
    model = get_peft_model(Net().to(dtype), config)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter)
    if dtype == torch.float64:
        model = model.double()
    return model


def trained(model: nn.Module) -> list[nn.Parameter]:
    return [p for p in model.parameters() if p.requires_grad]


def gradients(model: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    model.zero_grad()
    model(x).square().sum().backward()
    return [p.grad.clone() for p in model.parameters() if p.requires_grad]


def test_outputs_and_gradients_equal_pefts() -> None:
    model, x = make(), torch.randn(2, 5, 6, dtype=torch.float64)
    plain, plain_gradients = model(x), gradients(model, x)
    with fast_lora(model, trained(model)) as count:
        assert count == 2
        torch.testing.assert_close(model(x), plain, rtol=1e-12, atol=1e-12)
        for ours, theirs in zip(gradients(model, x), plain_gradients, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    assert "forward" not in vars(model.base_model.model.up)


def test_the_gradient_reaches_the_input() -> None:
    model, x = make(), torch.randn(3, 6, dtype=torch.float64, requires_grad=True)
    with fast_lora(model, trained(model)):
        assert torch.autograd.gradcheck(model, (x,))


def test_weights_in_bfloat16_get_gradients_in_float32() -> None:
    model = make(torch.bfloat16)
    x = torch.randn(4, 6, dtype=torch.bfloat16)
    exact = gradients(make(torch.float32), x.float())
    with fast_lora(model, trained(model)):
        assert model(x).dtype == torch.bfloat16
        for ours, wide in zip(gradients(model, x), exact, strict=True):
            assert ours.dtype == torch.float32
            torch.testing.assert_close(ours, wide, rtol=0.1, atol=0.3)


def test_a_disabled_adapter_is_the_base_to_the_bit() -> None:
    model, x = make(torch.float32), torch.randn(4, 6)
    torch.manual_seed(0)
    base = Net()(x)
    with fast_lora(model, trained(model)), model.disable_adapter():
        assert torch.equal(model(x), base)


@pytest.mark.parametrize("special", [{"lora_dropout": 0.5}, {"use_dora": True}])
def test_what_peft_runs_in_a_special_way_is_left_to_it(special: dict[str, object]) -> None:
    model = make(torch.float32, **special)
    with fast_lora(model, trained(model)) as count:
        assert count == 0
