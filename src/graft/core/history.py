"""History: the turns of a conversation before a question, checked and put in order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from graft.core.errors import InputError
from graft.core.generation import Message

ROLES = ("user", "assistant")


def history_of(turns: Iterable[Any]) -> tuple[Message, ...]:
    """Return chat messages as turns that alternate, the user's first and the assistant's last.

    Content may be a list of parts, of which the texts are joined. Turns of one role that follow
    each other become one, and a greeting before the first question goes: many chat templates
    refuse anything else. Raises InputError, naming the row, for what is no turn, and for a question
    at the end that has no answer.

    >>> history_of([{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Yes?"}])
    ({'role': 'user', 'content': 'Hi.'}, {'role': 'assistant', 'content': 'Yes?'})
    """
    found: list[Message] = []
    row = 0
    for row, turn in enumerate(turns, start=1):
        role, content = _turn(turn, row)
        if found and found[-1]["role"] == role:
            found[-1] = {"role": role, "content": f"{found[-1]['content']}\n\n{content}"}
        elif found or role == "user":
            found.append({"role": role, "content": content})
    if found and found[-1]["role"] == "user":
        raise InputError(
            f"row {row} of the history is a question without an answer: leave it out, or ask it"
        )
    return tuple(found)


def parse_history(text: str) -> tuple[Message, ...]:
    """Read a history from JSON (a list of messages, or {"messages": [...]}) or JSONL.

    Raises InputError, naming the row or line, for what cannot be read.
    """
    try:
        held = json.loads(text)
    except ValueError:
        lines = enumerate(text.split("\n"), start=1)
        held = [_line(line, number) for number, line in lines if line.strip()]
    if isinstance(held, Mapping):
        held = held.get("messages", [held])
    if not isinstance(held, list):
        raise InputError(
            f"the history is a JSON {type(held).__name__}: write a list of messages, each with "
            '"role" and "content"'
        )
    return history_of(held)


def _turn(turn: Any, row: int) -> tuple[str, str]:
    if not isinstance(turn, Mapping) or not {"role", "content"} <= turn.keys():
        raise InputError(
            f'row {row} of the history is no message: write {{"role": "user", "content": "..."}}'
        )
    role, content = turn["role"], turn["content"]
    if role not in ROLES:
        raise InputError(
            f"row {row} of the history has the role {role!r}: leave it out, since a history holds "
            "the turns of user and assistant"
        )
    if isinstance(content, list):
        content = "".join(_part(part, row) for part in content)
    if not isinstance(content, str) or not content.strip():
        raise InputError(f"row {row} of the history has no text as its content: write some")
    return role, content


def _part(part: Any, row: int) -> str:
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return str(part["text"])
    raise InputError(f"row {row} of the history has a part that is no text: leave it out")


def _line(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise InputError(
            f"line {number} of the history is no JSON ({error}): write a message a line, with "
            '"role" and "content"'
        ) from error
