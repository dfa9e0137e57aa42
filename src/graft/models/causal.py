"""Causal: a language model with its tokenizer, chat template and adapters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any

import torch
from peft import PeftConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

from graft.core.config import STARTER
from graft.core.errors import ModelError
from graft.core.generation import Prompt
from graft.core.hashing import value_hash
from graft.models import devices
from graft.models.chat import Chat, chat_of
from graft.models.digest import tensors_digest, tokenizer_digest
from graft.models.loading import first_line, quiet, resolve
from graft.models.starter import starter_generator


@dataclass
class Causal:
    """A causal language model with its chat, and adapters that it switches.

    `model` is the transformers model, or the PEFT model around it once there is an adapter.
    `context_tokens` is the model's own limit. Which adapter is in use is the state of the one
    model, so threads take turns by `lock`: who computes with the model does so within `using`,
    which holds it; training holds it from beginning to end.
    """

    model: Any
    chat: Chat
    name: str
    context_tokens: int
    base_digest: str = field(default="", repr=False)
    lock: RLock = field(default_factory=RLock, repr=False, compare=False)

    @property
    def device(self) -> torch.device:
        found: torch.device = next(self.model.parameters()).device
        return found

    @property
    def dtype(self) -> torch.dtype:
        found: torch.dtype = self.base.get_input_embeddings().weight.dtype
        return found

    @property
    def base(self) -> Any:
        """The transformers model, inside PEFT's wrapping or not."""
        return self.model.get_base_model() if isinstance(self.model, PeftModel) else self.model

    @property
    def tokenizer(self) -> Any:
        return self.chat.tokenizer

    @property
    def end_ids(self) -> tuple[int, ...]:
        """The ids that end an assistant's turn; training appends the first of them."""
        return self.chat.end_ids

    @property
    def pad_id(self) -> int:
        """What fills short rows. It may be an end id, so masks go by position, never by id."""
        return self.chat.pad_id

    @property
    def adapters(self) -> tuple[str, ...]:
        """The names of the adapters that are loaded."""
        return tuple(self.model.peft_config) if isinstance(self.model, PeftModel) else ()

    @property
    def adapter(self) -> str:
        """The adapter in use, or an empty string."""
        if not isinstance(self.model, PeftModel) or self.model._adapters_disabled:
            return ""
        return str(self.model.active_adapter)

    @property
    def digest(self) -> str:
        """The hash of weights, number format, tokenizer, template and the adapter in use."""
        with self.lock:
            if not self.base_digest:
                with self.without_adapter():
                    self.base_digest = _base_digest(self)
            return value_hash([self.base_digest, _adapter_digest(self.model, self.adapter)])

    def text(self, prompt: Prompt, generation: bool = True) -> str:
        """Return the prompt as the chat template writes it."""
        return self.chat.text(prompt, generation)

    def ids(self, prompt: Prompt, generation: bool = True) -> list[int]:
        """Return the prompt's ids; with `generation`, up to where the answer starts."""
        return self.chat.ids(prompt, generation)

    def answer_ids(self, text: str) -> list[int]:
        """Return the ids of an answer and the id that ends its turn, as training appends them."""
        return self.chat.answer_ids(text)

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, with no special tokens added."""
        return self.chat.encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids, without special tokens."""
        return self.chat.decode(ids)

    def load_adapter(self, name: str, path: str | Path) -> None:
        """Load a PEFT adapter from a folder under a name, and use it. Raises ModelError."""
        folder = resolve(str(path), marker="adapter_config.json")
        with self.lock:
            self._load(name, path, folder)
            self.use(name)
            self.model.eval()

    def _load(self, name: str, path: str | Path, folder: str) -> None:
        try:
            if PeftConfig.from_pretrained(folder).is_prompt_learning:
                raise ModelError(
                    f"the adapter {path} adds virtual tokens, which no prompt here leaves room "
                    "for: use one that changes weights, such as LoRA"
                )
            with quiet():
                if isinstance(self.model, PeftModel):
                    self.model.load_adapter(folder, name)
                else:
                    self.model = PeftModel.from_pretrained(self.model, folder, adapter_name=name)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise ModelError(self._misfit(path, first_line(error))) from error
        saved = Path(folder) / "adapter_model.safetensors"
        if saved.exists() and (other := _names(saved) ^ set(_adapter_weights(self.model, name))):
            # PEFT only warns of weights that it has no place for, or places without weights.
            raise ModelError(self._misfit(path, f"{len(other)} weights differ, as {min(other)}"))

    def _misfit(self, path: str | Path, why: str) -> str:
        return (
            f"the adapter {path} does not fit {self.name} ({why}): "
            "use the model that it was trained on"
        )

    def add_adapter(self, name: str, config: PeftConfig) -> None:
        """Put a fresh adapter on the model, ready to be trained, and use it."""
        with self.lock, quiet():
            if isinstance(self.model, PeftModel):
                self.model.add_adapter(name, config)
            else:
                self.model = get_peft_model(self.model, config, adapter_name=name)
            self.model.set_adapter(name)

    def use(self, name: str) -> None:
        """Use a loaded adapter from here on. Raises ModelError, naming those there are."""
        with self.lock:
            if name not in self.adapters:
                loaded = ", ".join(self.adapters) or "none"
                raise ModelError(f"there is no adapter {name!r} on {self.name} (loaded: {loaded})")
            self.model.set_adapter(name, inference_mode=True)

    @contextmanager
    def without_adapter(self) -> Iterator[None]:
        """Run the base model within the block: equal to it to the bit."""
        with self.using(""):
            yield

    @contextmanager
    def using(self, name: str | None) -> Iterator[None]:
        """Use another adapter within the block: "" is the base model, None the one in use.

        The model is this thread's alone until the block ends, so a generator (in Python's sense)
        that yields to a stranger must not do it within.
        """
        with self.lock, self._switched(name):
            yield

    @contextmanager
    def _switched(self, name: str | None) -> Iterator[None]:
        if name is None or name == self.adapter:
            yield
            return
        if name not in ("", *self.adapters):
            self.use(name)
        before, off = str(self.model.active_adapter), not self.adapter
        # PEFT makes what it switches on trainable, and what it switches off not.
        trained = {weight: weight.requires_grad for weight in self.model.parameters()}
        try:
            self._switch(name)
            yield
        finally:
            self._switch(before)
            if off:
                self._switch("")
            for weight, was in trained.items():
                weight.requires_grad_(was)

    def _switch(self, name: str) -> None:
        # PEFT's own disable_adapter does not let an adapter be used inside its block.
        tuner = self.model.base_model
        self.model._adapters_disabled = not name
        if name:
            tuner.enable_adapter_layers()
            self.model.set_adapter(name, inference_mode=True)
        else:
            tuner.disable_adapter_layers()


