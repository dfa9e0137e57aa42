"""Public fakes and tiny models, for Graft's tests and for yours."""

from __future__ import annotations

from graft.models.tokenizer import WordTokenizer as FakeTokenizer
from graft.testing.fakes import (
    FakeEncoder,
    FakeGenerator,
    FakeParts,
    FakeReranker,
    MemoryStore,
)
from graft.testing.indexes import FakeIndex, FakeIndexes

__all__ = [
    "FakeEncoder",
    "FakeGenerator",
    "FakeIndex",
    "FakeIndexes",
    "FakeParts",
    "FakeReranker",
    "FakeTokenizer",
    "MemoryStore",
]
