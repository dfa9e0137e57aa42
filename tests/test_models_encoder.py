from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

from graft.core.errors import ModelError
from graft.core.protocols import Encoder
from graft.models.encoder import SentenceEncoder, load_encoder
from graft.models.loading import quiet
from graft.testing.tiny import TEXTS, tiny_encoder

torch.set_num_threads(1)


def mixed(count: int = 40) -> list[str]:
    """Texts from none to three times the encoder's 64 tokens, in no order."""
    draw = random.Random(3)
    words = " ".join(TEXTS).split()
    return [
        "", "a", *(" ".join(draw.choices(words, k=draw.randint(1, 200))) for _ in range(count))
    ]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def encoder(folder: Path) -> SentenceEncoder:
    return load_encoder(str(folder), device="cpu")


def edited(folder: Path, to: Path, *parts: torch.nn.Module, **attributes: object) -> Path:
    """Save a copy of an encoder whose last modules are others."""
    with quiet():
        module = SentenceTransformer(str(folder), device="cpu")
        first = module[0]
        other = SentenceTransformer(modules=[first, *parts] if parts else list(module))
        for name, value in attributes.items():
            setattr(other, name, value)
        other.save(str(to), create_model_card=False)
    return to


def test_vectors_equal_sentence_transformers_in_batches_of_mixed_length(
    encoder: SentenceEncoder,
) -> None:
    texts = mixed()
    small = SentenceEncoder(encoder.module, "small", batch_tokens=100)
    expected = encoder.module.encode(texts)
    for found in (encoder.encode_passages(texts), small.encode_queries(texts)):
        assert found.dtype == np.float32
        assert found.shape == (len(texts), encoder.dimensions) == (42, 32)
        assert np.abs(found - expected).max() < 1e-4
    single = np.concatenate([encoder.encode_passages([text]) for text in texts])
    assert np.abs(single - expected).max() < 1e-4
    assert np.allclose(np.linalg.norm(expected, axis=1), 1, atol=1e-5)


def test_nothing_to_encode_is_an_empty_matrix(encoder: SentenceEncoder) -> None:
    assert encoder.encode_passages([]).shape == (0, 32)
    assert encoder.count_tokens([]) == []


def test_tokens_are_counted_uncut_with_prefix_and_special_ones(folder: Path) -> None:
    encoder = load_encoder(str(folder), passage_prefix="leave ", max_tokens=16)
    assert encoder.max_tokens == 16
    assert encoder.count_tokens(["days", "days " * 100]) == [4, 103]
    # What was counted has no say in how the next texts are cut.
    long = ["days " * 100]
    before = encoder.encode_passages(long)
    encoder.count_tokens(long)
    assert np.array_equal(encoder.encode_passages(long), before)


def test_prefixes_are_put_before_queries_and_passages(folder: Path) -> None:
    plain = load_encoder(str(folder))
    prefixed = load_encoder(str(folder), query_prefix="question: ", passage_prefix="text: ")
    texts = ["leave days", "the office"]
    assert np.allclose(
        prefixed.encode_queries(texts),
        plain.encode_queries([f"question: {text}" for text in texts]),
        atol=1e-5,
    )
    assert np.allclose(
        prefixed.encode_passages(texts),
        plain.encode_passages([f"text: {text}" for text in texts]),
        atol=1e-5,
    )


def test_the_models_own_prompts_are_used_unless_others_are_given(
    folder: Path, tmp_path: Path
) -> None:
    prompts = {"query": "question: ", "document": "text: "}
    other = edited(folder, tmp_path / "prompted", prompts=prompts)
    found = load_encoder(str(other))
    assert (found.query_prefix, found.passage_prefix) == ("question: ", "text: ")
    texts = mixed(5)
    assert np.allclose(found.encode_queries(texts), found.module.encode_query(texts), atol=1e-5)
    assert np.allclose(found.encode_passages(texts), found.module.encode_document(texts), atol=1e-5)
    given = load_encoder(str(other), query_prefix="where ")
    assert (given.query_prefix, given.passage_prefix) == ("where ", "text: ")


