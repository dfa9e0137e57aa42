"""Public fakes and tiny models, for Graft's tests and for yours."""

from __future__ import annotations

from graft.testing.fakes import (
    FakeEncoder,
    FakeGenerator,
    FakeParts,
    FakeReranker,
    FakeTokenizer,
    MemoryStore,
    words,
)

__all__ = [
    "FakeEncoder",
    "FakeGenerator",
    "FakeParts",
    "FakeReranker",
    "FakeTokenizer",
    "MemoryStore",
    "words",
]
