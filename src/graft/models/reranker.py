"""CrossEncoderReranker: a cross-encoder behind the Reranker protocol, and how to grow one."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from peft import PeftModel
from sentence_transformers import CrossEncoder

from graft.core.errors import ModelError
from graft.core.hashing import value_hash
from graft.core.space import Dtype
from graft.models import devices
from graft.models.batching import batches
from graft.models.digest import in_dtype, settings_digest, tensors_digest, tokenizer_digest
from graft.models.encoder import BATCH_TOKENS, load_encoder
from graft.models.loading import first_line, quiet, resolve

PAIR_TOKENS = 512
"""Longest query and passage together for a reranker that is grown."""


@dataclass(frozen=True)
class CrossEncoderReranker:
    """Scores pairs with `module`, in batches sorted by length; made by `load_reranker`.

    Scores are logits: a sigmoid would make all sure ones equal in float32. Threads take turns by
    `lock`: a tokenizer that one cuts or pads by refuses to be set by another.
    """

    module: CrossEncoder
    name: str
    batch_tokens: int = 4096
    dtype: Dtype = "float32"
    lock: RLock = field(default_factory=RLock, repr=False, compare=False)

    @cached_property
    def digest(self) -> str:
        """The hash of weights, modules, tokenizer, length and dtype; taken once."""
        with self.lock:
            modules = [[type(part).__name__, settings_digest(part)] for part in self.module]
            told = value_hash([
                tensors_digest(self.module.state_dict()), modules,
                tokenizer_digest(self.module.tokenizer), self.module.max_seq_length,
            ])  # fmt: skip
        return in_dtype(told, self.dtype)

    @property
    def max_tokens(self) -> int:
        """How many tokens of a pair are read."""
        return int(self.module.max_seq_length or PAIR_TOKENS)

    def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        scores = np.zeros(len(pairs), dtype=np.float32)
        if not pairs:
            return scores
        with self.lock, torch.inference_mode():
            lengths = self._lengths(pairs)
            self.module.eval()
            for batch in batches(lengths, self.batch_tokens):
                scores[batch] = self._scores([pairs[i] for i in batch])
        return scores

    def _lengths(self, pairs: Sequence[tuple[str, str]]) -> list[int]:
        found = self.module.tokenizer(
            [query for query, _ in pairs], [text for _, text in pairs],
            truncation=False, padding=False, verbose=False,
        )  # fmt: skip
        return [min(len(ids), self.max_tokens) for ids in found["input_ids"]]

    def _scores(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        features: Any = self.module.preprocess(list(pairs))
        on = self.module.device
        moved = {k: v.to(on) if isinstance(v, torch.Tensor) else v for k, v in features.items()}
        with devices.computing_in(self.dtype, on.type):
            found = self.module(moved)["scores"].float().reshape(len(pairs))
        return np.asarray(found.cpu().numpy(), dtype=np.float32)


def load_reranker(model: str, *, device: str = "") -> CrossEncoderReranker:
    """Return a cross-encoder with one score a pair, from a folder or a hub name.

    Raises ModelError, also for a model with several labels.
    """
    where = device or devices.device()
    folder = resolve(model, marker="config.json")
    if not _scores_pairs(Path(folder)):
        raise ModelError(
            f"{model} is no cross-encoder, and its head would be drawn at random: name one, or "
            "grow one from an encoder with `graft tune reranker`"
        )
    try:
        with quiet():
            module = CrossEncoder(folder, device=where, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise ModelError(
            f"{model} cannot be loaded as a cross-encoder ({first_line(error)}): "
            "name a folder that sentence-transformers saved"
        ) from error
    if module.num_labels != 1:
        raise ModelError(
            f"{model} gives {module.num_labels} scores a pair and one is needed: "
            "name a cross-encoder with one label"
        )
    module.eval()
    return CrossEncoderReranker(module, model, BATCH_TOKENS.get(where.partition(":")[0], 4096))


def _scores_pairs(folder: Path) -> bool:
    """Return whether a folder holds a model that was saved with a head for pairs."""
    stated = folder / "config_sentence_transformers.json"
    if (folder / "modules.json").exists() and stated.exists():
        return _json(stated).get("model_type") == "CrossEncoder"
    classes = _json(folder / "config.json").get("architectures") or []
    return any(name.endswith(("ForSequenceClassification", "ForCausalLM")) for name in classes)


def _json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def grow_reranker(encoder: str, *, seed: int, device: str = "") -> CrossEncoder:
    """Return a cross-encoder whose body has an encoder's weights, with a fresh head of one label.

    `encoder` is "starter", a folder or a hub name; a LoRA on it is merged. The head is drawn by
    `seed`. It has to be trained before its scores mean anything. Raises ModelError.
    """
    module: Any = load_encoder(encoder, device="cpu").module
    body = module[0].model
    if isinstance(body, PeftModel):
        body = body.merge_and_unload()
    positions = int(getattr(body.config, "max_position_embeddings", PAIR_TOKENS) or PAIR_TOKENS)
    # The head is missing from the encoder's weights: that is what it is grown for.
    expected = quiet(warnings=False)
    with tempfile.TemporaryDirectory() as folder, torch.random.fork_rng(devices=[]), expected:
        body.save_pretrained(folder)
        module.tokenizer.save_pretrained(folder)
        torch.manual_seed(seed)
        grown: CrossEncoder = CrossEncoder(
            folder, num_labels=1, max_length=min(PAIR_TOKENS, positions),
            device=device or devices.device(), local_files_only=True,
        )  # fmt: skip
        return grown
