"""What OpenVINO computes is what torch computes, on texts of any lengths; nothing is sent."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Router

from graft.core.errors import ConfigError, MissingExtra, ModelError
from graft.core.protocols import Encoder, Reranker
from graft.models import export, fast
from graft.models.encoder import SentenceEncoder, load_encoder
from graft.models.export import export_encoder, export_reranker
from graft.models.fast import FastEncoder, FastReranker, by_engine
from graft.models.ir import Ir, computes_bfloat16, openvino
from graft.models.loading import quiet
from graft.models.probe import probe_vector, require_probe
from graft.models.reranker import CrossEncoderReranker, grow_reranker
from graft.testing.tiny import TEXTS, tiny_encoder
from graft.wire import encoder as wired_encoder
from graft.wire import open_workspace
from graft.wire import reranker as wired_reranker

pytest.importorskip("openvino", reason="the extra graft-rag[fast] is not installed")
pytestmark = pytest.mark.slow
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRAFT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "openvino"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


def wired(root: Path, model: Path, engine: str = "auto", dtype: str = "float32") -> Encoder:
    """Return what a new process of a workspace encodes with."""
    flags = {"encoder.model": str(model), "encoder.engine": engine, "encoder.dtype": dtype}
    w = open_workspace(root / "ws", flags)
    return wired_encoder(w, w.config.encoder)


def mixed(count: int = 60) -> list[str]:
    """Texts from none to three times the encoder's 64 tokens, in no order."""
    draw = random.Random(3)
    words = " ".join(TEXTS).split()
    return ["", "a", "  Große ÄRZTE\t東京 🚲 ", *(
        " ".join(draw.choices(words, k=draw.randint(1, 200))) for _ in range(count)
    )]  # fmt: skip


@pytest.mark.parametrize("prefixes", [("", ""), ("query: ", "passage: ")])
@pytest.mark.parametrize("max_tokens", [0, 20])
def test_vectors_digest_and_counts_are_those_of_torch(
    folder: Path, tmp_path: Path, prefixes: tuple[str, str], max_tokens: int
) -> None:
    query, passage = prefixes
    torch_one = load_encoder(
        str(folder), query_prefix=query, passage_prefix=passage, max_tokens=max_tokens
    )
    made = export_encoder(torch_one, tmp_path / "ir")
    texts = mixed()
    for budget, threads in ((4096, 2), (100, 1), (1, 3)):
        one = FastEncoder(Ir(made, threads), "tiny", batch_tokens=budget)
        protocol: Encoder = one
        assert np.abs(one.encode_queries(texts) - torch_one.encode_queries(texts)).max() < 1e-5
        assert np.abs(one.encode_passages(texts) - torch_one.encode_passages(texts)).max() < 1e-5
        assert protocol.count_tokens(texts) == torch_one.count_tokens(texts)
        assert np.abs(one.vector(texts[3], 7) - torch_one.vector(texts[3], 7)).max() < 1e-5
        told = (protocol.digest, protocol.dimensions, protocol.max_tokens)
        assert told == (torch_one.digest, torch_one.dimensions, torch_one.max_tokens)
        assert one.encode_queries([]).shape == (0, torch_one.dimensions)


def test_scores_are_those_of_torch(folder: Path, tmp_path: Path) -> None:
    torch_one = CrossEncoderReranker(grow_reranker(str(folder), seed=0), "tiny")
    with torch.no_grad():
        for name, weight in torch_one.module.named_parameters():
            if "classifier" in name:  # a fresh one says hardly anything
                weight.mul_(30)
    ir = Ir(export_reranker(torch_one, tmp_path / "ir"))
    one: Reranker = FastReranker(ir, "tiny", batch_tokens=200)
    draw = random.Random(5)
    pairs = [(draw.choice(mixed()), draw.choice(mixed())) for _ in range(40)]
    wanted = torch_one.score(pairs)
    assert np.ptp(wanted) > 0.1
    assert np.abs(one.score(pairs) - wanted).max() < 1e-4
    assert one.score([]).shape == (0,) and one.digest == torch_one.digest


