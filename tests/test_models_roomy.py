from __future__ import annotations

import torch
from transformers import DynamicCache, LlamaConfig
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from graft.models.roomy import ROOM, RoomyLayer, repeatable, roomy_cache

CONFIG = LlamaConfig(num_hidden_layers=2, num_key_value_heads=2, hidden_size=32)


def test_a_roomy_layer_holds_what_transformers_own_holds_whatever_is_done_to_it() -> None:
    draw = torch.Generator().manual_seed(0)
    ours, theirs = RoomyLayer(), DynamicLayer()

    def grow(rows: int, length: int) -> None:
        states = [torch.randn(rows, 2, length, 4, generator=draw) for _ in range(2)]
        for found, right in zip(ours.update(*states), theirs.update(*states), strict=True):
            assert torch.equal(found, right)

    grow(1, 5)
    for layer in (ours, theirs):
        layer.batch_repeat_interleave(3)
    grow(3, 1)
    before = ours.keys.data_ptr()
    grow(3, 1)
    assert ours.keys.data_ptr() == before
    grow(3, ROOM)
    for layer in (ours, theirs):
        layer.batch_select_indices(torch.tensor([0, 2]))
    grow(2, 1)
    for layer in (ours, theirs):
        layer.batch_select_indices(torch.tensor([1, 0]))
    grow(2, 1)
    for layer in (ours, theirs):
        layer.batch_select_indices(torch.tensor([1]))
    grow(1, 2)
    for layer in (ours, theirs):
        layer.crop(-3)
    grow(1, 1)
    assert ours.get_seq_length() == theirs.get_seq_length()
    for layer in (ours, theirs):
        layer.reset()
    grow(2, 3)


def test_layers_with_a_window_stay_transformers_own_and_are_not_repeated() -> None:
    plain = roomy_cache(CONFIG)
    assert [type(layer) for layer in plain.layers] == [RoomyLayer] * 2
    assert repeatable(plain)
    config = LlamaConfig(
        **{
            **CONFIG.to_dict(),
            "layer_types": ["full_attention", "sliding_attention"],
            "sliding_window": 4,
        }
    )
    mixed = roomy_cache(config)
    assert [type(layer) for layer in mixed.layers] == [
        type(layer) if isinstance(layer, DynamicSlidingWindowLayer) else RoomyLayer
        for layer in DynamicCache(config=config).layers
    ]
    assert isinstance(mixed.layers[1], DynamicSlidingWindowLayer)
    assert not repeatable(mixed)
