"""One step's gradient, whatever parts it is cut into."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from graft.core.context import Context
from graft.core.errors import Cancelled
from graft.generate.prompts import CLOSED_BOOK, build
from graft.models.causal import Causal, load_causal
from graft.testing.tiny import tiny_causal
from graft.tune.accumulate import Chunk, accumulate
from graft.tune.sft import Encoded, TrainItem, encode_items, padded, token_losses

ANSWERS = ("5", "five days in all", "Oslo", "The passages do not say so, and nobody else does.")


@pytest.fixture(scope="module")
def causal(tmp_path_factory: pytest.TempPathFactory) -> Causal:
    folder: Path = tiny_causal(tmp_path_factory.mktemp("tiny"), "smollm")
    loaded = load_causal(str(folder), dtype="float32", device="cpu")
    loaded.model.double().requires_grad_(True)
    return loaded


@pytest.fixture(scope="module")
def examples(causal: Causal) -> list[Encoded]:
    items = [TrainItem(build(CLOSED_BOOK, "Why? " * (i + 1)), a) for i, a in enumerate(ANSWERS)]
    return encode_items(causal, items, 512)[0]


def gradient(causal: Causal, examples: Sequence[Encoded], cuts: list[list[int]]) -> torch.Tensor:
    parts = [
        Chunk(
            cut,
            sum(len(examples[i].labels) for i in cut),
            sum(len(examples[i].ids) for i in cut),
        )
        for cut in cuts
    ]
    causal.model.zero_grad()

    def loss(cut: list[int]) -> torch.Tensor:
        batch = padded([examples[i] for i in cut], causal.pad_id)
        return token_losses(causal.model, batch).sum()

    mean, tokens = accumulate(parts, loss, Context())
    assert tokens == sum(len(e.ids) for e in examples)
    flat = torch.cat([p.grad.flatten() for p in causal.model.parameters() if p.grad is not None])
    return torch.cat([flat, torch.tensor([mean])])


def test_one_part_of_four_and_four_parts_of_one_give_the_same_gradient(
    causal: Causal, examples: list[Encoded]
) -> None:
    assert len({len(e.labels) for e in examples}) == 4, "answers of uneven length"
    whole = gradient(causal, examples, [[0, 1, 2, 3]])
    torch.testing.assert_close(
        gradient(causal, examples, [[0], [1], [2], [3]]), whole, rtol=1e-6, atol=1e-6
    )
    torch.testing.assert_close(
        gradient(causal, examples, [[3, 0], [2], [1]]), whole, rtol=1e-6, atol=1e-6
    )


def test_a_mean_over_each_part_would_be_another_gradient(
    causal: Causal, examples: list[Encoded]
) -> None:
    # The silent bug: dividing each part by its own tokens. It must be far from what we compute,
    # or the test above could not see it.
    whole = gradient(causal, examples, [[0, 1, 2, 3]])
    alone = [gradient(causal, [e], [[0]]) for e in examples]
    assert not torch.allclose(torch.stack(alone).mean(0), whole, rtol=1e-2)


def test_a_cancel_stops_between_parts() -> None:
    cancel, done = threading.Event(), []

    def loss(batch: int) -> torch.Tensor:
        done.append(batch)
        cancel.set()
        return torch.ones((), requires_grad=True) * 1.0

    with pytest.raises(Cancelled):
        accumulate([Chunk(1, 1, 1), Chunk(2, 1, 1)], loss, Context(cancel=cancel))
    assert done == [1]
