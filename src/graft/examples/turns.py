"""Turns: an example as a row of JSON that speaks in prompts, messages and replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from graft.core.errors import InputError
from graft.core.example import SPLITS, Example, Gold, Split
from graft.core.generation import Message
from graft.core.hashing import text_hash
from graft.examples.rows import Fields, bad, kind_of, metadata_of, text_of, texts_of
from graft.generate.prompts import GROUNDED

ROLES = ("system", "user", "assistant")


@dataclass(frozen=True)
class Turns:
    """What is said in a row: the turns before the question, the question, the reply to it."""

    before: tuple[Message, ...]
    asked: str
    told: str


def turns_of(path: Path, line: int, value: Any) -> list[Message]:
    """Return a list of messages. Raises InputError, naming the line, for anything else."""
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


def asked_of(path: Path, line: int, row: Fields) -> tuple[tuple[Message, ...], str]:
    """Return the earlier turns and the question of a row's "prompt", a text or messages."""
    if not isinstance(row.get("prompt"), list):
        return (), text_of(path, line, row, "prompt")
    turns = turns_of(path, line, row["prompt"])
    if not turns or turns[-1]["role"] != "user":
        raise bad(path, line, '"prompt" must end with a turn of the user')
    return tuple(turns[:-1]), turns[-1]["content"]


def reply_of(path: Path, line: int, row: Fields, key: str) -> str:
    """Return the reply that a field of a row holds: a text, or one turn of the assistant."""
    if not isinstance(row.get(key), list):
        return text_of(path, line, row, key)
    turns = turns_of(path, line, row[key])
    if len(turns) != 1 or turns[0]["role"] != "assistant":
        raise bad(path, line, f'"{key}" must be one turn of the assistant')
    return turns[0]["content"]


def made_of(path: Path, line: int, row: Fields, spoken: Turns, split: Split) -> Example:
    """Return the example that a row makes.

    "id", "split", "kind", "documents" (ids of gold) with their "grades", "rejected" and "metadata"
    are read where they are there.
    """
    kind = kind_of(row.get("kind"), "conversation" if spoken.before else "free")
    documents = texts_of(path, line, row, "documents")
    named = row.get("split")
    unanswerable = kind == "unanswerable"
    return Example(
        id=str(row.get("id") or text_hash(f"{path.name}:{line}:{spoken.asked}")[:16]),
        question=spoken.asked,
        answers=() if unanswerable else (spoken.told,),
        gold=() if unanswerable else _gold(path, line, row, documents),
        kind=kind,
        origin=path.name,
        split=cast(Split, named) if named in SPLITS else split,
        group=documents[0] if documents else "",
        messages=spoken.before,
        rejected=_rejected(path, line, row),
        metadata=metadata_of(row),
    )


def completion(example: Example) -> str:
    """Return the reply that an example teaches: its first answer, or to decline."""
    if example.kind == "unanswerable":
        return GROUNDED.decline
    if not example.answers:
        raise InputError(
            f"example {example.id} has no answer, so there is nothing to train on: "
            "export it as BEIR, which needs none"
        )
    return example.answers[0]


def prompt_of(example: Example, **replies: str) -> Fields:
    """Return a row of "prompt" and of each reply: texts, or messages where there are turns."""
    if not example.messages:
        return {"prompt": example.question, **replies}
    asked = Message(role="user", content=example.question)
    told = {key: [Message(role="assistant", content=reply)] for key, reply in replies.items()}
    return {"prompt": [*example.messages, asked], **told}


def extras(example: Example) -> Fields:
    """Return what a row says of an example beside its turns, as `made_of` reads it."""
    documents = list(example.grades)
    if example.kind == "unanswerable" and example.group:
        documents = [example.group]
    row: Fields = {"id": example.id, "split": example.split, "kind": example.kind}
    row |= {"documents": documents} if documents else {}
    row |= {"grades": list(example.grades.values())} if set(example.grades.values()) - {1} else {}
    row |= {"rejected": list(example.rejected)} if example.rejected else {}
    return row | ({"metadata": dict(example.metadata)} if example.metadata else {})


def _gold(path: Path, line: int, row: Fields, documents: Sequence[str]) -> tuple[Gold, ...]:
    grades = row.get("grades", [1] * len(documents))
    whole = isinstance(grades, list) and all(type(grade) is int and grade > 0 for grade in grades)
    if not whole or len(grades) != len(documents):
        raise bad(
            path, line, f'"grades" is {grades!r}, a number of 1 or more a document is expected'
        )
    return tuple(Gold(id, grade=grade) for id, grade in zip(documents, grades, strict=True))


def _rejected(path: Path, line: int, row: Fields) -> tuple[str, ...]:
    """Return the texts of "rejected": a list of them, one, or the last of a list of messages."""
    value = row.get("rejected", [])
    texts = [value] if isinstance(value, str) else value
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        last = turns_of(path, line, value)[-1]
        if last["role"] != "assistant":
            raise bad(path, line, '"rejected" must end with a turn of the assistant')
        texts = [last["content"]]
    return texts_of(path, line, {"rejected": texts}, "rejected")
