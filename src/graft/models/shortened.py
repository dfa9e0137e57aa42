"""Shortened: an encoder whose vectors are cut to their first dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graft.core.errors import ConfigError
from graft.core.hashing import value_hash
from graft.core.protocols import Encoder, Vectors


@dataclass(frozen=True)
class Shortened:
    """The first `dimensions` of another encoder's vectors, at unit length.

    A model that was trained for it (Matryoshka: Kusupati et al., NeurIPS 2022) keeps most of its
    quality in them; another loses more.
    """

    whole: Encoder
    dimensions: int

    @property
    def name(self) -> str:
        return self.whole.name

    @property
    def digest(self) -> str:
        return value_hash([self.whole.digest, self.dimensions])

    @property
    def max_tokens(self) -> int:
        return self.whole.max_tokens

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self._cut(self.whole.encode_queries(texts))

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        return self._cut(self.whole.encode_passages(texts))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self.whole.count_tokens(texts)

    def _cut(self, vectors: Vectors) -> Vectors:
        some = vectors[:, : self.dimensions]
        lengths = np.linalg.norm(some, axis=1, keepdims=True)
        return np.asarray(some / np.maximum(lengths, 1e-9), dtype=np.float32)


def shortened(encoder: Encoder, dimensions: int) -> Encoder:
    """Return an encoder with so many dimensions, 0 for all that it has.

    Raises ConfigError for more.

    >>> from graft.testing import FakeEncoder
    >>> shortened(FakeEncoder(), 16).encode_queries(["one", "two"]).shape
    (2, 16)
    """
    if dimensions > encoder.dimensions:
        raise ConfigError(
            f"encoder.dimensions is {dimensions} and the vectors of {encoder.name} have "
            f"{encoder.dimensions}: set so many or fewer, or 0 for all"
        )
    return Shortened(encoder, dimensions) if 0 < dimensions < encoder.dimensions else encoder
