"""Adapters of PEFT: any of its types, in its own format, several on one model."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any, TypeVar

import torch
from peft import (
    PeftConfig,
    PeftModel,
    get_peft_model,
    get_peft_model_state_dict,
    set_peft_model_state_dict,
)
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils.other import AuxiliaryTrainingWrapper
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import Parameter

from graft.core.errors import ModelError
from graft.core.hashing import value_hash
from graft.models.adapter import Adapter, Attached, cannot_merge
from graft.models.digest import tensors_digest
from graft.models.loading import first_line, quiet

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
MOVES_BASE = {"pissa", "olora", "corda", "loftq"}
"""Ways to begin a LoRA that take its product out of the base's own weights."""

W = TypeVar("W", bound=Tensor)

FRESH = "tuning"
"""The name of an adapter under training."""

IGNORED = {
    "base_model_name_or_path", "inference_mode", "revision", "auto_mapping", "peft_version",
}  # fmt: skip
"""What changes between training and loading without changing an output."""


class PeftAdapter(Adapter):
    """A kind that is a configuration of PEFT: the rest follows."""

    @abstractmethod
    def config(self, model: nn.Module) -> PeftConfig:
        """Return PEFT's configuration of this adapter for a model."""

    def attach(self, model: nn.Module, seed: int) -> PeftAttached:
        devices = [p.device for p in model.parameters() if p.device.type == "cuda"][:1]
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed)
            return PeftAttached.fresh(model, self.config(model))

    def load(self, model: nn.Module, folder: Path, name: str) -> PeftAttached:
        # The folder says all of it, so that an adapter made elsewhere loads alike.
        return PeftAttached.loaded(model, str(folder), name)


