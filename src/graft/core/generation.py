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
    """How text is drawn: `temperature` 0 is greedy; `stop` holds texts that end a generation."""

    max_new_tokens: int = 128
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Generation:
    """One generated text with its usage in tokens; `error` is set when this prompt failed."""

    text: str
    finish_reason: FinishReason = "stop"
    prompt_tokens: int = 0
    new_tokens: int = 0
    prompt_ids: tuple[int, ...] = field(default=(), repr=False)
    error: str = ""


Streamed = Yields[str, None, Generation]
"""A generator (in Python's sense) of text that returns the whole Generation."""