def load_causal(model: str, *, adapter: str = "", dtype: str = "auto", device: str = "") -> Causal:
    """Return a causal language model in evaluation mode.

    `model` is "starter", a folder or a hub name; `adapter` a PEFT folder or hub name, or empty;
    `dtype` is "auto", "bfloat16" or "float32". A folder is read without a look at the network.
    Raises ModelError, naming the path and what to do, and MissingExtra for an absent starter.
    """
    folder = str(starter_generator()) if model == STARTER else resolve(model, marker="config.json")
    where = device or devices.device()
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            loaded, report = _from_pretrained(folder, devices.dtype(dtype, where))
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(
            f"{model} cannot be loaded as a causal language model ({first_line(error)}): "
            "name a folder with config.json, weights and a tokenizer"
        ) from error
    if report["missing_keys"]:
        raise ModelError(
            f"{model} lacks weights of its own model class ({len(report['missing_keys'])} of them, "
            f"such as {min(report['missing_keys'])}): save it again, or name another"
        )
    stated = getattr(loaded.generation_config, "eos_token_id", None)
    chat = chat_of(tokenizer, stated_ends=stated if isinstance(stated, list) else [stated])
    causal = Causal(loaded.to(where).eval(), chat, model, _context_tokens(loaded.config))
    if adapter:
        causal.load_adapter("default", adapter)
    return causal


def _from_pretrained(folder: str, dtype: torch.dtype) -> tuple[Any, Any]:
    load: Any = AutoModelForCausalLM.from_pretrained
    found: tuple[Any, Any] = load(
        folder, dtype=dtype, local_files_only=True, output_loading_info=True
    )
    return found


def _context_tokens(config: Any) -> int:
    return int(getattr(config.get_text_config(), "max_position_embeddings", 0) or 2048)


def _base_digest(causal: Causal) -> str:
    return value_hash([
        tensors_digest(_base_weights(causal.model)), tokenizer_digest(causal.tokenizer),
        causal.tokenizer.chat_template, causal.end_ids,
    ])  # fmt: skip


def _base_weights(model: Any) -> dict[str, torch.Tensor]:
    if not isinstance(model, PeftModel):
        return dict(model.state_dict())
    # PEFT puts its weights among the base's and renames a layer that it wraps.
    mark = str(getattr(model.base_model, "prefix", "lora_"))
    return {
        name.replace(".base_layer", "").replace(".original_module", ""): value
        for name, value in model.get_base_model().state_dict().items()
        if mark not in name and ".modules_to_save." not in name
    }


def _adapter_digest(model: Any, name: str) -> str:
    if not name:
        return ""
    config = model.peft_config[name]
    settings = {k: v for k, v in config.to_dict().items() if k not in _IGNORED_SETTINGS}
    return value_hash([tensors_digest(_adapter_weights(model, name)), settings])


def _names(file: Path) -> set[str]:
    with safe_open(file, "pt") as opened:
        return set(opened.keys())


def _adapter_weights(model: Any, name: str) -> dict[str, torch.Tensor]:
    # Asked to decide about embedding layers itself, PEFT looks for the base model on the network.
    return dict(get_peft_model_state_dict(model, adapter_name=name, save_embedding_layers=False))


_IGNORED_SETTINGS = {
    "base_model_name_or_path", "inference_mode", "revision", "auto_mapping", "peft_version",
}  # fmt: skip
"""What changes between training and loading without changing an output."""
