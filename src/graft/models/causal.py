"""Causal: a language model with its tokenizer, chat template and adapters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from graft.core.config import STARTER
from graft.core.errors import ModelError
from graft.core.generation import Prompt
from graft.core.hashing import value_hash
from graft.models import devices
from graft.models.adapter import Adapter, Attached, gradients_kept, train_only
from graft.models.chat import ChatTemplate, chat_of
from graft.models.digest import tensors_digest, tokenizer_digest
from graft.models.loading import first_line, quiet, resolve
from graft.models.peft_adapter import CONFIG, PeftAttached, base_weights
from graft.models.session import Start
from graft.models.starter import starter_generator
from graft.models.torch_session import TorchSession, Virtual, begin, read


@dataclass
class Causal:
    """A causal language model with its chat, and the adapters that are on it.

    `model` is the transformers model; adapters change it in place, and one of them at most, named
    by `adapter`, takes part when it runs. `context_tokens` is the model's own limit. Which adapter
    is in use is the state of the one model, so threads take turns by `lock`: who computes with the
    model does so within `using`, which holds it; training holds it from beginning to end.
    """

    model: Any
    chat: ChatTemplate
    name: str
    context_tokens: int
    base_digest: str = field(default="", repr=False)
    attached: dict[str, Attached] = field(default_factory=dict, repr=False)
    adapter: str = ""
    lock: RLock = field(default_factory=RLock, repr=False, compare=False)

    @property
    def device(self) -> torch.device:
        found: torch.device = next(self.model.parameters()).device
        return found

    @property
    def dtype(self) -> torch.dtype:
        found: torch.dtype = self.model.get_input_embeddings().weight.dtype
        return found

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
        return tuple(self.attached)

    @property
    def virtual_tokens(self) -> int:
        """How many tokens the adapter in use lays before every row, of the model's context."""
        return self.attached[self.adapter].virtual_tokens if self.adapter else 0

    @property
    def digest(self) -> str:
        """The hash of weights, number format, tokenizer, template and the adapter in use."""
        with self.lock:
            if not self.base_digest:
                with self.without_adapter():
                    self.base_digest = _base_digest(self)
            own = self.attached[self.adapter].digest if self.adapter else ""
            return value_hash([self.base_digest, own])

    def start(self, cache: Any, rows: int) -> None:
        """Put what the adapter in use lays before every row, its virtual tokens, into a cache.

        It is empty before, and holds `virtual_tokens` positions of `rows` rows afterwards. Whoever
        runs the model with a prompt's first token has to, and gradients reach the adapter.
        """
        found = self.attached[self.adapter].start(rows) if self.adapter else None
        if isinstance(found, torch.Tensor):
            self.model.base_model(
                inputs_embeds=found.to(self.device, self.dtype), past_key_values=cache,
                use_cache=True,
            )  # fmt: skip
        elif found is not None:
            for layer, (keys, values) in enumerate(found):
                cache.update(keys.to(self.dtype), values.to(self.dtype), layer)

    @property
    def vocabulary(self) -> int:
        """How many ids it tells apart."""
        return int(self.model.get_output_embeddings().weight.shape[0])

    def begin(self, prompts: Sequence[Sequence[int]], *, keep: int = 1) -> Start | None:
        """Read what prompts have in common by the adapter in use; None for too little."""
        with self._settled():
            return begin(self.model, prompts, self._virtual, keep=keep)

    def read(
        self, prompts: Sequence[Sequence[int]], start: Start | None = None, *, keep: int = 1
    ) -> TorchSession:
        """Read prompts by the adapter in use, for the decoding loop to continue them."""
        with self._settled():
            return read(self.model, prompts, self._virtual, start, pad=self.pad_id, keep=keep)

    @property
    def _virtual(self) -> Virtual:
        return Virtual(self.virtual_tokens, self.start)

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """Leave training mode, which drops at random and keeps no cache if it computes twice."""
        training = self.model.training
        if training:
            self.model.eval()
        try:
            yield
        finally:
            if training:
                self.model.train()

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

    def load_adapter(self, name: str, path: str | Path, kind: Adapter | None = None) -> None:
        """Load an adapter from a folder under a name, and use it. Raises ModelError.

        Without its `kind` it is one of PEFT, whichever its own folder says.
        """
        folder = str(path) if kind else resolve(str(path), marker=CONFIG)
        with self.lock, gradients_kept(self.model):
            if name in self.attached or _FRESH in self.attached:
                held = "is under training" if _FRESH in self.attached else f"has a {name!r} already"
                raise ModelError(f"{self.name} {held}: load the adapter later, or by another name")
            before = self.adapter
            self._enable("")
            try:
                made = (
                    kind.load(self.model, Path(folder), name)
                    if kind
                    else PeftAttached.loaded(self.model, folder, name)
                )
                for parameter in made.parameters.values():
                    parameter.requires_grad_(False)
                self.attached[name] = made
            except ModelError as error:
                self._enable(before)
                raise ModelError(
                    f"the adapter {path} does not fit {self.name} ({error}): "
                    "use the model that it was trained on"
                ) from error
            self._enable(name)
            self.model.eval()

    @contextmanager
    def training(self, adapter: Adapter, seed: int) -> Iterator[Attached]:
        """Have a fresh adapter on the model, and in use, within the block.

        The model is in training mode, and this thread's alone: others that would ask it wait for
        the training's end. After it the model is as it was, to the bit, with the adapters that it
        had. `adapter` is drawn by `seed`.
        """
        with self.lock, gradients_kept(self.model):
            before, training = self.adapter, self.model.training
            self._enable("")
            try:
                fresh = adapter.attach(self.model, seed)
                train_only(self.model, fresh)
                self.attached[_FRESH] = fresh
                self.adapter = _FRESH
                self.model.train()
                yield fresh
            finally:
                if any(getattr(m, "gradient_checkpointing", False) for m in self.model.modules()):
                    self.model.gradient_checkpointing_disable()
                if (gone := self.attached.pop(_FRESH, None)) is not None:
                    gone.detach()
                self._enable(before)
                self.model.train(training)

    def use(self, name: str) -> None:
        """Use a loaded adapter from here on. Raises ModelError, naming those there are."""
        with self.lock:
            if name not in self.attached:
                loaded = ", ".join(self.attached) or "none"
                raise ModelError(f"there is no adapter {name!r} on {self.name} (loaded: {loaded})")
            self._enable(name)

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
        with self.lock:
            before = self.adapter
            if name is None or name == before:
                yield
                return
            if name:
                self.use(name)
            else:
                self._enable("")
            try:
                yield
            finally:
                self._enable(before)

    def _enable(self, name: str) -> None:
        # The others first: adapters of one kind share layers.
        for other, attached in self.attached.items():
            if other != name:
                attached.enable(False)
        if name:
            self.attached[name].enable(True)
        self.adapter = name


_FRESH = "(under training)"


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
    plain = loaded.to(where).eval().requires_grad_(False)
    causal = Causal(plain, chat, model, _context_tokens(loaded.config))
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
        tensors_digest(base_weights(causal.model)), tokenizer_digest(causal.tokenizer),
        causal.tokenizer.chat_template, causal.end_ids,
    ])  # fmt: skip
