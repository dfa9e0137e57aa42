"""The contrastive loss: equal to a hand-computed case, and to itself however it is cut."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from graft.testing.tiny import tiny_encoder
from graft.tune.contrast import Texts, contrast

ROWS = Texts(
    ("how many leave days carry over?", "where is the office?", "who?"),
    (
        "Unused leave of up to five days carries over to the next year.",
        "The office is in Oslo, near the harbour.",
        "You are.",
    ),
    ("Leave days that are not taken by March are lost.", "Oslo", "Write one question.", "next"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def model(folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(folder), device="cpu").eval()


def gradients(model: SentenceTransformer, rows: Texts, **options) -> tuple[float, dict]:
    model.zero_grad()
    loss = contrast(model, rows, 20.0, **options)
    loss.backward()
    grads = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    return float(loss.detach()), grads


def test_the_loss_equals_a_hand_computed_case(model: SentenceTransformer) -> None:
    q, p, n = (model.encode(list(t)) for t in (ROWS.questions, ROWS.positives, ROWS.negatives))
    expected = []
    for i, question in enumerate(q):
        logits = [20.0 * float(question @ passage) for passage in (*p, *n)]
        expected.append(math.log(sum(math.exp(x - logits[i]) for x in logits)))
    loss = contrast(model, ROWS, 20.0)
    assert float(loss.detach()) == pytest.approx(sum(expected) / 3, rel=1e-5)


@pytest.mark.parametrize("piece_tokens", [24, 10_000])
def test_it_is_the_loss_of_sentence_transformers(
    model: SentenceTransformer, piece_tokens: int
) -> None:
    columns = [model.preprocess(list(t)) for t in (ROWS.questions, ROWS.positives)]
    theirs = MultipleNegativesRankingLoss(model, scale=20.0)(columns, torch.empty(0))
    theirs.backward()
    expected = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    loss, got = gradients(model, Texts(ROWS.questions, ROWS.positives), piece_tokens=piece_tokens)
    assert loss == pytest.approx(float(theirs.detach()), rel=1e-5)
    assert all(torch.allclose(got[name], expected[name], atol=1e-5) for name in expected)


@pytest.mark.parametrize("piece_tokens", [1, 24, 60])
def test_pieces_change_neither_loss_nor_gradient(
    model: SentenceTransformer, piece_tokens: int
) -> None:
    whole, expected = gradients(model, ROWS, piece_tokens=10_000)
    cut, got = gradients(model, ROWS, piece_tokens=piece_tokens)
    assert cut == pytest.approx(whole, rel=1e-5)
    assert got.keys() == expected.keys()
    largest = max(float(g.abs().max()) for g in expected.values())
    assert largest > 1e-3
    for name, gradient in expected.items():
        assert torch.allclose(got[name], gradient, atol=1e-5 * largest), name


def test_dropout_is_the_same_in_both_passes_of_a_piece(model: SentenceTransformer) -> None:
    """With other masks the cached gradients would belong to other vectors."""
    model.train()
    seen: list[torch.Tensor] = []
    model[1].register_forward_hook(
        lambda module, inputs, output: seen.append(output["sentence_embedding"].detach().clone())
    )
    torch.manual_seed(0)
    contrast(model, ROWS, 20.0, piece_tokens=24).backward()
    half = len(seen) // 2
    assert half > 2
    assert all(torch.equal(a, b) for a, b in zip(seen[:half], seen[half:], strict=True))
    torch.manual_seed(1)
    contrast(model, ROWS, 20.0, piece_tokens=24)
    assert not torch.equal(seen[0], seen[2 * half])


def test_a_scaled_loss_scales_its_gradients(model: SentenceTransformer) -> None:
    _, expected = gradients(model, ROWS, piece_tokens=24)
    model.zero_grad()
    (contrast(model, ROWS, 20.0, piece_tokens=24) * 3).backward()
    for name, parameter in model.named_parameters():
        if name in expected:
            assert torch.allclose(parameter.grad, 3 * expected[name], atol=1e-5), name


def test_prefixes_are_read_as_serving_reads_them(model: SentenceTransformer) -> None:
    prefixed = replace(ROWS, query_prefix="query: ", passage_prefix="passage: ")
    spelled = Texts(
        tuple("query: " + text for text in ROWS.questions),
        tuple("passage: " + text for text in ROWS.positives),
        tuple("passage: " + text for text in ROWS.negatives),
    )
    one, other = contrast(model, prefixed, 20.0), contrast(model, spelled, 20.0)
    assert float(one.detach()) == pytest.approx(float(other.detach()), rel=1e-6)
    assert prefixed.token_counts(model) == spelled.token_counts(model)
    assert sum(ROWS.token_counts(model)) < sum(prefixed.token_counts(model))


def test_a_model_made_for_the_inner_product_is_trained_on_it(model: SentenceTransformer) -> None:
    raw = SentenceTransformer(modules=[model[0], model[1]], device="cpu", similarity_fn_name="dot")
    q, p = (torch.tensor(raw.eval().encode(list(t))) for t in (ROWS.questions, ROWS.positives))
    expected = torch.nn.functional.cross_entropy(q @ p.T, torch.arange(3))
    got = contrast(raw, Texts(ROWS.questions, ROWS.positives), 20.0)
    assert float(got.detach()) == pytest.approx(float(expected), rel=1e-4)


def test_long_texts_count_as_they_are_cut(model: SentenceTransformer) -> None:
    long = Texts(("who?",), (ROWS.positives[0] * 9,))
    assert long.token_counts(model)[1] == model.max_seq_length
