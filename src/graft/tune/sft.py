"""Supervised fine-tuning of a generator: items, batches, and the loss on answers alone.

What is learned is decided by position and never by token id: SmolLM2's padding is its end token,
and a mask by id would hide that token from the loss, so that the model never learned to stop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from graft.core.errors import InputError
from graft.core.generation import Prompt
from graft.core.hashing import value_hash
from graft.models.causal import Causal


@dataclass(frozen=True)
class TrainItem:
    """A prompt as serving would send it, and the answer to learn; None is to write nothing.

    `id` is its example's; `shown` holds the ids of the prompt's passages, in their order.
    `accepted` are the answers that count as right where a look asks the prompt; empty for `answer`
    alone.
    """

    prompt: Prompt
    answer: str | None
    id: str = ""
    shown: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Encoded:
    """An item as ids: the prompt's, then the answer's and its end token's.

    `labels` is everything from `prompt_tokens` on, and it is never empty.
    """

    ids: tuple[int, ...]
    prompt_tokens: int

    @property
    def labels(self) -> tuple[int, ...]:
        """The ids that are learned: the answer's and its end token's."""
        return self.ids[self.prompt_tokens :]


def encode_items(
    causal: Causal, items: Sequence[TrainItem], max_tokens: int
) -> tuple[list[Encoded], dict[str, int]]:
    """Return the items as ids, and how many were left out by reason.

    The prompt's ids are those that serving sends. An item over `max_tokens`, or over the model's
    own limit, is left out and counted: cutting ids would lose the question or the answer, so it
    is for whoever builds the items to show fewer passages. An empty answer is left out too; where
    nothing is to be written, the end alone is learned.
    """
    limit = min(max_tokens, causal.context_tokens - causal.virtual_tokens)
    kept, skipped = [], Counter[str]()
    for item in items:
        if item.answer is not None and not item.answer.strip():
            skipped["no answer"] += 1
            continue
        prompt, answer = causal.ids(item.prompt), causal.answer_ids(item.answer or "")
        if not answer:
            skipped["the model has no end to write"] += 1
            continue
        if len(prompt) + len(answer) > limit:
            skipped["too long"] += 1
            continue
        kept.append(Encoded((*prompt, *answer), len(prompt)))
    return kept, dict(skipped)


def items_digest(items: Sequence[TrainItem]) -> str:
    """Return the hash of what is learned from: every prompt and answer, in order."""
    return value_hash([[item.prompt, item.answer] for item in items])


@dataclass(frozen=True)
class Batch:
    """Rows of ids, and where in them answers are learned.

    `ids` is `(rows, length) int64`, one example a row. `where` is `(n,) int64`, indices into the
    rows laid end to end, of the tokens that predict; `targets` `(n,) int64` is what they should
    predict, example by example.
    """

    ids: Tensor
    where: Tensor
    targets: Tensor

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        return Batch(self.ids.to(device), self.where.to(device), self.targets.to(device))


def padded(examples: Sequence[Encoded], pad_id: int) -> Batch:
    """Return one example a row, filled at the right.

    No attention mask is needed: a causal model never looks to the right, so padding reaches no
    token that is learned, and the kernels skip what a mask would only hide.
    """
    length = max(len(example.ids) for example in examples)
    ids = torch.full((len(examples), length), pad_id, dtype=torch.long)
    where: list[int] = []
    targets: list[int] = []
    for row, example in enumerate(examples):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        first = row * length + example.prompt_tokens - 1
        where += range(first, first + len(example.labels))
        targets += example.labels
    return Batch(ids, torch.tensor(where), torch.tensor(targets))


Start = Callable[[Any, int], None]
"""Puts what an adapter lays before every row into a cache (`Causal.start`)."""


def answer_logits(model: Any, batch: Batch, start: Start | None = None) -> Tensor:
    """Return the logits of the answers' positions alone: `(n, vocabulary)`.

    `start` lays an adapter's virtual tokens before every row, with their gradients.

    The model runs as it is, but its output layer is handed only the hidden states that predict an
    answer's token: of 8 × 750 tokens at a vocabulary of 49,152 all logits take 1.2 GB in float32,
    several times over in a backward pass. What a family does to its logits afterwards (Gemma's
    soft cap, Granite's scale) still happens.
    """

    def choose(module: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        hidden = inputs[0]
        rows = hidden.reshape(-1, hidden.shape[-1])
        return (rows.index_select(0, batch.where).unsqueeze(0), *inputs[1:])

    head = model.get_output_embeddings()
    if head is None:
        raise InputError(
            f"{type(model).__name__} has no output layer over its vocabulary, which a generator "
            "needs: name a causal language model"
        )
    hook = head.register_forward_pre_hook(choose)
    try:
        before: dict[str, Any] = {"use_cache": False}
        if start is not None:
            before = {"use_cache": True, "past_key_values": DynamicCache(config=model.config)}
            start(before["past_key_values"], len(batch.ids))
        logits: Tensor = model(input_ids=batch.ids, **before).logits
    finally:
        hook.remove()
    return logits.squeeze(0)


def token_losses(model: Any, batch: Batch, start: Start | None = None) -> Tensor:
    """Return the cross-entropy of each answer token in nats: `(n,) float32`, or float64."""
    logits = answer_logits(model, batch, start)
    wide = logits if logits.dtype == torch.float64 else logits.float()
    return torch.nn.functional.cross_entropy(wide, batch.targets, reduction="none")
