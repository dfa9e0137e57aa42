"""Adapters: every kind goes on, trains, is saved and comes off; the base and others are left."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from peft import (
    LoraConfig,
    PeftModel,
    PrefixTuningConfig,
    PromptEncoderConfig,
    PromptTuningConfig,
)
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file, save_file
from torch import nn

from graft.core.context import Context
from graft.core.errors import ConfigError, ModelError
from graft.core.generation import Decoding
from graft.core.recipe import Recipe, Schedule
from graft.generate.local import LocalGenerator
from graft.generate.prompts import CLOSED_BOOK, build
from graft.models.adapter import ADAPTERS, Adapter, Attached, adapter_of, cannot_merge
from graft.models.adapters.full import Full
from graft.models.adapters.lora import Lora
from graft.models.causal import Causal, load_causal
from graft.models.digest import tensors_digest
from graft.models.encoder import load_encoder
from graft.models.peft_adapter import PeftAdapter
from graft.testing.tiny import tiny_causal, tiny_encoder
from graft.tune.generator import tune_generator
from graft.tune.sft import TrainItem
from graft.tune.supervised import look_at

TOKENS = 6


@dataclass(frozen=True)
class Prompt(PeftAdapter):
    name: ClassVar[str] = "prompt"

    def config(self, model: nn.Module) -> PromptTuningConfig:
        return PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=TOKENS)


@dataclass(frozen=True)
class Prefix(PeftAdapter):
    name: ClassVar[str] = "prefix"

    def config(self, model: nn.Module) -> PrefixTuningConfig:
        return PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=TOKENS)


@dataclass(frozen=True)
class PTuning(PeftAdapter):
    name: ClassVar[str] = "p-tuning"

    def config(self, model: nn.Module) -> PromptEncoderConfig:
        return PromptEncoderConfig(
            task_type="CAUSAL_LM", num_virtual_tokens=TOKENS, encoder_hidden_size=32
        )


class _Between(Attached):
    """Two layers after every feed-forward one: what PEFT does not have."""

    def __init__(self, model: nn.Module, made: nn.ModuleList, places: list[nn.Module]) -> None:
        self.made, self.on = made, True
        self.parameters = dict(made.named_parameters())
        self.handles = [
            place.register_forward_hook(partial(self.after, made[i]))
            for i, place in enumerate(places)
        ]

    def after(self, layer: nn.Module, _: nn.Module, __: Any, out: torch.Tensor) -> torch.Tensor:
        return out + layer(out.float()).to(out.dtype) if self.on else out

    def enable(self, on: bool) -> None:
        self.on = on

    def weights(self) -> dict[str, torch.Tensor]:
        return {name: p.detach() for name, p in self.made.named_parameters()}

    def save(self, folder: Path, weights: Mapping[str, torch.Tensor], *, base: str = "") -> None:
        save_file(dict(weights), folder / "between.safetensors")

    def load(self, folder: Path) -> None:
        self.made.load_state_dict(load_file(folder / "between.safetensors"))

    def merge(self) -> None:
        raise cannot_merge("bottleneck")

    def detach(self) -> None:
        for handle in self.handles:
            handle.remove()

    @property
    def digest(self) -> str:
        return tensors_digest(self.weights())


@dataclass(frozen=True)
class Bottleneck(Adapter):
    name: ClassVar[str] = "bottleneck"

    size: int = 4

    def attach(self, model: nn.Module, seed: int) -> Attached:
        places = [module for name, module in model.named_modules() if name.endswith(".mlp")]
        width = model.config.hidden_size
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            made = nn.ModuleList(
                nn.Sequential(nn.Linear(width, self.size), nn.Linear(self.size, width))
                for _ in places
            )
        return _Between(model, made, places)


VIRTUAL = (Prompt, Prefix, PTuning)
KINDS = (Lora, Full, Bottleneck, *VIRTUAL)


@pytest.fixture(scope="module", autouse=True)
def _seam() -> Iterator[None]:
    for kind in (Bottleneck, *VIRTUAL):
        ADAPTERS.add(kind)
    yield
    for kind in (Bottleneck, *VIRTUAL):
        ADAPTERS.drop(kind.name)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return tiny_causal(tmp_path_factory.mktemp("base"), "llama")


def logits(causal: Causal) -> torch.Tensor:
    with torch.no_grad():
        return causal.model(input_ids=torch.tensor([[5, 6, 7, 8]])).logits


def shake(attached: Attached, seed: int = 0) -> None:
    source = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in attached.parameters.values():
            weight.add_(torch.randn(weight.shape, generator=source) * 0.2)


def test_a_kind_is_written_and_read_by_its_tag() -> None:
    for kind in KINDS:
        assert adapter_of(kind().to_dict()) == kind()
        assert adapter_of(json.loads(json.dumps(kind().to_dict()))) == kind()
    assert Lora(rank=4).to_dict()["name"] == "lora"
    with pytest.raises(ConfigError, match="did you mean 'lora'"):
        adapter_of({"name": "lorra"})
    with pytest.raises(ConfigError, match="'lora' has no setting 'ranks'"):
        adapter_of({"name": "lora", "ranks": 4})


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_attached_comes_off_and_leaves_the_rest_to_the_bit(
    base: Path, tmp_path: Path, kind: type[Adapter], dtype: str
) -> None:
    causal = load_causal(str(base), dtype=dtype)
    bare = {name: value.clone() for name, value in causal.model.state_dict().items()}
    modules, plain, digest = set(causal.model.modules()), logits(causal), causal.digest
    other = Lora(rank=2).attach(causal.model, 1)
    shake(other)
    (tmp_path / "other").mkdir()
    other.save(tmp_path / "other", other.weights())
    other.detach()
    causal.model.requires_grad_(True)
    causal.model.lm_head.requires_grad_(False)
    moved = {name: p.requires_grad for name, p in causal.model.named_parameters()}
    causal.load_adapter("other", tmp_path / "other")
    held = {name: value.clone() for name, value in causal.attached["other"].weights().items()}
    with_other = logits(causal)
    with causal.training(kind(), seed=3) as attached:
        assert attached.parameters and all(p.requires_grad for p in attached.parameters.values())
        moving = [p for p in causal.model.parameters() if p.requires_grad]
        assert {*moving} <= {*attached.parameters.values()}, "nothing else may move"
        first = {name: p.detach().clone() for name, p in attached.parameters.items()}
        shake(attached)
    assert causal.adapters == ("other",) and causal.adapter == "other"
    now = causal.attached["other"].weights()
    assert all(torch.equal(held[name], now[name]) for name in held)
    assert torch.equal(logits(causal), with_other)
    with causal.without_adapter():
        assert torch.equal(logits(causal), plain) and causal.digest == digest
    causal.attached.pop("other").detach()
    causal.adapter = ""
    after = causal.model.state_dict()
    assert after.keys() == bare.keys()
    assert all(torch.equal(bare[n], after[n]) and bare[n].dtype == after[n].dtype for n in bare)
    assert set(causal.model.modules()) == modules
    assert {name: p.requires_grad for name, p in causal.model.named_parameters()} == moved
    # the seed draws it, and nothing else does
    torch.manual_seed(99)
    state = torch.get_rng_state()
    with causal.training(kind(), seed=3) as attached:
        same = {name: p.detach().clone() for name, p in attached.parameters.items()}
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(first[name], same[name]) for name in first)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_loads_again_with_its_digest(
    base: Path, tmp_path: Path, kind: type[Adapter]
) -> None:
    causal = load_causal(str(base), dtype="float32")
    with causal.training(kind(), seed=0) as attached:
        shake(attached)
        digest = attached.digest
        attached.save(tmp_path, attached.weights())
    with causal.training(kind(), seed=1) as again:
        assert again.digest != digest
        if kind is not PTuning:  # what is saved of it is what its encoder gives
            again.load(tmp_path)
            assert again.digest == digest


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_serves_by_its_kind_beside_the_base(
    base: Path, tmp_path: Path, kind: type[Adapter]
) -> None:
    causal = load_causal(str(base), dtype="float32")
    plain, prompts = logits(causal), [build(CLOSED_BOOK, "Where is the office?")]
    with causal.training(kind(), seed=0) as attached:
        shake(attached)
        attached.save(tmp_path, attached.weights())
        causal.model.eval()
        tuned, digest = logits(causal), attached.digest
        told = LocalGenerator(causal, adapter=None).score(prompts, ["Oslo"])
    assert causal.adapters == ()
    causal.load_adapter("tuned", tmp_path, kind())
    assert torch.equal(logits(causal), tuned) and causal.attached["tuned"].digest == digest
    assert LocalGenerator(causal, adapter="tuned").score(prompts, ["Oslo"]) == told
    with causal.without_adapter():
        assert torch.equal(logits(causal), plain)
        causal.attached["tuned"].load(tmp_path)
        assert torch.equal(logits(causal), plain), "what is off changes nothing on the model"
    # another of the kind beside it, loaded while the first is in use
    causal.load_adapter("second", tmp_path, kind())
    assert torch.equal(logits(causal), tuned)
    with causal.without_adapter():
        assert torch.equal(logits(causal), plain)


@pytest.mark.parametrize("kind", KINDS)
def test_what_does_not_fit_leaves_the_model_as_it_was(
    base: Path, tmp_path: Path, kind: type[Adapter]
) -> None:
    causal = load_causal(str(base), dtype="float32")
    plain = logits(causal)
    with pytest.raises(ModelError, match="does not fit"):
        causal.load_adapter("tuned", tmp_path, kind())
    assert torch.equal(logits(causal), plain) and causal.adapters == ()


@dataclass(frozen=True)
class Given(PeftAdapter):
    name: ClassVar[str] = "given"

    settings: Any = None

    def config(self, model: nn.Module) -> Any:
        return self.settings


@pytest.mark.parametrize("began", ["pissa", "olora", "pissa_niter_4"])
def test_what_would_change_the_base_is_refused(base: Path, tmp_path: Path, began: str) -> None:
    causal = load_causal(str(base), dtype="float32")
    plain = logits(causal)
    config = LoraConfig(r=4, target_modules=["q_proj"], init_lora_weights=began)
    with (
        pytest.raises(ModelError, match="changes the weights of its base"),
        causal.training(Given(config), seed=0),
    ):
        pass
    with causal.training(Lora(rank=4, targets=("q_proj",)), seed=0) as attached:
        attached.save(tmp_path, attached.weights())
    about = json.loads((tmp_path / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(json.dumps({**about, "init_lora_weights": began}))
    with pytest.raises(ModelError, match="changes the weights of its base"):
        causal.load_adapter("tuned", tmp_path)
    assert torch.equal(logits(causal), plain)


@pytest.mark.parametrize("bias", ["lora_only", "all"])
def test_an_adapter_that_trains_biases_of_the_base_is_refused(base: Path, bias: str) -> None:
    causal = load_causal(str(base), dtype="float32")
    plain = logits(causal)
    config = LoraConfig(r=4, target_modules=["q_proj"], bias=bias)  # type: ignore[arg-type]
    with (
        pytest.raises(ModelError, match="trains biases of its base"),
        causal.training(Given(config), seed=0),
    ):
        pass
    assert torch.equal(logits(causal), plain)


def test_a_name_in_use_and_a_model_under_training_take_no_other_adapter(
    base: Path, tmp_path: Path
) -> None:
    causal = load_causal(str(base), dtype="float32")
    with causal.training(Lora(rank=4), seed=0) as attached:
        shake(attached)
        attached.save(tmp_path, attached.weights())
        with pytest.raises(ModelError, match="is under training"):
            causal.load_adapter("tuned", tmp_path)
    causal.load_adapter("tuned", tmp_path)
    tuned = logits(causal)
    with pytest.raises(ModelError, match="has a 'tuned' already"):
        causal.load_adapter("tuned", tmp_path)
    assert torch.equal(logits(causal), tuned)


def test_an_attach_that_fails_on_the_way_leaves_nothing(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    causal = load_causal(str(base), dtype="float32")
    modules, plain, calls = set(causal.model.modules()), logits(causal), []
    original = LoraLayer.update_layer

    def short(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("out of memory")
        return original(*args, **options)

    monkeypatch.setattr(LoraLayer, "update_layer", short)
    with pytest.raises(RuntimeError, match="out of memory"), causal.training(Lora(), seed=0):
        pass
    assert set(causal.model.modules()) == modules and torch.equal(logits(causal), plain)


def test_kinds_of_peft_share_a_base_and_plain_peft_loads_what_is_saved(
    base: Path, tmp_path: Path
) -> None:
    causal = load_causal(str(base), dtype="float32")
    plain = logits(causal)
    with causal.training(Lora(rank=4), seed=0) as attached:
        shake(attached)
        tuned = logits(causal)
        attached.save(tmp_path, attached.weights(), base="tiny")
    fresh = load_causal(str(base), dtype="float32")
    with torch.no_grad():
        told = PeftModel.from_pretrained(fresh.model, str(tmp_path))(
            input_ids=torch.tensor([[5, 6, 7, 8]])
        ).logits
    assert torch.equal(told, tuned) and not torch.equal(tuned, plain)


def test_what_changes_weights_can_be_merged_and_what_does_not_says_so(base: Path) -> None:
    causal = load_causal(str(base), dtype="float32")
    names = set(causal.model.state_dict())
    attached = Lora(rank=4).attach(causal.model, 0)
    shake(attached)
    tuned = logits(causal)
    attached.merge()
    torch.testing.assert_close(logits(causal), tuned, rtol=1e-3, atol=1e-3)
    assert set(causal.model.state_dict()) == names
    with pytest.raises(ModelError, match="cannot be added to the weights"):
        Prompt().attach(causal.model, 0).merge()


def test_the_encoder_takes_the_same_adapters(tmp_path: Path) -> None:
    module = load_encoder(str(tiny_encoder(tmp_path))).module
    before = {name: value.clone() for name, value in module.state_dict().items()}
    for kind in (Lora(rank=2), Full()):
        attached = kind.attach(module, 0)
        shake(attached)
        attached.detach()
        after = module.state_dict()
        assert after.keys() == before.keys()
        assert all(torch.equal(before[name], after[name]) for name in before)


PAIRS = {"Where is the office?": "Oslo", "How many days?": "five days", "Who?": "nobody"}
ITEMS = [TrainItem(build(CLOSED_BOOK, q), a, q) for q, a in PAIRS.items()]
RECIPE = Recipe(
    "generator", "closed-book", "tiny", adapter={"name": "prompt"},
    schedule=Schedule(
        epochs=40, batch_size=3, learning_rate=0.2, evaluations=1, patience=50, max_tokens=300
    ),
)  # fmt: skip


@pytest.mark.parametrize("kind", VIRTUAL)
def test_virtual_tokens_train_and_decode_with_a_cache_as_without(
    base: Path, tmp_path: Path, kind: type[Adapter]
) -> None:
    causal = load_causal(str(base), dtype="float32")
    name, recipe = RECIPE.objective, Recipe(**{**vars(RECIPE), "adapter": kind().to_dict()})
    tuned = tune_generator(causal, {name: ITEMS}, {name: ITEMS}, recipe=recipe, ctx=Context())
    assert tuned.after["loss"] < 0.9 * tuned.before["loss"]
    assert causal.adapters == ()
    tuned.save(tmp_path)
    causal.load_adapter("tuned", tmp_path)
    assert causal.virtual_tokens == TOKENS
    found = look_at(causal, ITEMS, recipe=recipe, ctx=Context())
    assert found["loss"] == pytest.approx(tuned.after["loss"], rel=1e-3)

    generator = LocalGenerator(causal, adapter="tuned")
    prompts = [*(item.prompt for item in ITEMS), build(CLOSED_BOOK, "Where is the harbour? " * 4)]
    told = generator.generate(prompts, Decoding(max_new_tokens=8))
    handle = causal.attached["tuned"].handle
    for prompt, generation in zip(prompts, told, strict=True):
        ids = causal.ids(prompt)
        new: list[int] = []
        while len(new) < 8:
            with torch.no_grad():  # PEFT's own forward, all of it at every token
                step = handle(input_ids=torch.tensor([[*ids, *new]])).logits[0, -1]
            new.append(int(step.argmax()))
            if new[-1] in causal.end_ids:
                new.pop()
                break
        assert generation.text == causal.decode(new).rstrip("\ufffd")
    with causal.without_adapter():
        plain = LocalGenerator(causal, adapter="").generate(prompts, Decoding(max_new_tokens=8))
    assert [g.text for g in plain] != [g.text for g in told]
    scored = generator.score(prompts[:3], [item.answer for item in ITEMS])
    assert sum(scored) > sum(
        LocalGenerator(causal, adapter="").score(prompts[:3], list(PAIRS.values()))
    )
