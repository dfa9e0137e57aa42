"""Turns: an example as a row of JSON that speaks in prompts, messages and replies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from graft.core.errors import InputError
from graft.core.example import SPLITS, Example, Gold, Split
from graft.core.generation import Message
from graft.core.hashing import text_hash
from graft.examples.rows import Fields, grade_of, kind_of, metadata_of, plain, text_of, texts_of
from graft.examples.unusable import bad
from graft.generate.prompts import GROUNDED

Role = Literal["system", "user", "assistant"]

ROLES: Mapping[str, Role] = {
    "system": "system", "developer": "system",
    "user": "user", "human": "user", "prompter": "user",
    "assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "model": "assistant",
    "bot": "assistant", "chatbot": "assistant", "ai": "assistant",
}  # fmt: skip
"""Who speaks, by the names that OpenAI, ShareGPT, Open Assistant and Gemini give to them."""

TOOLS = frozenset(
    {"tool", "function", "ipython", "observation", "function_call", "function_response"}
    | {"tool_call", "tool_response", "tool_result", "environment"}
)
"""The names of a turn that calls a tool, or in which one answers."""


@dataclass(frozen=True)
class Turns:
    """What is said in a row: the turns before the question, the question, the reply to it."""

    before: tuple[Message, ...]
    asked: str
    told: str


def turns_of(path: Path, line: int, value: Any) -> list[Message]:
    """Return a list of messages, texts or parts of text as their content.

    A system's turn that is empty says nothing and is none. Raises BadRow, naming the line, for
    anything else, for a call of a tool, and for a part that is no text.
    """
    if isinstance(value, str) and value.lstrip().startswith("["):
        with suppress(ValueError):  # a column of a table holds its list as JSON
            value = json.loads(value)
    if not isinstance(value, list):
        what = f"a list of messages is expected, this is {value!r}"
        raise bad(path, line, what, "no list of messages")
    turns = (_turn(path, line, turn) for turn in value)
    return [turn for turn in turns if turn["role"] != "system" or turn["content"].strip()]


def _turn(path: Path, line: int, turn: Any) -> Message:
    fields = turn if isinstance(turn, dict) else {}
    named = fields.get("role", fields.get("from"))
    name = named.strip().lower() if isinstance(named, str) else ""
    if name in TOOLS or fields.get("tool_calls") or fields.get("function_call"):
        raise bad(path, line, f"{turn!r} is a turn of a tool", "a turn of a tool")
    what = f'{turn!r} is no message with a "role" and a text as "content"'
    if name not in ROLES:
        raise bad(path, line, what, "a turn of nobody known")
    content = next((fields[key] for key in ("content", "value", "parts") if key in fields), None)
    text = content if isinstance(content, str) else _joined(content)
    if text is None:
        raise bad(path, line, what, "a part that is no text")
    if not text.strip() and ROLES[name] != "system":
        raise bad(path, line, what, "an empty turn")
    return Message(role=ROLES[name], content=text)


def _joined(content: Any) -> str | None:
    """Return the text of a content's parts, None where one of them is no text.

    Parts with no space between them stand on lines of their own.
    """
    parts = content if isinstance(content, list) else [] if content is None else [content]
    text = ""
    for part in parts:
        said = part.get("text") if isinstance(part, dict) else part
        said = said.get("value") if isinstance(said, dict) else said
        if not isinstance(said, str):
            return None
        apart = text and said and not text[-1].isspace() and not said[0].isspace()
        text += ("\n" if apart else "") + said
    return text


def asked_of(path: Path, line: int, row: Fields) -> tuple[tuple[Message, ...], str]:
    """Return the earlier turns and the question of a row's "prompt", a text or messages."""
    if not isinstance(row.get("prompt"), list):
        return (), text_of(path, line, row, "prompt")
    turns = turns_of(path, line, row["prompt"])
    if not turns or turns[-1]["role"] != "user":
        raise bad(path, line, '"prompt" must end with a turn of the user', "no question at its end")
    return tuple(turns[:-1]), turns[-1]["content"]


def reply_of(path: Path, line: int, row: Fields, key: str) -> str:
    """Return the reply that a field of a row holds: a text, or one turn of the assistant."""
    value = [row[key]] if isinstance(row.get(key), dict) else row.get(key)
    if not isinstance(value, list):
        return text_of(path, line, row, key)
    turns = turns_of(path, line, value)
    if len(turns) != 1 or turns[0]["role"] != "assistant":
        what = f'"{key}" must be one turn of the assistant'
        raise bad(path, line, what, f'no "{key}" of the assistant')
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
        id=plain(row.get("id")) or text_hash(f"{path.name}:{line}:{spoken.asked}")[:16],
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
    told = row.get("grades")
    named = [1] * len(documents) if told is None else told
    grades = [grade_of(each) or 0 for each in named] if isinstance(named, list) else []
    if len(grades) != len(documents) or any(grade < 1 for grade in grades):
        what = f'"grades" is {told!r}, a number of 1 or more a document is expected'
        raise bad(path, line, what, '"grades" that are none')
    return tuple(Gold(id, grade=grade) for id, grade in zip(documents, grades, strict=True))


def _rejected(path: Path, line: int, row: Fields) -> tuple[str, ...]:
    """Return the texts of "rejected": a list of them, one, or the last of a list of messages."""
    value = row.get("rejected", [])
    value = [value] if isinstance(value, dict) else value
    texts = [value] if isinstance(value, str) else value
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        last = turns_of(path, line, value)[-1:]
        if [turn["role"] for turn in last] != ["assistant"]:
            what = '"rejected" must end with a turn of the assistant'
            raise bad(path, line, what, 'no "rejected" of the assistant')
        texts = [last[0]["content"]]
    return texts_of(path, line, {"rejected": texts}, "rejected")
