"""Threads: several at once over one model get what one alone would."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from threading import Barrier, Thread
from typing import Any, TypeVar

import numpy as np
import pytest
import torch

from graft.core.config import Config, GenerateTable
from graft.core.files import Layout
from graft.core.generation import Decoding, Prompt
from graft.generate.local import LocalGenerator
from graft.models.adapters.lora import Lora
from graft.models.causal import Causal, load_causal
from graft.models.encoder import load_encoder
from graft.models.loading import quiet
from graft.models.reranker import grow_reranker, load_reranker
from graft.testing.tiny import TEXTS, tiny_causal, tiny_encoder
from graft.wire import Wiring, writing

pytestmark = pytest.mark.slow

torch.set_num_threads(1)

T = TypeVar("T")

ADAPTERS = ("", "one", "two")
GREEDY = Decoding(max_new_tokens=12)
PROMPTS: list[Prompt] = [[{"role": "user", "content": text}] for text in TEXTS[:4]]
PATIENCE = 60
"""Seconds after which what waits is taken to be stuck."""


@pytest.fixture(autouse=True)
def _hasty() -> Iterator[None]:
    """Let threads change so often that what can go wrong between two lines does."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, two adapters of it that matter, an encoder and a reranker."""
    root = tmp_path_factory.mktemp("threads")
    base = tiny_causal(root / "base", "smollm")
    for seed, name in enumerate(ADAPTERS[1:]):
        causal = load_causal(str(base), dtype="float32")
        attached = Lora(rank=4, alpha=8).attach(causal.model, seed)
        source = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for weight in attached.parameters.values():
                weight.copy_(torch.randn(weight.shape, generator=source) * 0.3)
        (root / name).mkdir()
        attached.save(root / name, attached.weights())
    tiny_encoder(root / "encoder")
    with quiet():
        grown = grow_reranker(str(root / "encoder"), seed=1)
        grown.save(str(root / "reranker"), create_model_card=False)
    return root


@pytest.fixture
def causal(folder: Path) -> Causal:
    found = load_causal(str(folder / "base"), dtype="float32")
    for name in ADAPTERS[1:]:
        found.load_adapter(name, folder / name)
    return found


def started(call: Callable[[], T]) -> Future[T]:
    """Run a call in a thread of its own, which a stuck test does not wait for at its end."""
    found: Future[T] = Future()

    def run() -> None:
        try:
            found.set_result(call())
        except BaseException as error:
            found.set_exception(error)

    Thread(target=run, daemon=True).start()
    return found


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Return what calls give that start together, each in its thread."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        barrier.wait()
        return call()

    futures = [started(partial(run, call)) for call in calls]
    return [future.result(PATIENCE) for future in futures]


def often(call: Callable[[], T]) -> list[T]:
    return [call() for _ in range(20)]


def texts(causal: Causal, adapter: str) -> list[str]:
    return [g.text for g in LocalGenerator(causal, adapter=adapter).generate(PROMPTS, GREEDY)]


def streamed(causal: Causal, adapter: str) -> list[str]:
    generator = LocalGenerator(causal, adapter=adapter)
    return ["".join(generator.stream(prompt, GREEDY)) for prompt in PROMPTS[:1]]


def test_adapters_of_one_model_are_not_mixed_up(causal: Causal) -> None:
    alone = {adapter: texts(causal, adapter) for adapter in ADAPTERS}
    assert len({tuple(found) for found in alone.values()}) == 3
    found = at_once([partial(texts, causal, adapter) for adapter in ADAPTERS * 3])
    assert found == [alone[adapter] for adapter in ADAPTERS * 3]
    found = at_once([partial(streamed, causal, adapter) for adapter in ADAPTERS * 2])
    assert found == [alone[adapter][:1] for adapter in ADAPTERS * 2]


def test_digests_and_scores_are_those_of_their_adapter(causal: Causal) -> None:
    generators = [LocalGenerator(causal, adapter=adapter) for adapter in ADAPTERS]
    answers = list(TEXTS[:4])
    calls: list[Callable[[], Any]] = [
        call
        for generator in generators
        for call in (
            partial(getattr, generator, "digest"),
            partial(generator.score, PROMPTS, answers),
        )
    ]
    alone = [call() for call in calls]
    causal.base_digest = ""
    assert at_once(calls * 2) == alone * 2


