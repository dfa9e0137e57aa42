"""TorchSession: prompts that a transformers model continues."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache

from graft.models.roomy import repeatable, roomy_cache
from graft.models.session import Start, padded, shared_start


@dataclass
class TorchSession:
    """A batch in `cache`, with the logits of its last positions.

    `mask` is `(rows, length) int64` with zeros on the padding, `logits` `(rows, keep, vocabulary)`.
    """

    model: Any
    cache: DynamicCache
    mask: torch.Tensor
    logits: torch.Tensor

    def choose(
        self, temperature: float, draws: Sequence[float], never: Sequence[int] = ()
    ) -> list[int]:
        logits = self.logits[:, -1]
        if never:
            logits = logits.clone()
            logits[:, list(never)] = -torch.inf
        if temperature == 0:
            return [int(token) for token in logits.argmax(dim=-1).tolist()]
        weights = torch.softmax(logits.float() / temperature, dim=-1).cumsum(dim=-1)
        drawn = torch.tensor([[draw] for draw in draws], device=logits.device)
        found = torch.searchsorted(weights, drawn * weights[:, -1:], right=True)
        return [int(t) for t in found.clamp(max=logits.shape[-1] - 1).flatten().tolist()]

    @torch.inference_mode()
    def told(self, tokens: Sequence[Sequence[int]]) -> list[float]:
        logits = self.logits[:, -1].float()
        every = logits.logsumexp(-1)
        some = [logits[row, list(ids)].logsumexp(-1) for row, ids in enumerate(tokens)]
        return [float(value) for value in torch.stack(some) - every]

    @torch.inference_mode()
    def step(self, tokens: Sequence[int], kept: Sequence[int]) -> None:
        if len(kept) < len(self.mask):
            chosen = torch.tensor(kept, device=self.mask.device)
            self.cache.batch_select_indices(chosen)
            self.mask = self.mask[chosen]
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(kept), 1)], dim=1)
        ids = torch.tensor(tokens, device=self.mask.device)[:, None]
        self.logits = _forward(self.model, ids, self.mask, self.cache, keep=1)

    @torch.inference_mode()
    def log_probs(self) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self.logits.float().log_softmax(-1).cpu().numpy()
        return found


@dataclass(frozen=True)
class Virtual:
    """What an adapter lays before every row: `lay` puts `tokens` into an empty cache of rows."""

    tokens: int
    lay: Callable[[DynamicCache, int], None]


@torch.inference_mode()
def begin(
    model: Any, prompts: Sequence[Sequence[int]], virtual: Virtual, *, keep: int
) -> Start | None:
    """Read what prompts have in common, after the virtual tokens."""
    cache = roomy_cache(model.config)
    shared = shared_start(prompts, keep) if repeatable(cache) else 0
    if not shared:
        return None
    virtual.lay(cache, 1)
    device = next(model.parameters()).device
    first = torch.tensor([list(prompts[0][:shared])], device=device)
    _forward(model, first, first.new_ones(1, virtual.tokens + shared), cache, keep=1)
    return Start(shared, cache)


@torch.inference_mode()
def read(
    model: Any, prompts: Sequence[Sequence[int]], virtual: Virtual, start: Start | None, *,
    pad: int, keep: int,
) -> TorchSession:  # fmt: skip
    """Read prompts by a transformers model, after the virtual tokens and their start."""
    if start:
        cache = deepcopy(start.kept)
        cache.batch_repeat_interleave(len(prompts))
    else:
        cache = roomy_cache(model.config)
        virtual.lay(cache, len(prompts))
    shared = start.tokens if start else 0
    ids, seen = padded(prompts, pad, shared=shared, before=virtual.tokens)
    device = next(model.parameters()).device
    mask = torch.tensor(seen, device=device)
    logits = _forward(model, torch.tensor(ids, device=device), mask, cache, keep=keep)
    return TorchSession(model, cache, mask, logits)


def _forward(
    model: Any, ids: torch.Tensor, mask: torch.Tensor, cache: DynamicCache, *, keep: int
) -> torch.Tensor:
    given: dict[str, Any] = {}
    parameters = inspect.signature(model.forward).parameters
    if "position_ids" in parameters:
        places = (mask.cumsum(dim=1) - 1).clamp(min=0)
        given["position_ids"] = places[:, -ids.shape[1] :]
    if "logits_to_keep" in parameters:
        given["logits_to_keep"] = keep
    # Without padding no mask is needed, and attention takes its fastest path.
    whole = bool(mask.all())
    out = model(
        input_ids=ids, attention_mask=None if whole else mask, past_key_values=cache,
        use_cache=True, **given,
    )  # fmt: skip
    logits: torch.Tensor = out.logits[:, -keep:]
    return logits
