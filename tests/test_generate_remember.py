"""A remembered generation is the same one, and only what is new reaches the model."""

from __future__ import annotations

from dataclasses import replace

from graft.core.generation import Decoding, Message
from graft.generate.remember import Memory, Remember
from graft.testing import FakeGenerator


def ask(text: str) -> list[Message]:
    return [{"role": "user", "content": text}]


def test_only_new_prompts_reach_the_model_and_order_is_kept():
    inner = FakeGenerator(lambda prompt: prompt[-1]["content"].upper())
    generator, decoding = Remember(inner), Decoding()
    first = generator.generate([ask("a"), ask("b"), ask("a")], decoding)
    assert [g.text for g in first] == ["A", "B", "A"] and len(inner.seen) == 2
    second = generator.generate([ask("c"), ask("b")], decoding)
    assert [g.text for g in second] == ["C", "B"] and len(inner.seen) == 3
    generator.generate([ask("b")], Decoding(max_new_tokens=3))
    assert len(inner.seen) == 4


def test_the_same_weights_have_one_memory_whoever_loaded_them() -> None:
    memory, inner = Memory(), FakeGenerator(str)
    first = memory.of(inner)
    assert memory.of(FakeGenerator(str)) is first
    assert memory.of(replace(inner, context_tokens=inner.context_tokens + 1)) is not first
