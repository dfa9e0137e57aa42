"""SentenceEncoder: a sentence-transformers model behind the Encoder protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import RLock
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from graft.core.config import STARTER
from graft.core.errors import ModelError
from graft.core.hashing import value_hash
from graft.core.protocols import Vectors
from graft.core.space import Dtype
from graft.models import devices
from graft.models.batching import batches
from graft.models.digest import in_dtype, settings_digest, tensors_digest, tokenizer_digest
from graft.models.loading import first_line, quiet, resolve
from graft.models.starter import starter_encoder

BATCH_TOKENS = {"cpu": 4096, "cuda": 65536, "mps": 16384}
"""Padded tokens that go through at once. On a CPU more is no faster; it only takes memory."""


@dataclass(frozen=True)
class SentenceEncoder:
    """Encodes texts with `module`, in batches sorted by length; made by `load_encoder`.

    Vectors are `(n, dimensions) float32`, of unit length unless the model is made for the plain
    inner product. In float32 they equal those of `module.encode` to 1e-4 whatever the batches; in
    bfloat16 the products within are rounded, and the weights stay as they are. Threads take
    turns by `lock`: a tokenizer that one cuts or pads by refuses to be set by another.
    """

    module: SentenceTransformer
    name: str
    query_prefix: str = ""
    passage_prefix: str = ""
    batch_tokens: int = 4096
    dtype: Dtype = "float32"
    lock: RLock = field(default_factory=RLock, repr=False, compare=False)

    @property
    def dimensions(self) -> int:
        return int(self.module.get_embedding_dimension() or 0)

    @property
    def max_tokens(self) -> int:
        return int(self.module.max_seq_length or self.module.tokenizer.model_max_length)

    @cached_property
    def digest(self) -> str:
        """The hash of weights, modules, tokenizer, prefixes, length, normalisation and dtype.

        Taken once: a model that is trained further has to be loaded anew.
        """
        with self.lock:
            modules = [[type(part).__name__, settings_digest(part)] for part in self.module]
            told = value_hash([
                tensors_digest(self.module.state_dict()), modules,
                tokenizer_digest(self.module.tokenizer), self.max_tokens,
                self.query_prefix, self.passage_prefix, self.to_unit_length,
            ])  # fmt: skip
        return in_dtype(told, self.dtype)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self._encode(texts, self.query_prefix, "query")

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        return self._encode(texts, self.passage_prefix, "document")

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts as they are, with no prefix before them."""
        return self._encode(texts, "", "document")

    def vector(self, text: str, tokens: int) -> Vectors:
        """Return the vector of a text as it is, read to so many tokens: `(dimensions,)`."""
        with self.lock:
            limit, self.module.max_seq_length = self.module.max_seq_length, tokens
            try:
                return self.encode([text]).reshape(-1)
            finally:
                self.module.max_seq_length = limit

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._lengths([self.passage_prefix + text for text in texts])

    @property
    def to_unit_length(self) -> bool:
        """Whether vectors are made one long."""
        return self.module.similarity_fn_name != "dot"

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        if not texts:
            return []
        # truncation is stated: a tokenizer keeps what its last call asked for.
        with self.lock:
            found = self.module.tokenizer(
                list(texts), truncation=False, padding=False, verbose=False,
                return_attention_mask=False, return_token_type_ids=False,
            )  # fmt: skip
        return [len(ids) for ids in found["input_ids"]]

    def _encode(self, texts: Sequence[str], prefix: str, task: str) -> Vectors:
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        with self.lock, torch.inference_mode():
            limit = self.max_tokens
            lengths = [min(n, limit) for n in self._lengths([prefix + text for text in texts])]
            self.module.eval()
            for batch in batches(lengths, self.batch_tokens):
                vectors[batch] = self._vectors([texts[i] for i in batch], prefix, task)
        return vectors

    def _vectors(self, texts: list[str], prefix: str, task: str) -> Vectors:
        features: Any = self.module.preprocess(texts, prompt=prefix or None, task=task)
        on = self.module.device
        moved = {k: v.to(on) if isinstance(v, torch.Tensor) else v for k, v in features.items()}
        with devices.computing_in(self.dtype, on.type):
            found = self.module(moved, task=task)["sentence_embedding"].float()
        if self.to_unit_length:
            found = torch.nn.functional.normalize(found, dim=1)
        return np.asarray(found.cpu().numpy(), dtype=np.float32)


def load_encoder(
    model: str, *, query_prefix: str = "", passage_prefix: str = "", max_tokens: int = 0,
    device: str = "",
) -> SentenceEncoder:  # fmt: skip
    """Return a sentence encoder: "starter", a folder, or a hub name.

    Without prefixes the model's own prompts are used where it has them. `max_tokens` cuts earlier
    than the model would; 0 leaves its limit. A folder without modules.json is refused, since its
    pooling would be a guess. Raises ModelError and MissingExtra.
    """
    folder = str(starter_encoder()) if model == STARTER else resolve(model, marker="modules.json")
    where = device or devices.device()
    try:
        with quiet():
            module = SentenceTransformer(folder, device=where, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise ModelError(
            f"{model} cannot be loaded as a sentence encoder ({first_line(error)}): "
            "name a folder that sentence-transformers saved"
        ) from error
    if max_tokens:
        module.max_seq_length = min(max_tokens, module.max_seq_length or max_tokens)
    module.eval()
    return SentenceEncoder(
        module,
        model,
        query_prefix or _prompt(module, "query"),
        passage_prefix or _prompt(module, "document", "passage", "corpus"),
        BATCH_TOKENS.get(where.partition(":")[0], 4096),
    )


def _prompt(module: SentenceTransformer, *names: str) -> str:
    named = [module.prompts[name] for name in names if module.prompts.get(name)]
    default = module.prompts.get(module.default_prompt_name or "", "")
    return str([*named, default][0] or "")
