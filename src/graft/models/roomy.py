"""Keys and values that grow in place: transformers' own copies all of them for every token."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedConfig
from transformers.cache_utils import DynamicLayer

ROOM = 64
"""Positions that are laid out beyond those that are filled."""


class RoomyLayer(DynamicLayer):
    """A layer whose `keys` and `values` are the filled beginning of longer tensors."""

    keys: Tensor
    values: Tensor
    _room: tuple[Tensor, Tensor] | None = None

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Put new positions behind the others, and return all of them."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        filled = self.get_seq_length()
        length = filled + key_states.shape[-2]
        room = self._room
        # Rows that were repeated, picked or taken over are tensors of their own.
        if room is None or room[0].shape[-2] < length or not _begins(room[0], self.keys):
            room = self._room = (_laid(key_states, length), _laid(value_states, length))
            if filled:
                room[0][..., :filled, :] = self.keys
                room[1][..., :filled, :] = self.values
        room[0][..., filled:length, :] = key_states
        room[1][..., filled:length, :] = value_states
        self.keys, self.values = room[0][..., :length, :], room[1][..., :length, :]
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep some rows alone, and what was laid out for all of them no longer."""
        super().batch_select_indices(indices)
        self._room = None


def roomy_cache(config: PreTrainedConfig) -> DynamicCache:
    """Return an empty cache for a model; a layer with a sliding window stays transformers' own."""
    cache = DynamicCache(config=config)
    cache.layers = [RoomyLayer() if type(x) is DynamicLayer else x for x in cache.layers]
    return cache


def repeatable(cache: DynamicCache) -> bool:
    """Whether one row's keys and values may stand for others' that begin alike.

    Not with a sliding window or a recurrent state.
    """
    return all(type(layer) is RoomyLayer for layer in cache.layers)


def _laid(states: Tensor, length: int) -> Tensor:
    *rows, _, width = states.shape
    return torch.empty(*rows, length + ROOM, width, dtype=states.dtype, device=states.device)


def _begins(room: Tensor, filled: Tensor) -> bool:
    return room.data_ptr() == filled.data_ptr() and room.shape[0] == filled.shape[0]
