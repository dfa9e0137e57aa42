"""The decoding loop: a batch of prompts through the model, a token a row a step."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from graft.core.generation import Decoding, FinishReason
from graft.models.chat import ChatTemplate
from graft.models.session import LanguageModel, Start

COMPACT_BELOW = 0.75
"""Ended rows leave the batch when this share of it, or less, still writes: leaving copies it."""


@dataclass
class Row:
    """One prompt being continued by at most `limit` tokens; `reason` is set when it has ended.

    `log_probs` are of the tokens of `new`, and of the end; `silence` is how likely an end was at
    once. Where an end may not come first, the first token's is given that none did.
    """

    ids: Sequence[int]
    limit: int
    draw: random.Random
    new: list[int] = field(default_factory=list)
    reason: FinishReason | None = None
    text: str = ""
    log_probs: list[float] = field(default_factory=list)
    silence: float | None = None


def decode(
    causal: LanguageModel, rows: Sequence[Row], decoding: Decoding, start: Start | None = None
) -> Iterator[None]:
    """Continue `rows` together until each has ended; yields after every step. Changes the rows.

    `start` is what all of them begin with, where that was read.
    """
    chat = causal.chat
    stops = (*decoding.stop, *chat.stop_texts)
    batch = list(rows)
    session = causal.read([row.ids for row in rows], start)
    ends, steps = sorted(chat.end_ids), 0
    if ends:
        for row, told in zip(batch, session.told([ends] * len(batch)), strict=True):
            row.silence = math.exp(told)
    while True:
        # Every row draws from a source of its own, so that a text does not hang on its neighbours.
        draws = [row.draw.random() for row in batch] if decoding.temperature else []
        never = ends if steps < decoding.min_new_tokens else ()
        tokens, steps = session.choose(decoding.temperature, draws, never), steps + 1
        log_probs = session.told([[token] for token in tokens])
        for row, token, log_prob in zip(batch, tokens, log_probs, strict=True):
            if row.reason is None:
                row.log_probs.append(log_prob - _log_written(row, never, steps))
                _take(chat, row, token, stops)
        yield
        kept = [i for i, row in enumerate(batch) if row.reason is None]
        if not kept:
            return
        if len(kept) > COMPACT_BELOW * len(batch):
            kept = list(range(len(batch)))
        batch = [batch[i] for i in kept]
        session.step([tokens[i] for i in kept], kept)


def _log_written(row: Row, never: Sequence[int], steps: int) -> float:
    """Return the log-probability of having begun, where an end is told by itself, as silence."""
    if steps > 1 or not never or not row.silence:
        return 0.0
    return math.log1p(-min(row.silence, 1 - 1e-9))


def _take(chat: ChatTemplate, row: Row, token: int, stops: Sequence[str]) -> None:
    if token in chat.end_ids:
        row.reason = "stop"
    else:
        row.new.append(token)
    row.text = chat.decode(row.new)
    cuts = [row.text.find(stop) for stop in stops if stop and stop in row.text]
    if cuts:
        row.text, row.reason = row.text[: min(cuts)], "stop"
        return
    if row.reason is None and len(row.new) >= row.limit:
        row.reason = "length"
    if row.reason is not None:
        # A character whose bytes are not all there is shown as U+FFFD; it is none.
        row.text = row.text.rstrip("\ufffd")