def test_an_adapter_is_loaded_while_others_ask(folder: Path, causal: Causal) -> None:
    alone = {adapter: texts(causal, adapter) for adapter in ADAPTERS}
    late = load_causal(str(folder / "base"), dtype="float32")

    def load(name: str) -> list[str]:
        late.load_adapter(name, folder / name)
        return texts(late, name)

    found = at_once([*(partial(load, a) for a in ADAPTERS[1:]), *[partial(texts, late, "")] * 4])
    assert found == [alone["one"], alone["two"], *[alone[""]] * 4]


def test_a_probe_is_asked_while_nobody_changes_the_adapter(
    folder: Path, causal: Causal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table = GenerateTable(model="base", adapter=str(folder / "one"))
    workspace = Wiring(Layout(tmp_path), Config(), loaded={writing.causal_key(table): causal})
    told: list[tuple[str, list[str]]] = []

    def probe(_: Wiring, __: str, ___: str, base: Causal) -> None:
        other = started(partial(texts, base, ""))
        with pytest.raises(TimeoutError):
            other.result(0.3)
        told.append((base.adapter, texts(base, base.adapter)))

    monkeypatch.setattr(writing, "probed", probe)
    name = writing.loaded_adapter(workspace, table)
    assert told == [(name, texts(causal, "one"))]


def test_who_asks_while_the_model_is_trained_waits(causal: Causal) -> None:
    alone = texts(causal, "one")
    with causal.training(Lora(rank=2), seed=0) as attached:
        with torch.no_grad():
            for weight in attached.parameters.values():
                weight.add_(1.0)
        asked = started(partial(texts, causal, "one"))
        with pytest.raises(TimeoutError):
            asked.result(0.5)
    assert asked.result(PATIENCE) == alone


def test_a_stream_that_waits_or_is_left_blocks_nobody(causal: Causal) -> None:
    alone = {adapter: texts(causal, adapter) for adapter in ADAPTERS}
    generator = LocalGenerator(causal, adapter="one")
    slow, left = (generator.stream(PROMPTS[0], GREEDY) for _ in range(2))
    # A server reads each piece in whichever thread is free.
    pieces = [started(partial(next, slow)).result(PATIENCE)]
    started(partial(next, left)).result(PATIENCE)
    for adapter in ADAPTERS:
        assert started(partial(texts, causal, adapter)).result(PATIENCE) == alone[adapter]
    while piece := started(partial(next, slow, "")).result(PATIENCE):
        pieces.append(piece)
    left.close()
    assert "".join(pieces) == alone["one"][0]
    assert started(partial(texts, causal, "two")).result(PATIENCE) == alone["two"]


def test_a_stream_by_the_adapter_in_use_keeps_it(causal: Causal) -> None:
    alone = texts(causal, "one")[0]
    causal.use("one")
    stream = LocalGenerator(causal).stream(PROMPTS[0], GREEDY)
    pieces = [next(stream)]
    causal.use("two")
    assert "".join([*pieces, *stream]) == alone


def test_texts_are_encoded_and_counted(folder: Path) -> None:
    encoder = load_encoder(str(folder / "encoder"), query_prefix="question: ")
    lots = [[text * count for text in TEXTS] for count in (1, 2, 5, 9)]
    calls: list[Callable[[], Any]] = [
        call
        for some in lots
        for call in (partial(encoder.encode_queries, some), partial(encoder.count_tokens, some))
    ]
    alone = [call() for call in calls]
    for found, expected in zip(at_once([partial(often, c) for c in calls]), alone, strict=True):
        assert all(np.array_equal(one, expected) for one in found)


def test_pairs_are_scored(folder: Path) -> None:
    reranker = load_reranker(str(folder / "reranker"))
    lots = [[(text, text * count) for text in TEXTS] for count in (1, 2, 5, 9)]
    calls = [partial(reranker.score, some) for some in lots]
    alone = [call() for call in calls]
    for found, expected in zip(at_once([partial(often, c) for c in calls]), alone, strict=True):
        assert all(np.array_equal(one, expected) for one in found)
