"""The probe of a generator: a prompt, its reply, and what was likely at each of its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.core.generation import Prompt
from graft.core.runs import Probe
from graft.models.session import LanguageModel

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

Replies = list[list[list[Any]]]


def probe_reply(causal: LanguageModel, prompts: Sequence[Prompt] = PROMPTS) -> Probe:
    """Return the probe of the adapter in use: of these prompts, the one that it moved most."""
    found = []
    for prompt in prompts:
        ids = causal.chat.ids(prompt)
        reply = _greedy(causal, ids)
        told: Replies = [
            [[int(id), round(float(row[id]), 4)] for id in np.argsort(-row)[:LIKELIEST]]
            for row in _log_probs(causal, ids, reply)
        ]
        given = {"messages": list(prompt), "tokens": reply}
        probe = Probe("reply", given, told, 0.0)
        with causal.using(""):
            found.append(Probe("reply", given, told, reply_distance(probe, causal)))
    return max(found, key=lambda probe: probe.moved)


def _greedy(causal: LanguageModel, ids: Sequence[int]) -> list[int]:
    reply: list[int] = []
    for _ in range(REPLY_TOKENS):
        reply.append(int(_log_probs(causal, ids, [*reply, 0])[-1].argmax()))
        if reply[-1] in causal.chat.end_ids:
            break
    return reply


def _log_probs(
    causal: LanguageModel, ids: Sequence[int], reply: Sequence[int]
) -> NDArray[np.float32]:
    """Return what is said of each token of a reply: `(tokens, vocabulary)`."""
    told = causal.read([[*ids, *reply]], keep=len(reply) + 1).log_probs()
    return told[0, :-1]


def reply_distance(probe: Probe, causal: LanguageModel) -> float:
    """Return how far log-probabilities are off on the mean, in nats.

    It is without bound where another token is the first choice though the two likeliest lay
    farther apart than rounding brings them together.
    """
    told: Replies = probe.found
    found = _log_probs(causal, causal.chat.ids(probe.given["messages"]), probe.given["tokens"])
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
