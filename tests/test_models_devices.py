from __future__ import annotations

import importlib.util
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from graft.core.errors import ConfigError
from graft.models import devices


def test_auto_is_bfloat16_only_where_the_cpu_computes_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for has_it, expected in ((False, torch.float32), (True, torch.bfloat16)):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda found=has_it: found)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
        assert devices.dtype("auto", "cpu") is expected
    assert devices.dtype("float32", "cpu") is torch.float32
    assert devices.dtype("bfloat16", "cpu") is torch.bfloat16
    with pytest.raises(ConfigError, match="float8"):
        devices.dtype("float8")


def test_peak_memory_is_in_bytes_and_grows_with_use() -> None:
    before = devices.peak_memory()["host"]
    held = np.ones(before + 64 * 2**20, dtype=np.uint8)
    after = devices.peak_memory()["host"]
    assert after - before >= 60 * 2**20
    assert after < 2 * before + 512 * 2**20
    assert held.all()


def test_peak_memory_is_told_where_there_is_no_resource_module(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "resource", None)
    spec = importlib.util.spec_from_file_location("devices_on_windows", devices.__file__)
    assert spec and spec.loader
    there = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(there)
    process = SimpleNamespace(memory_info=lambda: SimpleNamespace(peak_wset=2**30))
    monkeypatch.setattr("psutil.Process", lambda: process)
    assert there.peak_memory()["host"] == 2**30


def test_threads_are_set_within_the_block_alone() -> None:
    before = torch.get_num_threads()
    with devices.threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    assert devices.device() in {"cuda", "mps", "cpu"}
