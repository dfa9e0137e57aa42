"""A fresh adapter on a model for as long as it is trained, and off it again whatever happens."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import Parameter

from graft.core.recipe import Lora
from graft.models.causal import Causal
from graft.tune.lora import fast_lora
from graft.tune.memory import in_dtype, training_dtype

_NAME = "tuning"


@contextmanager
def fresh_adapter(causal: Causal, lora: Lora, seed: int) -> Iterator[list[Parameter]]:
    """Put a seeded LoRA adapter on a model within the block; yield the parameters that may move.

    Within the block the model is in training mode and in the number format that trains fastest
    here. After it, the model is as it was, to the bit, with the adapters that it had. The model is
    this thread's alone until then: others that would ask it wait for the training's end.
    """
    devices = [causal.device] if causal.device.type == "cuda" else []
    with (
        causal.lock,
        torch.random.fork_rng(devices=devices),
        in_dtype(causal.base, training_dtype(causal.base)),
    ):
        had, used = causal.adapters, causal.adapter
        torch.manual_seed(seed)
        try:
            with warnings.catch_warnings():
                # PEFT asks transformers by a name that is on its way out.
                warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
                causal.add_adapter(_NAME, _config(lora))
            causal.model.train()
            with fast_lora(causal.model, _NAME):
                yield [p for p in causal.model.parameters() if p.requires_grad]
        finally:
            if any(getattr(m, "gradient_checkpointing", False) for m in causal.base.modules()):
                causal.base.gradient_checkpointing_disable()
            if _NAME in causal.adapters:
                _remove(causal, had, used)
            causal.model.eval()


def adapter_weights(causal: Causal) -> dict[str, Tensor]:
    """Return copies of the fresh adapter's weights, under PEFT's names."""
    # Asked to decide about embedding layers itself, PEFT looks for the base model on the network.
    state = get_peft_model_state_dict(causal.model, adapter_name=_NAME, save_embedding_layers=False)
    return {name: value.detach().cpu().clone().contiguous() for name, value in state.items()}


def adapter_config(causal: Causal, base: str) -> LoraConfig:
    """Return the fresh adapter's PEFT configuration, with `base` as its model's name.

    Where the base lies on this machine says nothing on another one.
    """
    config: LoraConfig = causal.model.peft_config[_NAME]
    config.base_model_name_or_path = base
    config.inference_mode = True
    return config


def save_adapter(config: LoraConfig, weights: Mapping[str, Tensor], folder: Path) -> None:
    """Write an adapter in PEFT's format: any PEFT loads it."""
    config.save_pretrained(str(folder))
    save_file(dict(weights), str(folder / "adapter_model.safetensors"))


def _config(lora: Lora) -> LoraConfig:
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules="all-linear" if lora.targets == ("all-linear",) else list(lora.targets),
        task_type="CAUSAL_LM",
    )


def _remove(causal: Causal, had: tuple[str, ...], used: str) -> None:
    model: Any = causal.model
    if not had:
        causal.model = model.unload()
        return
    causal.use(used or had[0])
    model.delete_adapter(_NAME)
