"""Contrast: the gradients of a contrastive batch of any size, in memory for a few passages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.losses.gradcache import RandContext
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from sentence_transformers.util import batch_to_device, dot_score
from torch import Tensor

from graft.models.batching import batches

PIECE_TOKENS = 2048
"""Tokens, padding included, that hold activations at once: 1.0 GB for a model of MiniLM's size,
and no slower than twice as many."""


@dataclass(frozen=True)
class Texts:
    """The texts of one batch; `negatives` may be any number for all questions together.

    `questions[i]` is answered by `positives[i]`, and every other passage is a negative of it.
    The prefixes are those that the encoder puts before what it reads.
    """

    questions: tuple[str, ...]
    positives: tuple[str, ...]
    negatives: tuple[str, ...] = ()
    query_prefix: str = ""
    passage_prefix: str = ""

    def token_counts(self, model: SentenceTransformer) -> list[int]:
        """Return how many tokens the model reads of each text, in the order of the fields."""
        passages = (*self.positives, *self.negatives)
        return [
            *_counts(model, self.questions, self.query_prefix),
            *_counts(model, passages, self.passage_prefix),
        ]


def contrast(
    model: SentenceTransformer, rows: Texts, scale: float, *, piece_tokens: int = PIECE_TOKENS
) -> Tensor:
    """Return the multiple-negatives ranking loss of a batch, ready for one `backward`.

    The loss is the mean over questions of the cross-entropy, in nats, of `scale` times the cosine
    similarities to all passages of the batch (arXiv:1807.03748); for a model that is made for the
    plain inner product, of that, unscaled. Texts are embedded sorted by length, in pieces of
    `piece_tokens`; a batch of more is embedded without a graph, its gradients are cached at the
    vectors, and `backward` embeds each piece again (GradCache, arXiv:2101.06983): the same
    gradients, dropout included, in the memory of one piece.
    """
    loss = MultipleNegativesRankingLoss(model, scale=scale)
    if model.similarity_fn_name == "dot":
        loss = MultipleNegativesRankingLoss(model, scale=1.0, similarity_fct=dot_score)
    pieces = list(_pieces(model, rows, piece_tokens))
    order = torch.argsort(torch.tensor([index for piece in pieces for index in piece.indices]))
    if sum(piece.tokens for piece in pieces) <= piece_tokens:
        return _loss(loss, torch.cat([_embed(model, piece) for piece in pieces])[order], rows)
    states = []
    vectors: list[Tensor] = []
    for piece in pieces:
        states.append(RandContext(*piece.features.values()))
        with torch.no_grad():
            vectors.append(_embed(model, piece))
    cached = torch.cat(vectors).requires_grad_()
    value = _loss(loss, cached[order], rows)
    (gradient,) = torch.autograd.grad(value, cached)

    def replay(upstream: Tensor) -> None:
        start = 0
        for piece, state in zip(pieces, states, strict=True):
            part = gradient[start : start + len(piece.indices)] * upstream
            start += len(piece.indices)
            with state, torch.enable_grad():
                again = _embed(model, piece)
            again.backward(part)  # type: ignore[no-untyped-call]

    result = value.detach().requires_grad_()
    result.register_hook(replay)
    return result


def _counts(model: SentenceTransformer, texts: Sequence[str], prefix: str) -> list[int]:
    if not texts:
        return []
    encoded = model.tokenizer(
        [prefix + text for text in texts],
        truncation=True,
        padding=False,
        max_length=model.max_seq_length,
    )
    return [len(ids) for ids in encoded["input_ids"]]


@dataclass(frozen=True)
class _Piece:
    """Texts that are embedded at once: their row numbers, features, and "query" or "document".

    `tokens` counts padding.
    """

    indices: list[int]
    tokens: int
    features: dict[str, Tensor]
    task: str


def _pieces(model: SentenceTransformer, rows: Texts, piece_tokens: int) -> Iterator[_Piece]:
    """Yield questions first, then passages: rows are numbered in that order."""
    start = 0
    for task, prefix, texts in (
        ("query", rows.query_prefix, rows.questions),
        ("document", rows.passage_prefix, (*rows.positives, *rows.negatives)),
    ):
        counts = _counts(model, texts, prefix)
        for chosen in batches(counts, piece_tokens):
            found = model.preprocess([texts[i] for i in chosen], prompt=prefix or None, task=task)
            tokens = counts[chosen[0]] * len(chosen)
            features = batch_to_device(found, model.device)
            yield _Piece([start + i for i in chosen], tokens, features, task)
        start += len(texts)


def _embed(model: SentenceTransformer, piece: _Piece) -> Tensor:
    vectors: Tensor = model(dict(piece.features), task=piece.task)["sentence_embedding"]
    return vectors


def _loss(loss: MultipleNegativesRankingLoss, vectors: Tensor, rows: Texts) -> Tensor:
    n = len(rows.questions)
    columns = [vectors[:n], vectors[n : 2 * n], vectors[2 * n :]]
    used = columns if rows.negatives else columns[:2]
    value: Tensor = loss.compute_loss_from_embeddings(used, torch.empty(0))
    return value
