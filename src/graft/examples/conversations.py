"""Chat JSONL ("messages") and prompt/completion JSONL, as trainers take them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from graft.core.example import Example, Split
from graft.core.generation import Message
from graft.examples.rows import Fields, bad, read_jsonl, write_jsonl
from graft.examples.turns import (
    Turns,
    asked_of,
    completion,
    extras,
    made_of,
    prompt_of,
    reply_of,
    turns_of,
)


def read_chat(path: Path, split: Split = "train") -> list[Example]:
    """Return one example a conversation: its last user turn asks, the assistant's turn answers.

    Earlier turns become the example's `messages`. What `turns.made_of` reads beside them is read
    where it is there. Raises InputError, naming the line, unless it ends with a user's and then an
    assistant's turn.
    """
    found = []
    for line, row in read_jsonl(path):
        turns = turns_of(path, line, row.get("messages"))
        if len(turns) < 2 or [turn["role"] for turn in turns[-2:]] != ["user", "assistant"]:
            raise bad(path, line, "a conversation must end with a user's and an assistant's turn")
        *before, asked, told = turns
        spoken = Turns(tuple(before), asked["content"], told["content"])
        found.append((line, made_of(path, line, row, spoken, split)))
    return _distinct(path, found)


def write_chat(examples: Iterable[Example], path: Path) -> None:
    """Write one conversation a line; an unanswerable question is answered by declining."""
    rows = []
    for example in examples:
        asked = Message(role="user", content=example.question)
        told = Message(role="assistant", content=completion(example))
        rows.append({"messages": [*example.messages, asked, told], **extras(example)})
    write_jsonl(path, rows)


def read_prompts(path: Path, split: Split = "train") -> list[Example]:
    """Return one example a line of "prompt" and "completion", each a text or a list of messages.

    Raises InputError, naming the line, when one of them is missing or empty.
    """
    found = []
    for line, row in read_jsonl(path):
        before, asked = asked_of(path, line, row)
        spoken = Turns(before, asked, reply_of(path, line, row, "completion"))
        found.append((line, made_of(path, line, row, spoken, split)))
    return _distinct(path, found)


def write_prompts(examples: Iterable[Example], path: Path) -> None:
    """Write one prompt and completion a line: texts, or messages where there are earlier turns."""
    rows: list[Fields] = []
    for example in examples:
        told = prompt_of(example, completion=completion(example))
        rows.append({**told, **extras(example)})
    write_jsonl(path, rows)


def _distinct(path: Path, examples: Sequence[tuple[int, Example]]) -> list[Example]:
    lines: dict[str, int] = {}
    for line, example in examples:
        if (first := lines.setdefault(example.id, line)) != line:
            told = f"the id {example.id} is used twice, first in line {first}"
            raise bad(path, line, f"{told}: give each row its own")
    return [example for _, example in examples]
