"""Shapes: rows as other tools write them, as the forms that are read.

ShareGPT ("conversations" of "from" and "value"), Alpaca ("instruction", "input", "output"),
"question" and "answer", and rows that stand one level down in another object.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from graft.examples.rows import Fields, plain

Shape = Literal["", "chat", "prompts", "preferences", "squad"]

_TURNS = ("messages", "conversations", "conversation")
_ASKS = ("prompt", "instruction", "question", "query")
_TELLS = {
    "prompt": ("completion", "response"),
    "instruction": ("output", "response"),
    "question": ("answer", "response"),
    "query": ("answer", "response"),
}


def shaped(row: Fields) -> tuple[Shape, Fields]:
    """Return which form a row has, and the row in the fields of that form; "" for none.

    >>> shaped({"instruction": "Add.", "input": "1, 2", "output": "3"})[1]["prompt"]
    'Add.\\n\\n1, 2'
    >>> shaped({"conversations": [], "id": 7})
    ('chat', {'id': 7, 'messages': []})
    """
    found = _shape(row)
    if not found[0]:
        inner = (_shape(each) for each in row.values() if isinstance(each, dict))
        shape, fields = next((each for each in inner if each[0]), ("", row))
        return shape, {**{k: v for k, v in row.items() if not isinstance(v, dict)}, **fields}
    return found


def _shape(row: Fields) -> tuple[Shape, Fields]:
    turns = next((key for key in _TURNS if key in row), "")
    asks = next((key for key in _ASKS if key in row), "")
    if {"chosen", "rejected"} <= row.keys():
        if turns and "prompt" not in row:
            return "preferences", _with_system(_renamed(row, {turns: "prompt"}), "prompt")
        return "preferences", _asked(row, asks) if asks else row
    if turns:
        return "chat", _with_system(_renamed(row, {turns: "messages"}), "messages")
    if {"context", "question", "answers"} <= row.keys():
        return "squad", row
    tells = next((key for key in _TELLS.get(asks, ()) if key in row), "")
    if tells:
        return "prompts", _asked(_renamed(row, {tells: "completion"}), asks)
    return "", row


def _asked(row: Fields, key: str) -> Fields:
    """Return a row whose "prompt" is all that is asked: Alpaca has an input, a system, turns."""
    asked, more = row.get(key), row.get("input")
    if key == "instruction" and isinstance(asked, str) and isinstance(more, str) and more.strip():
        asked = f"{asked}\n\n{more}" if asked.strip() else more
    before = list(_earlier(row.get("history"))) if key == "instruction" else []
    if isinstance(asked, str) and (before or plain(row.get("system")).strip()):
        asked = [*before, {"role": "user", "content": asked}]
    rest = {name: value for name, value in row.items() if name != key}
    return _with_system({**rest, "prompt": asked}, "prompt")


def _with_system(row: Fields, key: str) -> Fields:
    """Return a row whose "system", beside its turns, is the first of them."""
    turns, system = row.get(key), row.get("system")
    if not isinstance(turns, list) or not isinstance(system, str):
        return row
    return {**row, key: [{"role": "system", "content": system}, *turns]}


def _earlier(history: object) -> Iterator[Fields]:
    """Yield the turns of pairs of what was asked and told before."""
    for pair in history if isinstance(history, list) else []:
        if isinstance(pair, list) and len(pair) == 2:
            yield {"role": "user", "content": pair[0]}
            yield {"role": "assistant", "content": pair[1]}


def _renamed(row: Fields, names: dict[str, str]) -> Fields:
    kept = {key: value for key, value in row.items() if key not in names}
    return kept | {new: row[old] for old, new in names.items()}
