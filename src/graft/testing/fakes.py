"""Fakes of every protocol: small, deterministic, and honest about the contract."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft.core.context import Context
from graft.core.document import Document, Passage, passage_id
from graft.core.errors import EncoderMismatch, NotFound
from graft.core.generation import Decoding, Generation, Prompt, Streamed
from graft.core.hashing import text_hash
from graft.core.protocols import Encoder, Generator, PassageStore, Ranked, Reranker, Vectors
from graft.core.search import Filter
from graft.core.where import fields_of
from graft.measures.similarity import plain_words


@dataclass(frozen=True)
class FakeEncoder:
    """Bags of hashed words: texts that share words are near. Vectors have unit length."""

    dimensions: int = 64
    name: str = "fake"
    max_tokens: int = 256

    @property
    def digest(self) -> str:
        return text_hash(f"{self.name}:{self.dimensions}")

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self.encode_passages(texts)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in plain_words(text):
                vectors[row, int(text_hash(word)[:8], 16) % self.dimensions] += 1
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-9), dtype=np.float32)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(plain_words(text)) + 2 for text in texts]


@dataclass(frozen=True)
class FakeReranker:
    """Scores a pair by the share of the query's words that the text holds."""

    name: str = "fake"
    digest: str = "fake-reranker"

    def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        scores = []
        for query, text in pairs:
            asked, held = set(plain_words(query)), set(plain_words(text))
            scores.append(len(asked & held) / max(len(asked), 1))
        return np.asarray(scores, dtype=np.float32)


@dataclass
class FakeGenerator:
    """Answers with `reply(prompt)` and keeps the prompts it was given in `seen`."""

    reply: Callable[[Prompt], str] = lambda prompt: "yes"
    name: str = "fake"
    digest: str = "fake-generator"
    context_tokens: int = 2048
    replayable: bool = True
    seen: list[Prompt] = field(default_factory=list)

    def count_tokens(self, prompt: Prompt) -> int:
        return sum(len(plain_words(turn["content"])) + 4 for turn in prompt)

    def generate(self, prompts: Sequence[Prompt], decoding: Decoding) -> list[Generation]:
        self.seen.extend(prompts)
        replies = [self.reply(prompt) for prompt in prompts]
        return [
            Generation(text, "stop", self.count_tokens(prompt), len(plain_words(text)))
            for prompt, text in zip(prompts, replies, strict=True)
        ]

    def stream(self, prompt: Prompt, decoding: Decoding) -> Streamed:
        (whole,) = self.generate([prompt], decoding)
        yield from re.findall(r"\S+\s*", whole.text)
        return whole

    def score(self, prompts: Sequence[Prompt], texts: Sequence[str]) -> list[float]:
        return [
            -1.0 / (1 + len(set(plain_words(text)) & set(plain_words(prompt[-1]["content"]))))
            for prompt, text in zip(prompts, texts, strict=True)
        ]


@dataclass
class FakeParts:
    """What stages are built from: the fakes of this module, and folders of runs by name."""

    store: PassageStore
    encoder: Encoder = field(default_factory=FakeEncoder)
    generator: Generator = field(default_factory=FakeGenerator)
    depth: int = 100
    folders: Mapping[str, Path] = field(default_factory=dict)

    def reranker(self, name: str) -> Reranker:
        return FakeReranker(name)

    def folder(self, name: str) -> Path:
        return self.folders[name]


@dataclass
class MemoryStore:
    """A PassageStore over a few documents in memory: a passage a paragraph, and those `derived`."""

    documents: Sequence[Document]
    encoder: FakeEncoder = field(default_factory=FakeEncoder)
    version: int = 1
    derived: Sequence[Passage] = ()

    def __post_init__(self) -> None:
        self._documents = {document.id: document for document in self.documents}
        self._passages = [p for document in self.documents for p in _paragraphs(document)]
        self._passages += self.derived
        self._by_id = {passage.id: passage for passage in self._passages}
        self._vectors = self.encoder.encode_passages([p.indexed_text for p in self._passages])
        self._counts = [Counter(plain_words(p.indexed_text)) for p in self._passages]

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
        if encoder_digest != self.encoder.digest:
            raise EncoderMismatch("the store's vectors come from another encoder: embed them anew")
        rows = vectors @ self._vectors.T
        return [
            self._best(row.tolist(), limit, allowed[i], principals[i], floor=-math.inf)
            for i, row in enumerate(rows)
        ]

    def match(
        self,
        queries: Sequence[str],
        limit: int,
        *,
        allowed: Sequence[Filter],
        principals: Sequence[frozenset[str] | None],
        ctx: Context | None = None,
    ) -> list[Ranked]:
        ranked = []
        for i, query in enumerate(queries):
            scores = [
                float(sum(c[w] / (c[w] + 1) for w in set(plain_words(query)))) for c in self._counts
            ]
            ranked.append(self._best(scores, limit, allowed[i], principals[i], floor=0.0))
        return ranked

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        try:
            return [self._by_id[id] for id in ids]
        except KeyError as error:
            raise NotFound(f"there is no passage {error}: search again") from error

    def document(self, document_id: str) -> Document:
        if document_id not in self._documents:
            raise NotFound(f"there is no document {document_id!r}")
        return self._documents[document_id]

    def _best(
        self,
        scores: Sequence[float],
        limit: int,
        allowed: Filter,
        who: frozenset[str] | None,
        *,
        floor: float,
    ) -> Ranked:
        rows = [
            (passage.id, passage.document_id, score)
            for passage, score in zip(self._passages, scores, strict=True)
            if score > floor
            and all(
                document is not None and _fits(document, allowed) and _open_to(document, who)
                for document in map(self._documents.get, _behind(passage))
            )
        ]
        return sorted(rows, key=lambda row: (-row[2], row[0]))[:limit]


def _behind(passage: Passage) -> list[str]:
    """Its document, and all that it was made from where it is derived."""
    return [passage.document_id, *(span.document_id for span in passage.made_from)]


def _open_to(document: Document, who: frozenset[str] | None) -> bool:
    return who is None or not document.access or bool(who & set(document.access))


def _fits(document: Document, allowed: Filter) -> bool:
    named = allowed.document_ids is None or document.id in allowed.document_ids
    typed = not allowed.media_type or document.media_type == allowed.media_type
    equal = all(document.metadata.get(key) == value for key, value in allowed.metadata)
    fields = fields_of(document.id, document.title, document.media_type, document.metadata)
    held = allowed.where is None or allowed.where.matches(fields)
    return named and typed and equal and held and document.id.startswith(allowed.under)


def _paragraphs(document: Document) -> Iterator[Passage]:
    for match in re.finditer(r"[^\n](?:.|\n(?!\n))*", document.text):
        span = (match.start(), match.end())
        id = passage_id(document.id, document.text_hash, span, "paragraphs")
        yield Passage(id, document.id, *span, match.group(), "paragraphs", document.title)
