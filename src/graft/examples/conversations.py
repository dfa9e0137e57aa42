"""Chat JSONL ("messages") and prompt/completion JSONL, as trainers take them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from graft.core.example import Example, Split
from graft.core.generation import Message
from graft.examples.rows import Fields, read_rows, write_jsonl
from graft.examples.shapes import shaped
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
from graft.examples.unusable import Unusable, bad, distinct


def read_chat(path: Path, split: Split, left: Unusable) -> list[Example]:
    """Return one example a conversation: its last user turn asks, the assistant's turn answers.

    Earlier turns become the example's `messages`. What `turns.made_of` reads beside them is read
    where it is there. A row that does not end with a user's and then an assistant's turn is left
    out, as one is in which a tool speaks.
    """
    found = []
    for line, raw in read_rows(path, left):
        with left.row():
            row = shaped(raw)[1]
            turns = turns_of(path, line, row.get("messages"))
            if [turn["role"] for turn in turns[-2:]] != ["user", "assistant"]:
                what = "a conversation must end with a user's and an assistant's turn"
                raise bad(path, line, what, "no question and reply at its end")
            *before, asked, told = turns
            spoken = Turns(tuple(before), asked["content"], told["content"])
            found.append((line, made_of(path, line, row, spoken, split)))
    return distinct(path, found, left)


def write_chat(examples: Iterable[Example], path: Path) -> None:
    """Write one conversation a line; an unanswerable question is answered by declining."""
    rows = []
    for example in examples:
        asked = Message(role="user", content=example.question)
        told = Message(role="assistant", content=completion(example))
        rows.append({"messages": [*example.messages, asked, told], **extras(example)})
    write_jsonl(path, rows)


def read_prompts(path: Path, split: Split, left: Unusable) -> list[Example]:
    """Return one example a line of "prompt" and "completion", each a text or a list of messages.

    A row in which one of them is missing or empty is left out.
    """
    found = []
    for line, raw in read_rows(path, left):
        with left.row():
            row = shaped(raw)[1]
            before, asked = asked_of(path, line, row)
            spoken = Turns(before, asked, reply_of(path, line, row, "completion"))
            found.append((line, made_of(path, line, row, spoken, split)))
    return distinct(path, found, left)


def write_prompts(examples: Iterable[Example], path: Path) -> None:
    """Write one prompt and completion a line: texts, or messages where there are earlier turns."""
    rows: list[Fields] = []
    for example in examples:
        told = prompt_of(example, completion=completion(example))
        rows.append({**told, **extras(example)})
    write_jsonl(path, rows)
