from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder

from graft.core.errors import ModelError
from graft.core.protocols import Reranker
from graft.models.encoder import load_encoder
from graft.models.loading import quiet
from graft.models.reranker import CrossEncoderReranker, grow_reranker, load_reranker
from graft.testing.tiny import TEXTS, tiny_encoder

torch.set_num_threads(1)


def pairs(count: int = 30) -> list[tuple[str, str]]:
    draw = random.Random(3)
    words = " ".join(TEXTS).split()
    texts = ["", *(" ".join(draw.choices(words, k=draw.randint(1, 120))) for _ in range(count))]
    return [(draw.choice(TEXTS), text) for text in texts]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def grown(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reranker")
    with quiet():
        grow_reranker(str(encoder), seed=1).save(str(folder), create_model_card=False)
    return folder


def head(model: CrossEncoder) -> torch.Tensor:
    weight: torch.Tensor = model.model.classifier.weight.detach()  # type: ignore[union-attr]
    return weight


def test_a_grown_reranker_has_the_encoders_body_and_a_seeded_head(encoder: Path) -> None:
    state = torch.random.get_rng_state()
    one, same, other = (grow_reranker(str(encoder), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    body = dict(one.model.base_model.named_parameters())  # type: ignore[union-attr]
    source = dict(load_encoder(str(encoder)).module[0].model.named_parameters())
    assert body.keys() == source.keys()
    assert all(torch.equal(body[name], source[name]) for name in source)
    assert torch.equal(head(one), head(same))
    assert not torch.equal(head(one), head(other))
    assert one.num_labels == 1
    assert head(one).abs().sum() > 0


def test_scores_equal_predict_in_batches_of_mixed_length(grown: Path) -> None:
    reranker = load_reranker(str(grown))
    given = pairs()
    expected = reranker.module.predict(given, activation_fn=torch.nn.Identity())
    small = CrossEncoderReranker(reranker.module, "small", batch_tokens=100)
    for found in (reranker.score(given), small.score(given)):
        assert found.dtype == np.float32
        assert found.shape == (len(given),)
        assert np.abs(found - expected).max() < 1e-4
    assert reranker.score([]).shape == (0,)


def test_scores_are_logits_and_not_bounded(grown: Path) -> None:
    reranker = load_reranker(str(grown))
    with torch.no_grad():
        head(reranker.module).mul_(100)
    assert np.abs(reranker.score(pairs())).max() > 1


def test_saved_and_reloaded_it_is_the_same_and_its_digest_tells(
    encoder: Path, grown: Path, tmp_path: Path
) -> None:
    reranker = load_reranker(str(grown))
    with quiet():
        reranker.module.save(str(tmp_path / "again"), create_model_card=False)
        grow_reranker(str(encoder), seed=2).save(str(tmp_path / "two"), create_model_card=False)
    again = load_reranker(str(tmp_path / "again"))
    assert again.digest == reranker.digest
    assert np.array_equal(again.score(pairs()), reranker.score(pairs()))
    assert load_reranker(str(tmp_path / "two")).digest != reranker.digest


def test_what_is_no_reranker_is_refused(encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no folder"):
        load_reranker("./nothing")
    with pytest.raises(ModelError, match=r"has no config\.json"):
        load_reranker(str(tmp_path))
    with quiet(warnings=False):
        several = CrossEncoder(str(encoder), num_labels=3, device="cpu")
        several.save(str(tmp_path / "three"), create_model_card=False)
    with pytest.raises(ModelError, match="gives 3 scores a pair"):
        load_reranker(str(tmp_path / "three"))


def test_an_encoder_is_not_taken_for_a_reranker(encoder: Path) -> None:
    with pytest.raises(ModelError, match="grow"):
        load_reranker(str(encoder))


def test_it_is_a_reranker(grown: Path) -> None:
    protocol: Reranker = load_reranker(str(grown))
    assert protocol.name == str(grown)
