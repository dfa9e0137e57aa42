from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import load_file, save_file

from graft.core.errors import ModelError
from graft.core.generation import Prompt
from graft.models.adapters.lora import Lora
from graft.models.causal import Causal, load_causal
from graft.testing.tiny import tiny_causal

torch.set_num_threads(1)

PROMPT: Prompt = [{"role": "user", "content": "How many leave days carry over?"}]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_causal(tmp_path_factory.mktemp("base"), "smollm")


@pytest.fixture(scope="module")
def adapters(base: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two LoRA adapters of the base, with weights that matter."""
    folders = []
    for seed in (1, 2):
        causal = load_causal(str(base), dtype="float32")
        attached = LORA.attach(causal.model, seed)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for weight in attached.parameters.values():
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.3)
        folders.append(tmp_path_factory.mktemp(f"adapter{seed}"))
        attached.save(folders[-1], attached.weights())
    return folders


LORA = Lora(rank=4, alpha=8)


def logits(causal: Causal) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = causal.model(torch.tensor([causal.ids(PROMPT)])).logits
    return found


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_without_its_adapter_it_equals_the_base_to_the_bit(
    base: Path, adapters: list[Path], dtype: str
) -> None:
    plain = load_causal(str(base), dtype=dtype)
    tuned = load_causal(str(base), adapter=str(adapters[0]), dtype=dtype)
    expected, before = logits(plain), logits(tuned)
    assert not torch.equal(before, expected)
    with tuned.without_adapter():
        assert torch.equal(logits(tuned), expected)
    assert torch.equal(logits(tuned), before)


def test_adapters_are_switched_on_one_base(base: Path, adapters: list[Path]) -> None:
    causal = load_causal(str(base), dtype="float32")
    plain = logits(causal)
    causal.load_adapter("one", adapters[0])
    one = logits(causal)
    causal.load_adapter("two", adapters[1])
    two = logits(causal)
    assert causal.adapters == ("one", "two")
    assert causal.adapter == "two"
    assert not torch.equal(one, two)
    causal.use("one")
    assert torch.equal(logits(causal), one)
    with causal.using("two"):
        assert torch.equal(logits(causal), two)
        with causal.using(""):
            assert causal.adapter == ""
            assert torch.equal(logits(causal), plain)
        assert torch.equal(logits(causal), two)
    with causal.using(None):
        assert torch.equal(logits(causal), one)
    assert causal.adapter == "one"
    with causal.without_adapter(), causal.using("two"):
        assert torch.equal(logits(causal), two)
        assert causal.adapter == "two"
    assert torch.equal(logits(causal), one)
    with pytest.raises(ModelError, match=r"no adapter 'three'.*one, two"):
        causal.use("three")


def test_a_base_without_adapters_has_none_to_leave_out(base: Path) -> None:
    causal = load_causal(str(base), dtype="float32")
    with causal.without_adapter(), causal.using(""), causal.using(None):
        assert causal.adapter == ""
    with pytest.raises(ModelError, match="loaded: none"):
        causal.use("one")


def test_a_loaded_adapter_is_not_trainable_and_a_fresh_one_alone_is(
    base: Path, adapters: list[Path]
) -> None:
    causal = load_causal(str(base), adapter=str(adapters[0]), dtype="float32")
    assert not any(weight.requires_grad for weight in causal.model.parameters())
    with causal.training(LORA, seed=0) as attached:
        trained = {name for name, weight in causal.model.named_parameters() if weight.requires_grad}
        assert trained == set(attached.parameters)
        with causal.without_adapter(), causal.using("default"):
            pass
        after = {name for name, weight in causal.model.named_parameters() if weight.requires_grad}
        assert after == trained


def test_the_digest_changes_with_all_that_changes_an_output(
    base: Path, adapters: list[Path], tmp_path: Path
) -> None:
    plain = load_causal(str(base), dtype="float32")
    assert plain.digest == load_causal(str(base), dtype="float32").digest
    assert plain.digest != load_causal(str(base), dtype="bfloat16").digest
    one, two = (load_causal(str(base), adapter=str(a), dtype="float32") for a in adapters)
    assert len({plain.digest, one.digest, two.digest}) == 3
    with one.without_adapter():
        assert one.digest == plain.digest
    one.load_adapter("two", adapters[1])
    assert one.digest == two.digest

    other = Path(shutil.copytree(base, tmp_path / "template"))
    template = other / "chat_template.jinja"
    template.write_text(template.read_text().replace("helpful", "grumpy"))
    assert load_causal(str(other), dtype="float32").digest != plain.digest

    other = Path(shutil.copytree(base, tmp_path / "weights"))
    weights = load_file(other / "model.safetensors")
    weights["model.norm.weight"][0] += 1e-3
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    assert load_causal(str(other), dtype="float32").digest != plain.digest


def test_a_digest_taken_with_an_adapter_is_that_of_a_fresh_load(
    base: Path, adapters: list[Path], tmp_path: Path
) -> None:
    trained = load_causal(str(base), adapter=str(adapters[0]), dtype="float32")
    attached = trained.attached["default"]
    attached.save(tmp_path, attached.weights())
    again = load_causal(str(base), adapter=str(tmp_path), dtype="float32")
    assert again.digest == trained.digest


def test_a_fresh_adapter_digest_survives_saving(base: Path, tmp_path: Path) -> None:
    causal = load_causal(str(base), dtype="float32")
    with causal.training(LORA, seed=0) as attached:
        digest = causal.digest
        attached.save(tmp_path, attached.weights())
    assert load_causal(str(base), adapter=str(tmp_path), dtype="float32").digest == digest


@pytest.mark.parametrize(
    ("name", "words"),
    [("./nothing", "no folder"), ("/nothing/here", "no folder"), ("a/b/c", "no folder")],
)
def test_a_path_is_never_looked_up_on_the_hub(
    monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", never)
    with pytest.raises(ModelError, match=words):
        load_causal(name)


def test_a_folder_or_file_that_holds_no_model_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", never)
    with pytest.raises(ModelError, match=f"{tmp_path} has no config.json"):
        load_causal(str(tmp_path))
    file = tmp_path / "model.gguf"
    file.write_text("")
    with pytest.raises(ModelError, match="is a file"):
        load_causal(str(file))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "no such type"}))
    with pytest.raises(ModelError, match="cannot be loaded as a causal language model"):
        load_causal(str(tmp_path))


def test_a_hub_name_without_a_network_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def offline(name: str, *, local_files_only: bool = False, **_: Any) -> str:
        asked.append(local_files_only)
        if local_files_only:
            raise LocalEntryNotFoundError("not in the cache")
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(ModelError, match=r"some/model is no folder here.*network"):
        load_causal("some/model")
    assert asked == [True, False]


def test_a_cached_hub_model_needs_no_network(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cached(name: str, *, local_files_only: bool = False, **_: Any) -> str:
        assert local_files_only
        return str(base)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", cached)
    assert load_causal("some/model").name == "some/model"


def test_weights_that_are_missing_are_not_drawn_at_random(base: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(base, tmp_path / "broken"))
    weights = load_file(broken / "model.safetensors")
    weights.pop("model.layers.1.mlp.up_proj.weight")
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks weights.*layers\.1\.mlp\.up_proj"):
        load_causal(str(broken))


def test_an_adapter_of_another_base_is_refused(adapters: list[Path], tmp_path: Path) -> None:
    other = tiny_causal(tmp_path / "other", "gemma")
    deeper = Path(shutil.copytree(adapters[0], tmp_path / "deeper"))
    weights = load_file(deeper / "adapter_model.safetensors")
    for name in sorted(weights):
        weights[name.replace("layers.1.", "layers.2.")] = weights[name].clone()
    save_file(weights, deeper / "adapter_model.safetensors")
    wider = Path(shutil.copytree(adapters[0], tmp_path / "wider"))
    weights = {name: torch.ones(8, 48) for name in load_file(wider / "adapter_model.safetensors")}
    save_file(weights, wider / "adapter_model.safetensors")
    for adapter in (deeper, wider):
        with pytest.raises(ModelError, match=r"does not fit.*trained on"):
            load_causal(str(other), adapter=str(adapter))
    with pytest.raises(ModelError, match="no folder"):
        load_causal(str(other), adapter="./nothing")
    with pytest.raises(ModelError, match=r"has no adapter_config\.json"):
        load_causal(str(other), adapter=str(other))


def test_an_adapter_without_weights_is_refused(base: Path, tmp_path: Path) -> None:
    config = {"peft_type": "PROMPT_TUNING", "task_type": "CAUSAL_LM", "num_virtual_tokens": 4}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    causal = load_causal(str(base), dtype="float32")
    before = logits(causal)
    with pytest.raises(ModelError, match="does not fit"):
        causal.load_adapter("new", tmp_path)
    assert causal.adapters == () and torch.equal(logits(causal), before)


def never(*_: Any, **__: Any) -> str:
    raise AssertionError("the hub was asked")
