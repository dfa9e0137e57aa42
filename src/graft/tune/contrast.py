"""Contrast: the gradients of a contrastive batch of any size, in memory for a few passages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.losses.gradcache import RandContext
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from sentence_transformers.util import batch_to_device
from torch import Tensor

from graft.models.batching import batches

PIECE_TOKENS = 2048
"""Tokens, padding included, that hold activations at once: 1.0 GB for a model of MiniLM's size,
and no slower than twice as many."""


@dataclass(frozen=True)
class Rows:
    """The texts of one batch, prefixes included: `negatives` may be any number for all questions.

    `questions[i]` is answered by `positives[i]`, and every other text is a negative of it.
    """

    questions: tuple[str, ...]
    positives: tuple[str, ...]
    negatives: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """All of them, questions first."""
        return (*self.questions, *self.positives, *self.negatives)


def contrast(
    model: SentenceTransformer, rows: Rows, scale: float, *, piece_tokens: int = PIECE_TOKENS
) -> Tensor:
    """Return the multiple-negatives ranking loss of a batch, ready for one `backward`.

    The loss is the mean over questions of the cross-entropy, in nats, of `scale` times the cosine
    similarities to all passages of the batch (arXiv:1807.03748). Texts are embedded sorted by
    length, in pieces of `piece_tokens`; a batch of more is embedded without a graph, its gradients
    are cached at the vectors, and `backward` embeds each piece again (GradCache,
    arXiv:2101.06983): the same gradients, dropout included, in the memory of one piece.
    """
    loss = MultipleNegativesRankingLoss(model, scale=scale)
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


@torch.no_grad()
def embed(model: SentenceTransformer, texts: Sequence[str], task: str) -> Tensor:
    """Return the vectors of texts, `(n, d)`, in their order, on the CPU; dropout as it is set."""
    pieces = list(_sorted(model, texts, task, 0, PIECE_TOKENS))
    order = torch.argsort(torch.tensor([index for piece in pieces for index in piece.indices]))
    return torch.cat([_embed(model, piece).cpu() for piece in pieces])[order]


def token_counts(model: SentenceTransformer, texts: Sequence[str]) -> list[int]:
    """Return how many tokens the model reads of each text, special tokens included."""
    encoded = model.tokenizer(list(texts), truncation=True, max_length=model.max_seq_length)
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


def _pieces(model: SentenceTransformer, rows: Rows, piece_tokens: int) -> Iterator[_Piece]:
    """Yield questions first, then passages: rows are numbered in that order."""
    yield from _sorted(model, rows.questions, "query", 0, piece_tokens)
    passages = (*rows.positives, *rows.negatives)
    yield from _sorted(model, passages, "document", len(rows.questions), piece_tokens)


def _sorted(
    model: SentenceTransformer, texts: Sequence[str], task: str, start: int, piece_tokens: int
) -> Iterator[_Piece]:
    counts = token_counts(model, texts)
    for chosen in batches(counts, piece_tokens):
        features = batch_to_device(model.preprocess([texts[i] for i in chosen]), model.device)
        tokens = counts[chosen[0]] * len(chosen)
        yield _Piece([start + i for i in chosen], tokens, features, task)


def _embed(model: SentenceTransformer, piece: _Piece) -> Tensor:
    vectors: Tensor = model(dict(piece.features), task=piece.task)["sentence_embedding"]
    return vectors


def _loss(loss: MultipleNegativesRankingLoss, vectors: Tensor, rows: Rows) -> Tensor:
    n = len(rows.questions)
    columns = [vectors[:n], vectors[n : 2 * n], vectors[2 * n :]]
    used = columns if rows.negatives else columns[:2]
    value: Tensor = loss.compute_loss_from_embeddings(used, torch.empty(0))
    return value
