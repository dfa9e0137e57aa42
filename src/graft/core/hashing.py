"""Content hashes: one function for text, one for structured values, one for files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

DIGEST_CHARS = 32
"""128 bits in hex: at a billion items a collision has a chance below 1e-20."""


def text_hash(text: str) -> str:
    """Return the hash of `text` (BLAKE2b of its UTF-8 form, 32 hex characters).

    >>> text_hash("leave") == text_hash("leave")
    True
    """
    data = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=DIGEST_CHARS // 2).hexdigest()


def value_hash(value: Any) -> str:
    """Return the hash of a JSON-like value, the same whatever the order of its keys and sets.

    >>> value_hash({"a": {1, 2}, "b": 2}) == value_hash({"b": 2, "a": {2, 1}})
    True
    """
    return text_hash(json.dumps(value, sort_keys=True, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> Any:
    # The order of a set of strings differs from process to process.
    return sorted(value, key=str) if isinstance(value, set | frozenset) else str(value)


def file_hash(path: Path) -> str:
    """Return the hash of a file's bytes, read in blocks of 1 MiB."""
    digest = hashlib.blake2b(digest_size=DIGEST_CHARS // 2)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def bytes_hash(data: bytes) -> str:
    """Return the hash of bytes: equal to `file_hash` of a file that holds them.

    >>> len(bytes_hash(b"leave"))
    32
    """
    return hashlib.blake2b(data, digest_size=DIGEST_CHARS // 2).hexdigest()