def test_vectors_have_unit_length_unless_the_model_is_made_for_inner_products(
    folder: Path, tmp_path: Path
) -> None:
    texts = mixed(5)
    bare = edited(folder, tmp_path / "bare", Pooling(32, pooling_mode="mean"))
    found = load_encoder(str(bare)).encode_passages(texts)
    assert np.allclose(found, load_encoder(str(folder)).encode_passages(texts), atol=1e-5)
    dot = edited(
        folder, tmp_path / "dot", Pooling(32, pooling_mode="mean"), similarity_fn_name="dot"
    )
    loaded = load_encoder(str(dot))
    lengths = np.linalg.norm(loaded.encode_passages(texts), axis=1)
    assert not np.allclose(lengths, 1, atol=0.1)
    assert np.allclose(loaded.encode_passages(texts), loaded.module.encode(texts), atol=1e-4)


def test_saved_and_reloaded_it_is_the_same(
    folder: Path, encoder: SentenceEncoder, tmp_path: Path
) -> None:
    with quiet():
        encoder.module.save(str(tmp_path / "again"), create_model_card=False)
    again = load_encoder(str(tmp_path / "again"))
    assert again.digest == encoder.digest == load_encoder(str(folder)).digest
    texts = mixed()
    assert np.array_equal(again.encode_passages(texts), encoder.encode_passages(texts))


def test_the_digest_changes_with_all_that_changes_a_vector(
    folder: Path, encoder: SentenceEncoder, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "weights"))
    weights = load_file(copy / "model.safetensors")
    weights["embeddings.LayerNorm.bias"][0] += 1e-3
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    first = edited(folder, tmp_path / "cls", Pooling(32, pooling_mode="cls"), Normalize())
    dot = edited(
        folder, tmp_path / "dot", Pooling(32, pooling_mode="mean"), similarity_fn_name="dot"
    )
    tokens = Path(shutil.copytree(folder, tmp_path / "tokens"))
    file = tokens / "tokenizer.json"
    file.write_text(file.read_text().replace('"lowercase": true', '"lowercase": false'))
    digests = [
        encoder.digest,
        load_encoder(str(copy)).digest,
        load_encoder(str(first)).digest,
        load_encoder(str(dot)).digest,
        load_encoder(str(tokens)).digest,
        load_encoder(str(folder), query_prefix="q: ").digest,
        load_encoder(str(folder), passage_prefix="q: ").digest,
        load_encoder(str(folder), max_tokens=16).digest,
    ]
    assert len(set(digests)) == len(digests)
    encoder.encode_passages(["a", "b " * 100])
    assert load_encoder(str(folder)).digest == encoder.digest


def test_what_is_no_sentence_encoder_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no folder"):
        load_encoder("./nothing")
    bare = Path(shutil.copytree(folder, tmp_path / "bare"))
    (bare / "modules.json").unlink()
    with pytest.raises(ModelError, match=r"has no modules\.json"):
        load_encoder(str(bare))
    broken = Path(shutil.copytree(folder, tmp_path / "broken"))
    (broken / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="cannot be loaded as a sentence encoder"):
        load_encoder(str(broken))


def test_it_is_an_encoder(encoder: SentenceEncoder) -> None:
    protocol: Encoder = encoder
    assert protocol.max_tokens == 64
    assert protocol.name


@pytest.mark.real
def test_the_starter_equals_sentence_transformers() -> None:
    encoder = load_encoder("starter")
    assert (encoder.dimensions, encoder.max_tokens) == (384, 256)
    texts = mixed(6)
    assert np.abs(encoder.encode_passages(texts) - encoder.module.encode(texts)).max() < 1e-4
    near = encoder.encode_queries(["How many days of leave carry over?"])
    scores = encoder.encode_passages([TEXTS[0], TEXTS[5]]) @ near[0]
    assert scores[0] > scores[1]
