"""Full: every weight of the model is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from graft.models.adapter import Adapter, Attached
from graft.models.digest import tensors_digest
from graft.models.peft_adapter import base_parameters

WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Full(Adapter):
    """Every weight moves; nothing is drawn, so the seed changes nothing."""

    name: ClassVar[str] = "full"
    whole: ClassVar[bool] = True

    def attach(self, model: nn.Module, seed: int) -> Attached:
        return _AttachedFull(model)


class _AttachedFull(Attached):
    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.parameters = base_parameters(model)
        self.began = [weight.detach().clone() for weight in self.parameters.values()]
        self.kept: list[Tensor] = []

    def enable(self, on: bool) -> None:
        if on and self.kept:
            kept, self.kept = self.kept, []
            self._put(kept)
        elif not on and not self.kept:
            self.kept = [weight.detach().clone() for weight in self.parameters.values()]
            self._put(self.began)

    def weights(self) -> dict[str, Tensor]:
        values = self.kept or self.parameters.values()
        return {name: v.detach() for name, v in zip(self.parameters, values, strict=True)}

    def save(self, folder: Path, weights: Mapping[str, Tensor], *, base: str = "") -> None:
        plain = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
        save_file(plain, str(folder / WEIGHTS), metadata={"format": "pt"})

    def load(self, folder: Path) -> None:
        saved = load_file(str(folder / WEIGHTS))
        values = [saved[name] for name in self.parameters]
        if self.kept:  # while it is off, what stands on the model is the base
            self.kept = [v.to(w) for v, w in zip(values, self.kept, strict=True)]
        else:
            self._put(values)

    def merge(self) -> None:
        self.enable(True)
        self.parameters, self.began = {}, []

    def detach(self) -> None:
        self._put(self.began)
        for weight in self.parameters.values():
            weight.grad = None

    @property
    def digest(self) -> str:
        return tensors_digest(self.weights())

    @torch.no_grad()
    def _put(self, values: Sequence[Tensor]) -> None:
        for weight, value in zip(self.parameters.values(), values, strict=True):
            weight.copy_(value)
