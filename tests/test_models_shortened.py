"""Vectors that are cut: the same beginnings at unit length, in a space of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graft.core.errors import ConfigError
from graft.models.shortened import shortened
from graft.testing import FakeEncoder
from graft.wire import encoder, open_workspace, space

TEXTS = ("leave days carry over march tea office", "the manager drinks tea on a hill", "")


def test_they_are_the_beginnings_of_the_whole_at_unit_length() -> None:
    whole = FakeEncoder(dimensions=32)
    short = shortened(whole, 24)
    for cut, full in (
        (short.encode_queries(TEXTS), whole.encode_queries(TEXTS)),
        (short.encode_passages(TEXTS), whole.encode_passages(TEXTS)),
    ):
        assert (cut.shape, cut.dtype) == ((3, 24), np.float32)
        lengths = np.linalg.norm(full[:2, :24], axis=1, keepdims=True)
        assert cut[:2] == pytest.approx(full[:2, :24] / lengths)
        assert not cut[2].any() and not np.isnan(cut).any()
    assert short.dimensions == 24 and short.count_tokens(TEXTS) == whole.count_tokens(TEXTS)


def test_another_length_is_another_digest_and_the_own_length_is_none() -> None:
    whole = FakeEncoder(dimensions=32)
    assert len({shortened(whole, n).digest for n in (0, 8, 16)}) == 3
    assert shortened(whole, 0) is shortened(whole, 32) is whole
    with pytest.raises(ConfigError, match="is 33 and the vectors of fake have 32"):
        shortened(whole, 33)


def test_the_setting_makes_a_space_of_its_own(tmp_path: Path, tiny_models: dict[str, str]) -> None:
    whole = open_workspace(tmp_path, tiny_models)
    short = open_workspace(tmp_path, {**tiny_models, "encoder.dimensions": 4})
    one, other = (space(w, w.config.settings) for w in (whole, short))
    assert (other.dimensions, other.segmentation) == (4, one.segmentation)
    assert one.id != other.id and one.dimensions > 4
    assert encoder(short, short.config.encoder).encode_queries(["tea"]).shape == (1, 4)