class PeftAttached(Attached):
    """A PEFT adapter by a name of its own on `model`; `handle` is PEFT's view of it."""

    def __init__(self, model: nn.Module, handle: Any, name: str) -> None:
        self.model, self.handle, self.name = model, handle, name
        self.config: Any = handle.peft_config[name]
        self.virtual = bool(self.config.is_prompt_learning)
        if self.virtual:
            self.virtual_tokens = int(self.config.num_virtual_tokens)

    @classmethod
    def fresh(cls, model: nn.Module, config: PeftConfig, name: str = FRESH) -> PeftAttached:
        """Put a fresh adapter on a model, and enable it; raise ModelError where it cannot be."""
        _require_base_kept(config, model)
        before = _modules(model)
        try:
            with quiet(), warnings.catch_warnings():
                # That a model has an adapter already is no mistake here.
                warnings.simplefilter("ignore")
                made = cls(model, get_peft_model(model, config, adapter_name=name), name)  # type: ignore[arg-type]
            made.enable(True)
            made.parameters = made._own()
            if not made.parameters:
                raise ValueError("nothing of it can be trained")
        except BaseException as error:
            _drop(model, name)
            _restore(model, before)
            if not isinstance(error, ValueError | TypeError | KeyError | AttributeError):
                raise
            raise ModelError(
                f"PEFT cannot put this adapter on {type(model).__name__} ({first_line(error)}): "
                "choose another kind, or other layers"
            ) from error
        return made

    @classmethod
    def loaded(cls, model: nn.Module, folder: str, name: str) -> PeftAttached:
        """Put a saved adapter on a model, and enable it; it is not trainable.

        Raises ModelError when it does not fit, and the model is as it was then.
        """
        before = _modules(model)
        try:
            _require_base_kept(PeftConfig.from_pretrained(folder), model)
            with quiet(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                handle = PeftModel.from_pretrained(model, folder, adapter_name=name)  # type: ignore[arg-type]
            made = cls(model, handle, name)
            saved = Path(folder) / WEIGHTS
            if saved.exists() and (other := _names(saved) ^ set(made.weights())):
                # PEFT only warns of weights that it has no place for, or places without weights.
                raise ModelError(f"{len(other)} weights differ, as {min(other)}")
        except BaseException as error:
            _drop(model, name)
            _restore(model, before)
            known = (OSError, ValueError, RuntimeError, KeyError, TypeError, ModelError)
            if not isinstance(error, known):
                raise
            raise ModelError(first_line(error)) from error
        handle.requires_grad_(False)
        handle.eval()
        made.enable(True)
        made.parameters = {}
        return made

    def enable(self, on: bool) -> None:
        for layer in self._layers():
            moved = [(weight, weight.requires_grad) for weight in layer.parameters()]
            layer.enable_adapters(on)
            if on:
                layer.set_adapter(self.name, inference_mode=True)
            # PEFT makes what it switches on trainable, and what it switches off not.
            for weight, was in moved:
                weight.requires_grad_(was)

    def weights(self) -> dict[str, Tensor]:
        # Asked to decide about embedding layers, PEFT looks for the base model on the network.
        found = get_peft_model_state_dict(
            self.handle, adapter_name=self.name, save_embedding_layers=False
        )
        # Within another kind's layer, a name has parts more.
        return {name.replace(".base_layer", ""): value for name, value in found.items()}

    def save(self, folder: Path, weights: Mapping[str, Tensor], *, base: str = "") -> None:
        config = copy(self.config)
        # Where the base lies on this machine says nothing on another one.
        config.base_model_name_or_path, config.inference_mode = base, True
        config.save_pretrained(str(folder))
        plain = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
        save_file(plain, str(folder / WEIGHTS))

    @torch.no_grad()
    def load(self, folder: Path) -> None:
        saved, own = load_file(str(folder / WEIGHTS)), self.weights()
        if self.virtual:  # what is saved of it is what its encoder gives
            set_peft_model_state_dict(self.handle, saved, adapter_name=self.name)
            return
        if other := saved.keys() ^ own.keys():
            raise ModelError(
                f"{folder} holds another adapter ({len(other)} weights differ, as {min(other)}): "
                "name one of the same kind, of the same model"
            )
        for name, value in own.items():
            value.copy_(saved[name])

    def merge(self) -> None:
        if self.virtual or not hasattr(self.handle, "merge_and_unload"):
            raise cannot_merge(str(self.config.peft_type).rpartition(".")[2].lower())
        for layer in self._layers():
            layer.merge(adapter_names=[self.name])
        _drop(self.model, self.name)

    def detach(self) -> None:
        _drop(self.model, self.name)

    @property
    def digest(self) -> str:
        settings = {k: v for k, v in self.config.to_dict().items() if k not in IGNORED}
        return value_hash([tensors_digest(self.weights()), settings])

    def start(self, rows: int) -> Sequence[tuple[Tensor, Tensor]] | Tensor | None:
        if not self.virtual:
            return None
        prompt = self.handle.get_prompt(batch_size=rows)
        if isinstance(prompt, Tensor):
            return prompt
        layers = getattr(prompt, "layers", None)
        if layers is not None:
            return [(layer.keys, layer.values) for layer in layers]
        return [(keys, values) for keys, values, *_ in prompt]

    def _own(self) -> dict[str, Parameter]:
        if self.virtual:
            return dict(self.handle.prompt_encoder[self.name].named_parameters())
        names = {weight: key for key, weight in self.model.named_parameters()}
        own = {
            names[weight]: weight
            for layer in self._layers()
            for key, weight in layer.named_parameters()
            if self.name in key.split(".")
        }
        return own

    def _layers(self) -> list[Any]:
        return [layer for layer in self.model.modules() if _holds(layer, self.name)]


def _require_base_kept(config: Any, model: nn.Module) -> None:
    """Raise ModelError for an adapter that PEFT does not take off again: others share the base."""
    began = str(getattr(config, "init_lora_weights", "")).partition("_niter")[0]
    if began in MOVES_BASE:
        raise ModelError(
            f"an adapter with init_lora_weights = {began!r} changes the weights of its base, which "
            "others share: leave init_lora_weights out"
        )
    if (bias := getattr(config, "bias", "none")) != "none":
        raise ModelError(
            f"an adapter with bias = {bias!r} trains biases of its base, which others share: "
            "leave bias out"
        )
    tokens = str(config.peft_type).endswith("TRAINABLE_TOKENS") or getattr(
        config, "trainable_token_indices", None
    )
    if tokens and getattr(getattr(model, "config", None), "tie_word_embeddings", False):
        raise ModelError(
            "an adapter of single tokens cannot come off a model whose embeddings are its output "
            "layer too: use one of other layers"
        )


def _holds(layer: nn.Module, name: str) -> bool:
    if isinstance(layer, AuxiliaryTrainingWrapper):  # a layer that is trained whole beside them
        return name in layer._adapters
    return isinstance(layer, BaseTunerLayer) and name in layer._all_available_adapter_names()


def _drop(model: nn.Module, name: str) -> None:
    """Take an adapter's weights off a model, and the layers that held no other one's."""
    for parent in list(model.modules()):
        for key, child in list(parent._modules.items()):
            if child is None or not _holds(child, name):
                continue
            layer: Any = child
            whole = isinstance(layer, AuxiliaryTrainingWrapper)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                layer.delete_adapter(name, []) if whole else layer.delete_adapter(name)
            if whole and not layer._adapters:
                parent._modules[key] = layer.original_module
            elif not whole and not layer._all_available_adapter_names():
                parent._modules[key] = layer.base_layer
    own = getattr(model, "peft_config", None)
    if isinstance(own, dict):
        own.pop(name, None)
        if not own:
            del model.peft_config


def base_weights(model: nn.Module) -> dict[str, Tensor]:
    """Return a model's own weights by their own names, whatever PEFT has put among them."""
    return _own_names(model, model.state_dict())


def base_parameters(model: nn.Module) -> dict[str, Parameter]:
    """Return a model's own parameters by their own names, whatever PEFT has put among them."""
    return _own_names(model, dict(model.named_parameters()))


def _own_names(model: nn.Module, weights: Mapping[str, W]) -> dict[str, W]:
    layers = [
        f"{name}."
        for name, module in model.named_modules()
        if isinstance(module, BaseTunerLayer | AuxiliaryTrainingWrapper)
    ]
    found = {}
    for name, value in weights.items():
        rest = [name[len(layer) :] for layer in layers if name.startswith(layer)]
        if all(part.startswith(("base_layer.", "original_module.")) for part in rest):
            found[name.replace(".base_layer", "").replace(".original_module", "")] = value
    return found


def _modules(model: nn.Module) -> dict[nn.Module, dict[str, Any]]:
    return {module: dict(module._modules) for module in model.modules()}


def _restore(model: nn.Module, before: Mapping[nn.Module, Mapping[str, Any]]) -> None:
    for module, children in before.items():
        module._modules.clear()
        module._modules.update(children)


def _names(file: Path) -> set[str]:
    with safe_open(file, "pt") as opened:
        return set(opened.keys())
