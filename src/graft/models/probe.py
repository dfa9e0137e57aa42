"""Probes: what a model says of something fixed, so that weights not applied are found at a load."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from graft.core.errors import ModelError
from graft.core.protocols import Reranker, Vectors
from graft.core.runs import Probe
from graft.models.reply_probe import reply_distance

TEXTS = (
    "Who finished the bridge at Arden?",
    "The bridge at Arden was finished in 1931 by two brothers.",
    "A permit costs twelve pounds and is valid for one year.",
)
"""What an encoder reads, and, in pairs, a reranker."""


class Reads(Protocol):
    """What a probe needs of an encoder."""

    @property
    def max_tokens(self) -> int: ...
    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...
    def vector(self, text: str, tokens: int) -> Vectors: ...


def probe_vector(before: Reads, after: Reads) -> Probe:
    """Return the probe of a trained encoder: of these texts, the one whose vector moved most."""
    found = []
    for text in TEXTS:
        # The settings in use at a load may cut it elsewhere.
        read = min(after.max_tokens, after.count_tokens([text])[0])
        vector = after.vector(text, read)
        given = {"text": text, "tokens": read}
        told = Probe("vector", given, [round(float(x), 6) for x in vector], 0.0)
        moved = _vector_distance(told, before)
        found.append(Probe("vector", told.given, told.found, moved))
    return max(found, key=lambda probe: probe.moved)


def probe_score(before: Reranker, after: Reranker) -> Probe:
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


def _vector_distance(probe: Probe, encoder: Reads) -> float:
    told = np.asarray(probe.found, dtype=np.float32)
    # By no prefix: settings may put another one than the run's own.
    found = encoder.vector(probe.given["text"], probe.given["tokens"])
    if found.shape != told.shape:
        return float("inf")
    return float(np.linalg.norm(found - told) / max(float(np.linalg.norm(told)), 1e-9))


def _score_distance(probe: Probe, reranker: Reranker) -> float:
    pair = (probe.given["question"], probe.given["passage"])
    return abs(float(reranker.score([pair])[0]) - float(probe.found))


_DISTANCES: Mapping[str, Callable[[Probe, Any], float]] = {
    "reply": reply_distance, "vector": _vector_distance, "score": _score_distance,
}  # fmt: skip
