"""What goes into a generator and what comes out: messages, decoding, generations."""

from __future__ import annotations

from collections.abc import Generator as Yields
from dataclasses import dataclass, field
from typing import Literal, TypedDict


class Message(TypedDict):
    """One turn of a conversation, in the form every chat template takes."""

    role: str
    content: str


Prompt = list[Message]
"""A list of messages; the last one is the user's."""

FinishReason = Literal["stop", "length", "error"]


@dataclass(frozen=True)
class Decoding:
    """How text is drawn: `temperature` 0 is greedy; `stop` holds texts that end a generation.

    Before `min_new_tokens` a local generator does not end, however likely that is.
    """

    max_new_tokens: int = 128
    min_new_tokens: int = 0
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Generation:
    """One generated text with its usage in tokens; `error` is set when this prompt failed.

    `log_probs` holds the log-probability (nats) of each token as it was chosen, that of the end
    included, and `silence` the probability of having written nothing at all: what a tuned generator
    does where it has no answer. A remote generator tells neither. `thought` is what a model wrote
    before its answer, where its generator knows that apart.
    """

    text: str
    finish_reason: FinishReason = "stop"
    prompt_tokens: int = 0
    new_tokens: int = 0
    prompt_ids: tuple[int, ...] = field(default=(), repr=False)
    error: str = ""
    # Rounding differs with the batch.
    log_probs: tuple[float, ...] = field(default=(), repr=False, compare=False)
    silence: float | None = field(default=None, compare=False)
    thought: str = field(default="", repr=False, compare=False)


Streamed = Yields[str, None, Generation]
"""A generator (in Python's sense) of text that returns the whole Generation."""