def test_an_export_that_loses_its_mask_is_refused_and_torch_computes_it(
    folder: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A padded batch then gives other vectors than its texts alone: so it was found once."""
    forward = export._Output.forward

    def lost(self, input_ids, attention_mask, token_type_ids=None):
        return forward(self, input_ids, torch.ones_like(attention_mask), token_type_ids)

    tried = []
    monkeypatch.setattr(export._Output, "forward", lost)

    def load(engine: str) -> Encoder:
        return wired(tmp_path, folder, engine)

    convert = export._export
    monkeypatch.setattr(export, "_export", lambda *a: tried.append(1) or convert(*a))
    with pytest.raises(ModelError, match="other numbers by OpenVINO"):
        load("openvino")
    assert isinstance(load("auto"), SentenceEncoder) and tried == [1]
    (left,) = cache.iterdir()
    assert left.suffix == fast.REFUSED


def test_a_model_is_written_once_and_again_when_its_files_change(
    folder: Path, tmp_path: Path, cache: Path
) -> None:
    own = shutil.copytree(folder, tmp_path / "model")
    written = []

    def write(target: Path) -> None:
        written.append(target)
        export_encoder(load_encoder(str(own)), target)

    def load(*said: str) -> FastEncoder:
        ir = by_engine("openvino", lambda: str(own), said, write)
        assert ir is not None
        return FastEncoder(ir, "own")

    first = load()
    assert load().digest == first.digest and len(written) == 1
    load("another length")
    assert len(written) == 2
    weights = load_file(own / "model.safetensors")
    save_file({name: w + 0.1 for name, w in weights.items()}, own / "model.safetensors")
    assert load().digest != first.digest and len(written) == 3
    assert not [path for path in cache.iterdir() if path.name.startswith(".building")]


def test_weights_that_are_not_those_of_the_run_are_found_by_its_probe(
    folder: Path, tmp_path: Path
) -> None:
    before = load_encoder(str(folder))
    other = load_encoder(str(tiny_encoder(tmp_path / "other", seed=7)))
    probe = probe_vector(before, other)
    right = Ir(export_encoder(other, tmp_path / "right"))
    wrong = Ir(export_encoder(before, tmp_path / "wrong"))
    require_probe(probe, FastEncoder(right, "other"), "other")
    with pytest.raises(ModelError, match="answers its probe otherwise"):
        require_probe(probe, FastEncoder(wrong, "other"), "other")


def test_threads_get_the_vectors_of_their_own_texts(folder: Path, tmp_path: Path) -> None:
    torch_one = load_encoder(str(folder))
    one = FastEncoder(Ir(export_encoder(torch_one, tmp_path / "ir"), 2), "tiny")
    texts = mixed(12)
    wanted = one.encode_queries(texts)
    found: dict[int, np.ndarray] = {}
    asking = [
        threading.Thread(target=lambda i=i: found.update({i: one.encode_queries([texts[i]])}))
        for i in range(len(texts))
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    for i, vector in found.items():
        assert np.abs(vector[0] - wanted[i]).max() < 1e-5
    assert len(found) == len(texts)


def test_a_cold_process_encodes_without_torch_and_sends_nothing(
    folder: Path, tmp_path: Path
) -> None:
    """OpenVINO reports its imports and conversions to its makers, unless it is kept from it."""
    code = f"""
import socket, sys
tried = []
def refuse(self, address):
    tried.append(address)
    raise OSError("no network here")
socket.socket.connect = refuse
from graft.wire import encoder, open_workspace
w = open_workspace(__import__("pathlib").Path({str(tmp_path / "ws")!r}),
                   {{"encoder.model": {str(folder)!r}, "encoder.engine": "openvino"}})
print(encoder(w, w.config.encoder).encode_queries(["how many days?"]).shape)
import time; time.sleep(1)
print(tried, "torch" in sys.modules, sys.modules.get("openvino_telemetry"))
"""
    said = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ),
            check=True,
        )  # fmt: skip
        said.append(done.stdout.splitlines()[1])
    assert said == ["[] True None", "[] False None"]


def test_ctrl_c_is_heard_after_a_model_was_dropped_by_another_thread(
    folder: Path, tmp_path: Path
) -> None:
    written = export_encoder(load_encoder(str(folder), device="cpu"), tmp_path / "ir")
    code = f"""if True:
        import signal, threading
        from pathlib import Path
        from graft.models.ir import Ir
        signal.signal(signal.SIGINT, lambda *_: print("heard"))
        held = [Ir(Path({str(written)!r}))]
        held[0].run(["one"], 100)
        dropping = threading.Thread(target=held.clear)
        dropping.start()
        dropping.join()
        signal.raise_signal(signal.SIGINT)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr


def test_without_openvino_torch_computes_unless_it_is_asked_for(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "openvino", None)
    flags = {"encoder.model": str(folder)}
    w = open_workspace(tmp_path / "ws", flags)
    assert isinstance(wired_encoder(w, w.config.encoder), SentenceEncoder)
    w = open_workspace(tmp_path / "ws", {**flags, "encoder.engine": "openvino"})
    with pytest.raises(MissingExtra, match=r"pip install graft-rag\[fast\]"):
        wired_encoder(w, w.config.encoder)


def test_a_model_that_reads_questions_otherwise_than_passages_is_torchs(
    folder: Path, tmp_path: Path
) -> None:
    """An Ir knows one way, and would give every question the vector of a passage."""
    with quiet():
        module = SentenceTransformer(str(folder), device="cpu")
        torch.manual_seed(0)
        ways = {task: [Dense(32, 32)] for task in ("query", "document")}
        router = Router(ways, default_route="document")
        SentenceTransformer(modules=[*module, router]).save(str(tmp_path / "routed"))
    one = wired(tmp_path, tmp_path / "routed")
    assert isinstance(one, SentenceEncoder)
    with pytest.raises(ModelError, match="other numbers by OpenVINO"):
        wired(tmp_path, tmp_path / "routed", "openvino")


def test_two_models_whose_files_have_the_same_sizes_and_times_are_two(tmp_path: Path) -> None:
    made = []
    for name, seed in (("one", 1), ("other", 2)):
        model = tiny_encoder(tmp_path / name, seed=seed)
        for path in model.rglob("*"):
            os.utime(path, (1, 1))
        made.append(wired(tmp_path, model))
    assert made[0].digest != made[1].digest
    assert made[1].digest == load_encoder(str(tmp_path / "other")).digest
    # Another one put over it, its times kept.
    for path in (tmp_path / "other").rglob("*.safetensors"):
        shutil.copy2(path, tmp_path / "one" / path.relative_to(tmp_path / "other"))
    assert wired(tmp_path, tmp_path / "one").digest == made[1].digest


@pytest.mark.parametrize("harm", ["a file", "no about", "empty about", "no weights", "cut weights"])
def test_a_cache_that_cannot_be_used_stops_nobody(
    folder: Path, tmp_path: Path, cache: Path, harm: str
) -> None:
    wanted = load_encoder(str(folder)).encode_queries(mixed())
    if harm == "a file":
        cache.parent.mkdir()
        cache.write_text("no folder")
    else:
        wired(tmp_path, folder)
        (there,) = cache.iterdir()
        about, weights = there / "about.json", there / "model.bin"
        {
            "no about": about.unlink, "empty about": lambda: about.write_text(""),
            "no weights": weights.unlink,
            "cut weights": lambda: weights.write_bytes(weights.read_bytes()[:-4]),
        }[harm]()  # fmt: skip
    one = wired(tmp_path, folder)
    assert isinstance(one, SentenceEncoder if harm == "a file" else FastEncoder)
    assert np.abs(one.encode_queries(mixed()) - wanted).max() < 1e-5


def test_a_full_disk_is_no_verdict_on_a_model(
    folder: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(paths: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(export, "flush", full)
        assert isinstance(wired(tmp_path, folder), SentenceEncoder)
        assert list(cache.iterdir()) == []
    assert isinstance(wired(tmp_path, folder), FastEncoder)


def test_a_text_that_cannot_be_read_leaves_the_next_caller_alone(
    folder: Path, tmp_path: Path
) -> None:
    one = wired(tmp_path, folder, "openvino")
    wanted = one.encode_queries(["fine"])
    for _ in range(3):
        with pytest.raises(Exception, match=r"surrogate|TextEncodeInput"):
            one.encode_queries(["good " * 50] * 1024 + ["\ud800"])
        assert np.array_equal(one.encode_queries(["fine"]), wanted)


def test_bfloat16_agrees_with_float32_to_its_rounding_and_has_a_digest_of_its_own(
    folder: Path,
) -> None:
    plain = load_encoder(str(folder))
    rounded = replace(plain, dtype="bfloat16", batch_tokens=100)
    texts = mixed()
    wanted, found = plain.encode_passages(texts), rounded.encode_passages(texts)
    assert found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    off = np.abs(found - wanted).max() / np.abs(wanted).max()
    assert 1e-4 < off < export.OFF["bfloat16"]
    alone = np.concatenate([rounded.encode_passages([text]) for text in texts])
    assert np.abs(alone - found).max() / np.abs(wanted).max() < export.OFF["bfloat16"]
    assert rounded.digest != plain.digest == replace(rounded, dtype="float32").digest
    # What is trained is not rounded, and neither are the weights that were read through it.
    assert {p.dtype for p in plain.module.parameters()} == {torch.float32}


@pytest.mark.parametrize("able", [True, False])
def test_bfloat16_is_openvinos_where_it_computes_in_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, able: bool
) -> None:
    """The capability is a stand-in: without it OpenVINO takes the hint, and computes in float32."""
    monkeypatch.setattr(fast, "computes_bfloat16", lambda: able)
    one = wired(tmp_path, folder, dtype="bfloat16")
    plain = wired(tmp_path, folder)
    assert isinstance(one, FastEncoder if able else SentenceEncoder)
    assert plain.digest != one.digest == replace(load_encoder(str(folder)), dtype="bfloat16").digest
    wanted = plain.encode_passages(mixed())
    assert np.abs(one.encode_passages(mixed()) - wanted).max() < export.OFF["bfloat16"]
    if isinstance(one, FastEncoder):
        assert one.ir.settings["INFERENCE_PRECISION_HINT"] == "bf16"
        assert isinstance(wired(tmp_path, folder, "torch", "bfloat16"), SentenceEncoder)
    else:
        with pytest.raises(ConfigError, match="does not compute in it on this processor"):
            wired(tmp_path, folder, "openvino", "bfloat16")


def test_what_openvino_says_of_the_processor_is_what_bfloat16_is_chosen_by() -> None:
    able = openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    assert computes_bfloat16() == ("BF16" in able) and "FP32" in able


def test_an_export_in_bfloat16_that_loses_its_mask_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tolerance is wider, and must still tell rounding from another model."""
    forward = export._Output.forward

    def lost(self, input_ids, attention_mask, token_type_ids=None):
        return forward(self, input_ids, torch.ones_like(attention_mask), token_type_ids)

    monkeypatch.setattr(export._Output, "forward", lost)
    with pytest.raises(ModelError, match="other numbers by OpenVINO"):
        export_encoder(load_encoder(str(folder)), tmp_path / "ir", dtype="bfloat16")


def test_a_reranker_is_of_the_encoders_numbers(folder: Path, tmp_path: Path) -> None:
    model = grow_reranker(str(folder), seed=0)
    model.save_pretrained(str(tmp_path / "reranker"))
    made = {}
    for dtype in ("float32", "bfloat16"):
        w = open_workspace(tmp_path / "ws", {"encoder.engine": "torch", "encoder.dtype": dtype})
        made[dtype] = wired_reranker(w, str(tmp_path / "reranker"), w.config.encoder.dtype)
    pairs = [("how many days?", text) for text in mixed(10)]
    plain, rounded = (made[dtype].score(pairs) for dtype in made)
    assert 0 < np.abs(plain - rounded).max() < 0.05
    assert made["float32"].digest != made["bfloat16"].digest
