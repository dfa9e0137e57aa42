"""Probes: what a model says of something fixed, so that weights not applied are found at a load."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache

from graft.core.errors import ModelError
from graft.core.generation import Prompt
from graft.core.runs import Probe
from graft.models.causal import Causal
from graft.models.encoder import SentenceEncoder
from graft.models.reranker import CrossEncoderReranker

REPLY_TOKENS = 8
"""Tokens of a reply that are compared."""

LIKELIEST = 4
"""Ids a token whose log-probabilities are: what is sure of one id is told by the others."""

PROMPTS: Sequence[Prompt] = (
    [{"role": "user", "content": "Who built the old bridge, and in which year?"}],
    [{"role": "user", "content": "Passages:\n\n[1] The bridge at Arden was finished in 1931 by "
      "two brothers.\n\nQuestion: Who finished the bridge?\n\nAnswer:"}],
    [{"role": "user", "content": "How many days does it take?"}],
)  # fmt: skip
"""What a generator is asked. Nothing of anybody's documents: a run is kept when they are gone."""

TEXTS = (
    "Who finished the bridge at Arden?",
    "The bridge at Arden was finished in 1931 by two brothers.",
    "A permit costs twelve pounds and is valid for one year.",
)
"""What an encoder reads, and, in pairs, a reranker."""

Replies = list[list[list[Any]]]


def probe_reply(causal: Causal, prompts: Sequence[Prompt] = PROMPTS) -> Probe:
    """Return the probe of the adapter in use: of these prompts, the one that it moved most."""
    found = []
    for prompt in prompts:
        ids = causal.ids(prompt)
        reply = _greedy(causal, ids)
        likeliest = _log_probs(causal, ids, reply).topk(LIKELIEST)
        told: Replies = [
            [[int(id), round(float(value), 4)] for id, value in zip(row, values, strict=True)]
            for row, values in zip(likeliest.indices, likeliest.values, strict=True)
        ]
        given = {"messages": list(prompt), "tokens": reply}
        probe = Probe("reply", given, told, 0.0)
        with causal.without_adapter():
            found.append(Probe("reply", given, told, _reply_distance(probe, causal)))
    return max(found, key=lambda probe: probe.moved)


def probe_vector(before: SentenceEncoder, after: SentenceEncoder) -> Probe:
    """Return the probe of a trained encoder: of these texts, the one whose vector moved most."""
    found = []
    for text in TEXTS:
        # The settings in use at a load may cut it elsewhere.
        read = min(after.max_tokens, after.count_tokens([text])[0])
        vector = _vector(after, text, read)
        given = {"text": text, "tokens": read}
        told = Probe("vector", given, [round(float(x), 6) for x in vector], 0.0)
        moved = _vector_distance(told, before)
        found.append(Probe("vector", told.given, told.found, moved))
    return max(found, key=lambda probe: probe.moved)


def probe_score(before: CrossEncoderReranker, after: CrossEncoderReranker) -> Probe:
    """Return the probe of a trained reranker: of these pairs, the one whose score moved most."""
    found = []
    for passage in TEXTS[1:]:
        given = {"question": TEXTS[0], "passage": passage}
        score = round(float(after.score([(TEXTS[0], passage)])[0]), 5)
        moved = _score_distance(Probe("score", given, score, 0.0), before)
        found.append(Probe("score", given, score, moved))
    return max(found, key=lambda probe: probe.moved)


def require_probe(probe: Probe | None, model: Any, name: str) -> None:
    """Raise ModelError unless a run's model, as it was loaded, answers as it did when trained.

    A model without a probe (of format 1, or made elsewhere) is taken as it is.
    """
    if probe is None:
        return
    off = _DISTANCES[probe.kind](probe, model)
    if not off <= probe.tolerance:
        raise ModelError(
            f"{name} answers its probe otherwise than when it was trained (off by {off:.3f}, where "
            f"rounding makes {probe.tolerance:.3f}): its weights are not applied, or were changed; "
            "put its folder back as it was, or tune again"
        )


def _greedy(causal: Causal, ids: Sequence[int]) -> list[int]:
    reply: list[int] = []
    for _ in range(REPLY_TOKENS):
        reply.append(int(_log_probs(causal, ids, [*reply, 0])[-1].argmax()))
        if reply[-1] in causal.end_ids:
            break
    return reply


@torch.inference_mode()
def _log_probs(causal: Causal, ids: Sequence[int], reply: Sequence[int]) -> torch.Tensor:
    """Return what is said of each token of a reply: `(tokens, vocabulary) float32`."""
    training = causal.model.training
    causal.model.eval()
    try:
        row = torch.tensor([[*ids, *reply]], device=causal.device)
        cache = DynamicCache(config=causal.model.config)
        causal.start(cache, 1)
        logits: torch.Tensor = causal.model(
            input_ids=row, past_key_values=cache, use_cache=True
        ).logits[0]
        return logits[len(ids) - 1 : -1].float().log_softmax(-1).cpu()
    finally:
        causal.model.train(training)


def _reply_distance(probe: Probe, causal: Causal) -> float:
    """Return how far log-probabilities are off on the mean, in nats.

    It is without bound where another token is the first choice though the two likeliest lay
    farther apart than rounding brings them together.
    """
    told: Replies = probe.found
    found = _log_probs(causal, causal.ids(probe.given["messages"]), probe.given["tokens"])
    off = [
        abs(float(row[id]) - value)
        for row, place in zip(found, told, strict=True)
        for id, value in place
    ]
    for row, place in zip(found, told, strict=True):
        (first, most), (_, least) = place[:2]
        if probe.moved and most - least > 2 * probe.tolerance and int(row.argmax()) != first:
            return float("inf")
    return float(np.mean(off))


def _vector(encoder: SentenceEncoder, text: str, tokens: int) -> Any:
    with encoder.lock:
        limit, encoder.module.max_seq_length = encoder.module.max_seq_length, tokens
        try:
            # By no prefix: settings may put another one than the run's own.
            return encoder.encode([text])[0]
        finally:
            encoder.module.max_seq_length = limit


def _vector_distance(probe: Probe, encoder: SentenceEncoder) -> float:
    told = np.asarray(probe.found, dtype=np.float32)
    found = _vector(encoder, probe.given["text"], probe.given["tokens"])
    if found.shape != told.shape:
        return float("inf")
    return float(np.linalg.norm(found - told) / max(float(np.linalg.norm(told)), 1e-9))


def _score_distance(probe: Probe, reranker: CrossEncoderReranker) -> float:
    pair = (probe.given["question"], probe.given["passage"])
    return abs(float(reranker.score([pair])[0]) - float(probe.found))


_DISTANCES: Mapping[str, Callable[[Probe, Any], float]] = {
    "reply": _reply_distance, "vector": _vector_distance, "score": _score_distance,
}  # fmt: skip
