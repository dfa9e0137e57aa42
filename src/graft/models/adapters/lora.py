"""LoRA: low-rank products beside the weights of linear layers (arXiv:2106.09685)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from peft import LoraConfig, PeftConfig
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn
from transformers import PreTrainedModel

from graft.models.peft_adapter import PeftAdapter


@dataclass(frozen=True)
class Lora(PeftAdapter):
    """Products of rank `rank`, scaled by `alpha / rank`, on `targets`; "all-linear" means all."""

    name: ClassVar[str] = "lora"

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: tuple[str, ...] = ("all-linear",)

    def config(self, model: nn.Module) -> PeftConfig:
        everywhere = self.targets == ("all-linear",)
        return LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            target_modules=linear_layers(model) if everywhere else list(self.targets),
            task_type="CAUSAL_LM" if _writes(model) else None,
        )


def linear_layers(model: nn.Module) -> list[str]:
    """Return the last names of a model's linear layers, the output layer left out.

    PEFT's own "all-linear" needs a transformers model, and takes in the layers of other adapters.
    """
    head = model.get_output_embeddings() if isinstance(model, PreTrainedModel) else None
    found: set[str] = set()
    inside: list[str] = []
    for name, module in model.named_modules():
        if any(name.startswith(outer) for outer in inside):
            continue
        plain = module
        if isinstance(module, BaseTunerLayer):
            inside.append(f"{name}.")
            plain = module.get_base_layer()
        if isinstance(plain, nn.Linear) and plain is not head:
            found.add(name.rpartition(".")[2])
    return sorted(found)


def _writes(model: nn.Module) -> bool:
    return isinstance(model, PreTrainedModel) and model.get_output_embeddings() is not None
