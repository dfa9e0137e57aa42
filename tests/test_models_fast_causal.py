"""What a generator writes by OpenVINO is what it writes by torch, with an adapter and without."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from graft.core.errors import ConfigError, ModelError
from graft.core.generation import Decoding, Prompt
from graft.core.protocols import Generator
from graft.generate.local import LocalGenerator
from graft.models import export_causal as export
from graft.models import fast
from graft.models.adapters.lora import Lora
from graft.models.causal import Causal, load_causal
from graft.models.export_causal import export_causal
from graft.models.fast_causal import FastCausal
from graft.models.ir import Ir, Refused
from graft.models.probe import require_probe
from graft.models.reply_probe import probe_reply
from graft.testing.tiny import Family, tiny_causal
from graft.wire import generator as wired_generator
from graft.wire import open_workspace

pytest.importorskip("openvino", reason="the extra graft-rag[fast] is not installed")
pytestmark = pytest.mark.slow
torch.set_num_threads(1)

FAMILIES = get_args(Family)
GREEDY = Decoding(max_new_tokens=10)
QUESTIONS = ("Where?", "a", "How many leave days carry over, and <|im_end|> why? " * 3, "b")
SYSTEM = "Answer the question from the passages. Give the answer first, in few words."
PROMPTS: list[Prompt] = [
    [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]
    for question in QUESTIONS
]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRAFT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "openvino"


def tiny(folder: Path, family: Family = "smollm") -> Causal:
    return load_causal(str(tiny_causal(folder / family, family)), dtype="float32")


def tuned(causal: Causal, name: str = "default", seed: int = 5) -> Causal:
    """The model with a LoRA in use that changes what it writes."""
    causal.attached[name] = attached = Lora(rank=4, alpha=8).attach(causal.model, 0)
    source = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, weight in attached.parameters.items():
            if "lora_B" in key:
                weight.copy_(torch.randn(weight.shape, generator=source) * 0.2)
    causal.use(name)
    return causal


def told(generator: LocalGenerator) -> list[Any]:
    """Everything that a generator says: texts together, alone, warm and streamed, and scores."""
    warm = Decoding(max_new_tokens=10, temperature=1.0, seed=3)
    together = generator.generate(PROMPTS, GREEDY)
    assert [generator.generate([prompt], GREEDY)[0] for prompt in PROMPTS] == together
    assert "".join(generator.stream(PROMPTS[2], GREEDY)) == together[2].text
    counts = [generator.count_tokens(prompt) for prompt in PROMPTS]
    said = generator.digest, generator.context_tokens
    return [together, generator.generate(PROMPTS, warm), counts, said]


def scores(generator: LocalGenerator) -> list[float]:
    return generator.score(PROMPTS, ["Five days", "", "x", "yes, it is in Oslo"])


@pytest.mark.parametrize("family", FAMILIES)
def test_texts_scores_and_digest_are_those_of_torch(tmp_path: Path, family: Family) -> None:
    causal = tiny(tmp_path, family)
    made = FastCausal(Ir(export_causal(causal, tmp_path / "ir")), causal.name)
    ours, theirs = LocalGenerator(made), LocalGenerator(causal)
    protocol: Generator = ours
    assert protocol.replayable and told(ours) == told(theirs)
    assert scores(ours) == pytest.approx(scores(theirs), abs=1e-4)
    writing = replace(GREEDY, min_new_tokens=2)
    pairs = zip(ours.generate(PROMPTS, writing), theirs.generate(PROMPTS, writing), strict=True)
    for own, other in pairs:
        assert own == other and own.new_tokens >= 2
        assert own.log_probs == pytest.approx(other.log_probs, abs=1e-3)
        assert own.silence == pytest.approx(other.silence, abs=1e-4)


def test_rows_that_end_leave_and_streams_take_turns(tmp_path: Path) -> None:
    causal = tiny(tmp_path)
    ours = LocalGenerator(FastCausal(Ir(export_causal(causal, tmp_path / "ir")), "tiny"))
    whole = ours.generate(PROMPTS, GREEDY)
    stop = whole[0].text[2:5]
    stopping = Decoding(max_new_tokens=10, stop=(stop, whole[1].text[5:8]))
    assert ours.generate(PROMPTS, stopping) == LocalGenerator(causal).generate(PROMPTS, stopping)
    one, two = ours.stream(PROMPTS[0], GREEDY), ours.stream(PROMPTS[2], GREEDY)
    mixed = [[next(one)], [next(two)]]
    mixed[0] += list(one)
    mixed[1] += list(two)
    assert ["".join(pieces) for pieces in mixed] == [whole[0].text, whole[2].text]


def test_an_adapter_is_written_with_its_base_and_its_probe_tells(tmp_path: Path) -> None:
    base = tiny(tmp_path)
    plain = FastCausal(Ir(export_causal(base, tmp_path / "plain")), "tiny")
    causal = tuned(base)
    probe = probe_reply(causal)
    made = FastCausal(Ir(export_causal(causal, tmp_path / "ir")), "tiny", "runs/a")
    assert told(LocalGenerator(made)) == told(LocalGenerator(causal))
    assert made.digest == causal.digest != plain.digest
    require_probe(probe, made, "runs/a")
    with pytest.raises(ModelError, match="its weights are not applied"):
        require_probe(probe, plain, "runs/a")
    with pytest.raises(ModelError, match="no adapter was asked for"):
        LocalGenerator(made, adapter="").generate(PROMPTS, GREEDY)


def test_what_16_bits_hold_takes_16_bits_and_all_else_stays(tmp_path: Path) -> None:
    causal = tiny(tmp_path)
    whole = export_causal(causal, tmp_path / "whole") / "model.bin"
    with torch.no_grad():  # as the weights of a model that was published in bfloat16 are
        for weight in causal.model.parameters():
            weight.copy_(weight.bfloat16().float())
    causal.base_digest = ""
    half = export_causal(causal, tmp_path / "half") / "model.bin"
    assert half.stat().st_size < 0.7 * whole.stat().st_size
    # The adapter's own numbers are none of 16 bits, and must not become such.
    ours = FastCausal(Ir(export_causal(tuned(causal), tmp_path / "tuned")), "tiny")
    assert scores(LocalGenerator(ours)) == pytest.approx(scores(LocalGenerator(causal)), abs=2e-5)


def test_int8_is_another_model_that_is_near(tmp_path: Path) -> None:
    causal = tiny(tmp_path)
    made = FastCausal(Ir(export_causal(causal, tmp_path / "ir", int8=True)), "tiny")
    assert made.digest != causal.digest
    near, exact = scores(LocalGenerator(made)), scores(LocalGenerator(causal))
    assert near == pytest.approx(exact, abs=0.2) and near != pytest.approx(exact, abs=1e-4)


def test_an_export_that_loses_its_mask_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = export._Traced.forward

    def lost(self, input_ids, attention_mask, position_ids, logits_to_keep, past):  # type: ignore[no-untyped-def]
        seen = torch.ones_like(attention_mask)
        return forward(self, input_ids, seen, position_ids, logits_to_keep, past)

    monkeypatch.setattr(export._Traced, "forward", lost)
    with pytest.raises(Refused, match="other numbers by OpenVINO"):
        export_causal(tiny(tmp_path), tmp_path / "ir")
    assert [path.name for path in tmp_path.iterdir()] == ["smollm"]


def test_what_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    causal = tiny(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Causal, "virtual_tokens", 4)
        with pytest.raises(Refused, match="virtual tokens"):
            export_causal(causal, tmp_path / "ir")
    causal.tokenizer.chat_template = "{{ strftime_now('%Y') }}" + causal.tokenizer.chat_template
    with pytest.raises(Refused, match="template that needs transformers"):
        export_causal(causal, tmp_path / "ir")


def wired(root: Path, model: Path, **said: str) -> Generator:
    """Return what a new process of a workspace writes with."""
    flags = {"generate.model": str(model), **{f"generate.{key}": v for key, v in said.items()}}
    w = open_workspace(root / "ws", flags)
    return wired_generator(w, w.config.generate)


def engine(made: Any) -> type:
    return type(made.causal)


def test_openvino_writes_where_it_is_asked_for(tmp_path: Path, cache: Path) -> None:
    folder = tiny_causal(tmp_path / "model", "smollm")
    one = wired(tmp_path, folder)
    assert engine(one) is engine(wired(tmp_path, folder, engine="torch")) is Causal
    assert not cache.exists()
    other = wired(tmp_path, folder, engine="openvino", dtype="float32")
    assert engine(other) is FastCausal
    assert other.digest == wired(tmp_path, folder, dtype="float32").digest
    assert len(list(cache.iterdir())) == 1
    with pytest.raises(ConfigError, match="bfloat16, which torch alone computes in"):
        wired(tmp_path, folder, engine="openvino", dtype="bfloat16")


def test_what_openvino_refuses_is_told_and_tried_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_causal(tmp_path / "model", "smollm")
    tried = []

    def refuse(causal: Causal) -> Any:
        tried.append(causal)
        raise Refused("tiny cannot be written")

    monkeypatch.setattr(export, "_stateful", refuse)
    for _ in range(2):
        with pytest.raises(Refused, match="tiny cannot be written"):
            wired(tmp_path, folder, engine="openvino")
    assert len(tried) == 1 and fast.refusals() == ["tiny cannot be written"]


def test_a_changed_adapter_is_written_anew(tmp_path: Path) -> None:
    folder = tiny_causal(tmp_path / "model", "smollm")
    causal = tuned(load_causal(str(folder), dtype="float32"))
    own = tmp_path / "adapter"
    own.mkdir()

    def saved() -> None:
        attached = causal.attached[causal.adapter]
        attached.save(own, attached.weights())

    saved()
    first = wired(tmp_path, folder, engine="openvino", adapter=str(own))
    assert first.digest == causal.digest
    assert told(first) == told(LocalGenerator(causal))  # type: ignore[arg-type]
    causal = tuned(load_causal(str(folder), dtype="float32"), seed=6)
    saved()
    again = wired(tmp_path, folder, engine="openvino", adapter=str(own))
    assert again.digest == causal.digest != first.digest
    shutil.rmtree(own)
    with pytest.raises(ModelError):
        wired(tmp_path, folder, engine="openvino", adapter=str(own))


def test_what_was_written_is_loaded_without_torch(tmp_path: Path) -> None:
    folder = tiny_causal(tmp_path / "model", "smollm")
    text = wired(tmp_path, folder, engine="openvino").generate(PROMPTS, GREEDY)[0].text
    code = f"""if True:
        import sys
        from pathlib import Path
        from graft.core.generation import Decoding
        from graft.wire import generator, open_workspace
        w = open_workspace(Path({str(tmp_path / "ws")!r}),
            {{"generate.model": {str(folder)!r}, "generate.engine": "openvino"}})
        found = generator(w, w.config.generate).generate([{PROMPTS[0]!r}], Decoding(10))[0]
        heavy = sorted({{"torch", "transformers", "peft"}} & set(sys.modules))
        print([found.text, heavy])
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([text, []])
