"""A key-value cache that writes in place: torch.cat would copy all of it for every token."""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

KeysValues = tuple[torch.Tensor, torch.Tensor]


class ReservedLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """One layer's keys and values, `(rows, heads, length, dim)`, with room for `reserve` more.

    `keys` and `values` are views of what is filled. It grows, by copying, when the room is used.
    """

    def __init__(self, reserve: int) -> None:
        super().__init__()
        self.reserve = reserve
        self.room: KeysValues | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> KeysValues:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start = self.get_seq_length()
        end = start + key_states.shape[-2]
        if self.room is None or end > self.room[0].shape[-2]:
            self._move(key_states, value_states, end + self.reserve)
        assert self.room is not None
        for room, new in zip(self.room, (key_states, value_states), strict=True):
            room[:, :, start:end] = new
        self.keys, self.values = (room[:, :, :end] for room in self.room)
        return self.keys, self.values

    def batch_repeat_interleave(self, repeats: int) -> None:
        assert self.keys is not None and self.values is not None
        # A view: the copy into a room of this many rows is made by the next update.
        self.keys = self.keys.expand(repeats, -1, -1, -1)
        self.values = self.values.expand(repeats, -1, -1, -1)
        self.room = None

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        assert self.room is not None
        filled = self.get_seq_length()
        self.room = (self.room[0][indices], self.room[1][indices])
        self.keys, self.values = (room[:, :, :filled] for room in self.room)

    def _move(self, keys: torch.Tensor, values: torch.Tensor, size: int) -> None:
        filled = self.get_seq_length()
        rooms = []
        for old, new in ((self.keys, keys), (self.values, values)):
            room = new.new_empty((*new.shape[:2], size, new.shape[-1]))
            if filled and old is not None:
                room[:, :, :filled] = old
            rooms.append(room)
        self.room = (rooms[0], rooms[1])


def new_cache(config: Any, reserve: int) -> DynamicCache:
    """Return an empty cache for a model; layers of full attention write in place.

    Others (sliding windows, recurrent states) keep the layer that transformers gives them.
    """
    cache = DynamicCache(config=config)
    cache.layers = [
        ReservedLayer(reserve) if type(layer) is DynamicLayer else layer for layer in cache.layers
    ]
    return cache


def may_share(cache: DynamicCache) -> bool:
    """Return whether one row's cache can be repeated for a batch: full attention everywhere."""
    return bool(cache.layers) and all(isinstance(layer, ReservedLayer) for layer in cache.layers)
