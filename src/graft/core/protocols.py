"""The protocols between floors. Each has a public fake in `graft.testing`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from graft.core.context import Context
from graft.core.document import Document, Passage
from graft.core.generation import Decoding, Generation, Prompt
from graft.core.search import Filter

Vectors = NDArray[np.float32]
Ranked = list[tuple[str, str, float]]
"""(passage id, document id, score), best first; equal scores are ordered by passage id."""


Candidates = list[tuple[str, float]]
"""(passage id, score), best first, as an index found them: not yet checked."""


class Tokenizer(Protocol):
    """Counts and locates tokens; segmentation needs no more of it."""

    @property
    def name(self) -> str: ...

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Return each token's `(start, end)` in code points, without special tokens."""
        ...


class Encoder(Protocol):
    """Turns queries and passages into vectors of one space.

    `digest` is the hash of everything that changes a vector: weights, pooling, normalisation,
    prefixes, length. Vectors are `(n, dimensions) float32`, compared by inner product.
    """

    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def dimensions(self) -> int: ...
    @property
    def max_tokens(self) -> int: ...

    def encode_queries(self, texts: Sequence[str]) -> Vectors: ...
    def encode_passages(self, texts: Sequence[str]) -> Vectors: ...
    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text takes, special tokens and prefix included, uncut."""
        ...


class Reranker(Protocol):
    """Scores (query, passage text) pairs together; higher is more relevant."""

    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str: ...

    def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Return `(n,) float32`."""
        ...


class Generator(Protocol):
    """Continues prompts. One prompt's failure is its generation's `error`, not the batch's."""

    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def context_tokens(self) -> int: ...
    @property
    def replayable(self) -> bool: ...

    def count_tokens(self, prompt: Prompt) -> int:
        """Return how many tokens the prompt takes, chat template included."""
        ...

    def generate(self, prompts: Sequence[Prompt], decoding: Decoding) -> list[Generation]:
        """Return one generation for each prompt, in their order."""
        ...


@runtime_checkable
class Streams(Protocol):
    """A generator that can also yield text as it is written."""

    def stream(self, prompt: Prompt, decoding: Decoding) -> Iterator[str]: ...


@runtime_checkable
class Scores(Protocol):
    """A generator that can also tell how likely it finds given texts after prompts."""

    def score(self, prompts: Sequence[Prompt], texts: Sequence[str]) -> list[float]:
        """Return the mean log-probability a token (nats) of each text after its prompt."""
        ...


class Index(Protocol):
    """Finds the passages of one space; documents, access and publishing are not its matter.

    What it returns are candidates. They are checked against the passages that are published and
    those that the asker may see, and scored by the library, unless it is `exact`. It is written
    before a version is published and cleaned after, so it may hold more than is published; a
    passage's vector and text never change. Where it is behind, fails (a warning says so), or finds
    too few, the library compares what it keeps itself. By words it is asked only for who sees
    everything: which it finds first is decided by all that it holds, and would show that to others.

    `capabilities` are of "nearest", "match" (ways of finding that it has) and "exact" (its scores
    are the inner products of the vectors that were put).
    """

    @property
    def capabilities(self) -> frozenset[str]: ...

    def put(self, ids: Sequence[str], vectors: Vectors, texts: Sequence[str]) -> None:
        """Add passages, or replace them; they are kept once this returns.

        `vectors` are `(n, dimensions) float32`, `texts` what full text sees.
        """
        ...

    def delete(self, ids: Sequence[str]) -> None:
        """Take passages away; ids that are not there are none of its matter."""
        ...

    def nearest(self, vectors: Vectors, limit: int) -> list[Candidates]:
        """Return for each vector the `limit` nearest passages by inner product."""
        ...

    def match(self, queries: Sequence[str], limit: int) -> list[Candidates]:
        """Return for each query the `limit` passages whose text fits it best."""
        ...

    def count(self, ids: Sequence[str] | None = None) -> int:
        """Return how many passages it holds, or how many of these."""
        ...

    def health(self) -> str:
        """Return "" when it can be used, else in a sentence why not and what to do."""
        ...


class PassageStore(Protocol):
    """What retrieval needs of a library. It finds candidates; ranking belongs to `retrieve`.

    `allowed` and `principals` apply before the best `limit` are taken. Where it has to do without
    something that was to find faster, `ctx` is warned.
    """

    @property
    def version(self) -> int: ...

    def nearest(
        self,
        vectors: Vectors,
        limit: int,
        *,
        allowed: Sequence[Filter],
        encoder_digest: str,
        principals: Sequence[frozenset[str] | None],
        ctx: Context | None = None,
    ) -> list[Ranked]:
        """Return for each query vector its nearest passages by inner product.

        Raises EncoderMismatch when no space was made by `encoder_digest`.
        """
        ...

    def match(
        self,
        queries: Sequence[str],
        limit: int,
        *,
        allowed: Sequence[Filter],
        principals: Sequence[frozenset[str] | None],
        ctx: Context | None = None,
    ) -> list[Ranked]:
        """Return for each query its best passages by BM25."""
        ...

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        """Return the passages with these ids, in this order. Raises NotFound."""
        ...

    def document(self, document_id: str) -> Document:
        """Return one document with its text. Raises NotFound."""
        ...
