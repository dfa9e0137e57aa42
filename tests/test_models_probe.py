"""Probes: weights not applied, or applied wrongly, are found at a load; rounding is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from graft.core.errors import ModelError
from graft.core.runs import Probe
from graft.models.adapters.lora import Lora
from graft.models.causal import Causal, load_causal
from graft.models.encoder import load_encoder
from graft.models.probe import probe_score, probe_vector, require_probe
from graft.models.reply_probe import probe_reply
from graft.models.reranker import CrossEncoderReranker, grow_reranker
from graft.testing.tiny import tiny_causal, tiny_encoder

WEIGHTS = "adapter_model.safetensors"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return tiny_causal(tmp_path_factory.mktemp("base"), "smollm")


@pytest.fixture(scope="module")
def trained(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Probe]:
    """An adapter that matters, and what the model says with it."""
    folder = tmp_path_factory.mktemp("adapter")
    causal = load_causal(str(base), dtype="float32")
    with causal.training(Lora(rank=4, alpha=8), seed=0) as attached:
        source = torch.Generator().manual_seed(5)
        with torch.no_grad():
            for name, weight in attached.parameters.items():
                if "lora_B" in name:
                    weight.copy_(torch.randn(weight.shape, generator=source) * 0.1)
        attached.save(folder, attached.weights())
        return folder, probe_reply(causal)


def loaded(base: Path, folder: Path, dtype: str = "float32") -> Causal:
    return load_causal(str(base), adapter=str(folder), dtype=dtype)


def changed(folder: Path, to: Path, change: Any) -> Path:
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    save_file({n: change(n, w) for n, w in load_file(to / WEIGHTS).items()}, to / WEIGHTS)
    return to


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_weights_as_they_were_pass_in_each_format(
    base: Path, trained: tuple[Path, Probe], dtype: str
) -> None:
    folder, probe = trained
    assert probe.moved > 4 * 0.1, "the case must tell more than rounding"
    require_probe(probe, loaded(base, folder, dtype), "runs/x")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("fault", ["none", "zero", "doubled", "half of the layers"])
def test_weights_that_are_not_applied_or_applied_wrongly_are_found(
    base: Path, trained: tuple[Path, Probe], tmp_path: Path, fault: str, dtype: str
) -> None:
    folder, probe = trained
    if fault == "none":
        causal = load_causal(str(base), dtype=dtype)
    else:
        change = {
            "zero": lambda name, w: torch.zeros_like(w),
            "doubled": lambda name, w: w * 2 if "lora_B" in name else w,
            "half of the layers": lambda name, w: w * 0 if "layers.0" in name else w,
        }[fault]
        causal = loaded(base, changed(folder, tmp_path, change), dtype)
    with pytest.raises(ModelError, match=r"runs/x answers its probe otherwise.*not applied"):
        require_probe(probe, causal, "runs/x")


def test_a_run_without_a_probe_is_taken_as_it_is(base: Path) -> None:
    require_probe(None, load_causal(str(base), dtype="float32"), "runs/x")


def test_a_token_counts_only_where_rounding_cannot_turn_it(
    base: Path, trained: tuple[Path, Probe]
) -> None:
    folder, probe = trained
    causal = loaded(base, folder)
    # the second choice first, and nearly as likely: another processor may choose so
    near = [[(p[1][0], p[0][1]), (p[0][0], p[0][1]), *p[2:]] for p in probe.found[:1]]
    require_probe(replace(probe, found=[*near, *probe.found[1:]]), causal, "runs/x")
    # the same, but far ahead: that is no rounding
    far = [[(p[1][0], p[0][1]), (p[0][0], p[0][1] - 3), *p[2:]] for p in probe.found[:1]]
    with pytest.raises(ModelError, match="inf"):
        require_probe(replace(probe, found=[*far, *probe.found[1:]]), causal, "runs/x")


def test_an_encoder_and_a_reranker_are_compared_by_a_vector_and_a_score(tmp_path: Path) -> None:
    one = load_encoder(str(tiny_encoder(tmp_path / "one")))
    two = load_encoder(str(tiny_encoder(tmp_path / "two", seed=7)))
    probe = probe_vector(one, two)
    require_probe(probe, two, "runs/x")
    again = load_encoder(str(tmp_path / "two"), query_prefix="ask: ", passage_prefix="tell: ")
    require_probe(probe, again, "runs/x")
    with pytest.raises(ModelError, match="otherwise than when it was trained"):
        require_probe(probe, one, "runs/x")
    cut = load_encoder(str(tmp_path / "two"), max_tokens=4)
    require_probe(probe, cut, "runs/x")
    assert cut.max_tokens == 4
    narrow = load_encoder(str(tmp_path / "two"))
    narrow.module.bfloat16()
    require_probe(probe, narrow, "runs/x")
    first, second = (
        CrossEncoderReranker(grow_reranker(str(tmp_path / n), seed=i).eval(), n)
        for i, n in enumerate(("one", "two"))
    )
    score = probe_score(first, second)
    require_probe(score, second, "runs/x")
    with pytest.raises(ModelError, match="otherwise than when it was trained"):
        require_probe(replace(score, found=score.found + 1.0, moved=0.5), second, "runs/x")
