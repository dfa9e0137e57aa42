"""The decoding loop: a batch of prompts through the model, a token a row a step."""

from __future__ import annotations

import inspect
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from graft.core.generation import Decoding, FinishReason
from graft.models.causal import Causal

SHORTEST_SHARED = 16
"""A common start of fewer tokens is not worth a pass of its own."""

COMPACT_BELOW = 0.75
"""Ended rows leave the batch when this share of it, or less, still writes: leaving copies it."""


@dataclass
class Row:
    """One prompt being continued by at most `limit` tokens; `reason` is set when it has ended."""

    ids: Sequence[int]
    limit: int
    draw: random.Random
    new: list[int] = field(default_factory=list)
    reason: FinishReason | None = None
    text: str = ""


def decode(causal: Causal, rows: Sequence[Row], decoding: Decoding) -> Iterator[None]:
    """Continue `rows` together until each has ended; yields after every step.

    Left-padded, with the keys and values of a common start computed once. Changes the rows.
    """
    stops = (*decoding.stop, *causal.chat.stop_texts)
    cache = DynamicCache(config=causal.model.config)
    batch = list(rows)
    with torch.inference_mode():
        logits, mask = prefill(causal, [row.ids for row in rows], cache)
    while True:
        tokens = _choose(logits[:, -1], batch, decoding.temperature)
        for row, token in zip(batch, tokens, strict=True):
            if row.reason is None:
                _take(causal, row, token, stops)
        yield
        writing = [i for i, row in enumerate(batch) if row.reason is None]
        if not writing:
            return
        with torch.inference_mode():
            if len(writing) <= COMPACT_BELOW * len(batch):
                kept = torch.tensor(writing, device=mask.device)
                cache.batch_select_indices(kept)
                mask, batch = mask[kept], [batch[i] for i in writing]
                tokens = [tokens[i] for i in writing]
            mask = torch.cat([mask, mask.new_ones(len(batch), 1)], dim=1)
            step = torch.tensor(tokens, device=mask.device)[:, None]
            logits = _forward(causal, step, mask, cache, keep=1)


def prefill(
    causal: Causal, prompts: Sequence[Sequence[int]], cache: DynamicCache, *, keep: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    """Read prompts into the cache; return logits and the attention mask.

    Logits are `(rows, keep, vocabulary)`, at the last `keep` positions; the mask is
    `(rows, length) int64` with zeros on the padding, which stands left of each row's own tokens,
    and right of the virtual tokens that the adapter in use lays before every row.
    """
    device, before = causal.device, causal.virtual_tokens
    # A sliding window or a recurrent state of one row is not repeated for others.
    full = all(type(layer) is DynamicLayer for layer in cache.layers)
    shared = _shared_start(prompts, keep) if full else 0
    causal.start(cache, 1 if shared else len(prompts))
    if shared:
        start = torch.tensor([list(prompts[0][:shared])], device=device)
        _forward(causal, start, start.new_ones(1, before + shared), cache, keep=1)
        cache.batch_repeat_interleave(len(prompts))
    rests = [list(ids[shared:]) for ids in prompts]
    width = max(len(rest) for rest in rests)
    ids = [[causal.pad_id] * (width - len(rest)) + rest for rest in rests]
    seen = [[1] * (before + shared) + [0] * (width - len(r)) + [1] * len(r) for r in rests]
    mask = torch.tensor(seen, device=device)
    return _forward(causal, torch.tensor(ids, device=device), mask, cache, keep=keep), mask


def _shared_start(prompts: Sequence[Sequence[int]], keep: int) -> int:
    if len(prompts) == 1:
        return 0
    # What the least and the greatest in lexical order have in common, all between them have.
    least, greatest = min(prompts, key=tuple), max(prompts, key=tuple)
    pairs = enumerate(zip(least, greatest, strict=False))
    common = next((i for i, (a, b) in pairs if a != b), min(len(least), len(greatest)))
    shared = min(common, min(len(ids) for ids in prompts) - keep)
    return shared if shared >= SHORTEST_SHARED else 0


def _forward(
    causal: Causal, ids: torch.Tensor, mask: torch.Tensor, cache: DynamicCache, *, keep: int
) -> torch.Tensor:
    given: dict[str, Any] = {}
    parameters = inspect.signature(causal.model.forward).parameters
    if "position_ids" in parameters:
        places = (mask.cumsum(dim=1) - 1).clamp(min=0)
        given["position_ids"] = places[:, -ids.shape[1] :]
    if "logits_to_keep" in parameters:
        given["logits_to_keep"] = keep
    # Without padding no mask is needed, and attention takes its fastest path.
    whole = bool(mask.all())
    out = causal.model(
        input_ids=ids, attention_mask=None if whole else mask, past_key_values=cache,
        use_cache=True, **given,
    )  # fmt: skip
    logits: torch.Tensor = out.logits[:, -keep:]
    return logits


def _choose(logits: torch.Tensor, rows: Sequence[Row], temperature: float) -> list[int]:
    if temperature == 0:
        return [int(token) for token in logits.argmax(dim=-1).tolist()]
    # Every row draws from a source of its own, so that a text does not hang on its neighbours.
    weights = torch.softmax(logits.float() / temperature, dim=-1).cumsum(dim=-1)
    drawn = torch.tensor([[row.draw.random()] for row in rows], device=logits.device)
    found = torch.searchsorted(weights, drawn * weights[:, -1:], right=True)
    return [int(t) for t in found.clamp(max=logits.shape[-1] - 1).flatten().tolist()]


def _take(causal: Causal, row: Row, token: int, stops: Sequence[str]) -> None:
    if token in causal.end_ids:
        row.reason = "stop"
    else:
        row.new.append(token)
    row.text = causal.decode(row.new)
    cuts = [row.text.find(stop) for stop in stops if stop and stop in row.text]
    if cuts:
        row.text, row.reason = row.text[: min(cuts)], "stop"
        return
    if row.reason is None and len(row.new) >= row.limit:
        row.reason = "length"
    if row.reason is not None:
        # A character whose bytes are not all there is shown as U+FFFD; it is none.
        row.text = row.text.rstrip("\ufffd")
