"""Preference JSONL, as TRL takes it: "prompt", "chosen" and "rejected", texts or messages.

Without a prompt, "chosen" and "rejected" are whole conversations that differ in their last turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from graft.core.errors import InputError
from graft.core.example import Example, Split
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


def read_preferences(path: Path, split: Split = "train") -> list[Example]:
    """Return one example a question and chosen reply, with all the replies it is preferred to.

    Rows with one "id" are of one example. Raises InputError, naming the line, for a row whose
    replies are missing, are the same, or answer different conversations.
    """
    found: dict[str, Example] = {}
    for line, row in read_jsonl(path):
        spoken, worse = _pair(path, line, row)
        if spoken.told == worse:
            raise bad(path, line, f'"chosen" and "rejected" are the same: {worse!r}')
        made = replace(made_of(path, line, row, spoken, split), rejected=(worse,))
        held = found.setdefault(made.id, made)
        if replace(held, rejected=()) != replace(made, rejected=()):
            raise bad(path, line, f"the id {made.id} is used twice, for different examples")
        found[made.id] = replace(held, rejected=tuple(dict.fromkeys((*held.rejected, worse))))
    return list(found.values())


def write_preferences(examples: Sequence[Example], path: Path) -> int:
    """Write a line for each rejected answer of an example and return how many examples have one.

    What is chosen is the first answer, or to decline. Raises InputError when none has one.
    """
    told = [example for example in examples if example.rejected]
    if not told:
        raise InputError(
            f"a preference needs a rejected answer, and none of the {len(examples)} examples has "
            "one: export as chat or prompts"
        )
    rows: list[Fields] = []
    for example in told:
        for worse in example.rejected:
            pair = prompt_of(example, chosen=completion(example), rejected=worse)
            rows.append({**extras(example), **pair})
    write_jsonl(path, rows)
    return len(told)


def _pair(path: Path, line: int, row: Fields) -> tuple[Turns, str]:
    """Return what the chosen reply makes with its prompt, and the rejected reply."""
    if "prompt" in row:
        before, asked = asked_of(path, line, row)
        better = reply_of(path, line, row, "chosen")
        return Turns(before, asked, better), reply_of(path, line, row, "rejected")
    sides = [turns_of(path, line, row.get(key)) for key in ("chosen", "rejected")]
    if sides[0][:-1] != sides[1][:-1] or any(
        [turn["role"] for turn in side[-2:]] != ["user", "assistant"] for side in sides
    ):
        raise bad(
            path,
            line,
            'without a "prompt", "chosen" and "rejected" must be one conversation up '
            "to its last turn, which is the assistant's",
        )
    *earlier, last, told = sides[0]
    worse = sides[1][-1]["content"]
    return Turns(tuple(earlier), last["content"], told["content"]), worse
