"""Hashes of models as they are in memory: weights, settings, tokenizer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch

from graft.core.hashing import DIGEST_CHARS, text_hash, value_hash

IGNORED = {
    "_name_or_path", "architectures", "transformers_version", "dtype", "torch_dtype", "use_cache",
    "id2label", "label2id", "problem_type", "sentence_transformers", "gradient_checkpointing",
}  # fmt: skip
"""Settings that saving or loading writes and that change no output."""


def tensors_digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """Return the hash of named tensors: names, shapes, number formats and bytes, in name order."""
    digest = hashlib.blake2b(digest_size=DIGEST_CHARS // 2)
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def in_dtype(digest: str, dtype: str) -> str:
    """Return the digest of a model in other numbers than float32, whose vectors are others too.

    >>> in_dtype("abc", "float32")
    'abc'
    """
    return digest if dtype == "float32" else value_hash([digest, dtype])


def settings_digest(module: Any) -> str:
    """Return the hash of the settings of a sentence-transformers module that change its output."""
    settings = dict(module.get_config_dict()) if hasattr(module, "get_config_dict") else {}
    config = getattr(module, "config", None)
    if config is not None and hasattr(config, "to_dict"):
        stated = config.to_dict()
        settings["config"] = {k: stated[k] for k in stated if k not in IGNORED}
    return value_hash(settings)


def tokenizer_digest(tokenizer: Any) -> str:
    """Return the hash of a tokenizer: vocabulary, merges, normalisation, special tokens.

    Padding and truncation are left out: a tokenizer keeps those of its last call.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return value_hash([tokenizer.get_vocab(), tokenizer.special_tokens_map])
    copy = type(backend).from_str(backend.to_str())
    copy.no_padding()
    copy.no_truncation()
    return text_hash(copy.to_str())
