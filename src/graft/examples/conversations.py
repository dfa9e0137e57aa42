"""Chat JSONL ("messages") and prompt/completion JSONL, as trainers take them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast, get_args

from graft.core.errors import InputError
from graft.core.example import SPLITS, Example, Gold, Kind, Split
from graft.core.generation import Message
from graft.core.hashing import text_hash
from graft.examples.rows import Row, bad, read_jsonl, text_of, texts_of, write_jsonl
from graft.generate.prompts import GROUNDED

ROLES = ("system", "user", "assistant")


def read_chat(path: Path, split: Split = "train") -> list[Example]:
    """Return one example a conversation: its last user turn asks, the assistant's turn answers.

    Earlier turns become the example's `messages`. "id", "split", "kind" and "documents" (gold ids)
    are read where they are there. Raises InputError, naming the line, unless it ends with a user's
    and then an assistant's turn.
    """
    found = []
    for line, row in read_jsonl(path):
        turns = _turns(path, line, row.get("messages"))
        if len(turns) < 2 or [turn["role"] for turn in turns[-2:]] != ["user", "assistant"]:
            raise bad(path, line, "a conversation must end with a user's and an assistant's turn")
        *before, asked, told = turns
        found.append(_example(path, line, row, asked["content"], told["content"], before, split))
    return _distinct(path, found)


def write_chat(examples: Iterable[Example], path: Path) -> None:
    """Write one conversation a line; an unanswerable question is answered by declining."""
    rows = []
    for example in examples:
        asked = Message(role="user", content=example.question)
        told = Message(role="assistant", content=_completion(example))
        rows.append({"messages": [*example.messages, asked, told], **_extras(example)})
    write_jsonl(path, rows)


def read_prompts(path: Path, split: Split = "train") -> list[Example]:
    """Return one example a line of "prompt" and "completion", each a text or a list of messages.

    Raises InputError, naming the line, when one of them is missing or empty.
    """
    found = []
    for line, row in read_jsonl(path):
        before: list[Message] = []
        if isinstance(row.get("prompt"), list):
            turns = _turns(path, line, row["prompt"])
            if not turns or turns[-1]["role"] != "user":
                raise bad(path, line, '"prompt" must end with a turn of the user')
            *before, last = turns
            asked = last["content"]
        else:
            asked = text_of(path, line, row, "prompt")
        if isinstance(row.get("completion"), list):
            turns = _turns(path, line, row["completion"])
            if len(turns) != 1 or turns[0]["role"] != "assistant":
                raise bad(path, line, '"completion" must be one turn of the assistant')
            told = turns[0]["content"]
        else:
            told = text_of(path, line, row, "completion")
        found.append(_example(path, line, row, asked, told, before, split))
    return _distinct(path, found)


def write_prompts(examples: Iterable[Example], path: Path) -> None:
    """Write one prompt and completion a line: texts, or messages where there are earlier turns."""
    rows: list[Row] = []
    for example in examples:
        told = _completion(example)
        if example.messages:
            asked = Message(role="user", content=example.question)
            row: Row = {
                "prompt": [*example.messages, asked],
                "completion": [Message(role="assistant", content=told)],
            }
        else:
            row = {"prompt": example.question, "completion": told}
        rows.append({**row, **_extras(example)})
    write_jsonl(path, rows)


def _turns(path: Path, line: int, value: Any) -> list[Message]:
    if not isinstance(value, list):
        raise bad(path, line, f"a list of messages is expected, this is {value!r}")
    turns = []
    for turn in value:
        fields = turn if isinstance(turn, dict) else {}
        role, content = fields.get("role"), fields.get("content")
        if role not in ROLES or not isinstance(content, str) or not content.strip():
            raise bad(path, line, f'{turn!r} is no message with a "role" and a text as "content"')
        turns.append(Message(role=role, content=content))
    return turns


def _example(
    path: Path, line: int, row: Row, asked: str, told: str, before: list[Message], split: Split,
) -> Example:  # fmt: skip
    kind: Kind = "conversation" if before else "free"
    if row.get("kind") in get_args(Kind):
        kind = cast(Kind, row["kind"])
    documents = texts_of(path, line, row, "documents")
    named = row.get("split")
    about = documents[0] if documents else ""
    return Example(
        id=str(row.get("id") or text_hash(f"{path.name}:{line}:{asked}")[:16]),
        question=asked,
        answers=() if kind == "unanswerable" else (told,),
        gold=() if kind == "unanswerable" else tuple(map(Gold, documents)),
        kind=kind,
        origin=path.name,
        split=cast(Split, named) if named in SPLITS else split,
        group=about,
        messages=tuple(before),
    )


def _completion(example: Example) -> str:
    if example.kind == "unanswerable":
        return GROUNDED.decline
    if not example.answers:
        raise InputError(
            f"example {example.id} has no answer, so there is nothing to train on: "
            "export it as BEIR, which needs none"
        )
    return example.answers[0]


def _extras(example: Example) -> dict[str, Any]:
    documents = [gold.document_id for gold in example.gold]
    if example.kind == "unanswerable" and example.group:
        documents = [example.group]
    named = {"documents": list(dict.fromkeys(documents))} if documents else {}
    return {"id": example.id, "split": example.split, "kind": example.kind, **named}


def _distinct(path: Path, examples: list[Example]) -> list[Example]:
    seen: set[str] = set()
    for example in examples:
        if example.id in seen:
            raise InputError(f"{path}: the id {example.id} is used twice")
        seen.add(example.id)
    return examples
