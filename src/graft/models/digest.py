"""The hash of a model's weights, as they are in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch

from graft.core.hashing import DIGEST_CHARS


def tensors_digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """Return the hash of named tensors: names, shapes, number formats and bytes, in name order."""
    digest = hashlib.blake2b(digest_size=DIGEST_CHARS // 2)
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
