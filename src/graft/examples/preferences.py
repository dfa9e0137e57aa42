"""Preference JSONL, as TRL takes it: "prompt", "chosen" and "rejected", texts or messages.

Without a prompt, "chosen" and "rejected" are whole conversations that differ in their last turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from graft.core.errors import InputError
from graft.core.example import Example, Split
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
from graft.examples.unusable import Unusable, bad

REPLIES = ("chosen", "rejected")


def read_preferences(path: Path, split: Split, left: Unusable) -> list[Example]:
    """Return one example a question and chosen reply, with all the replies it is preferred to.

    Rows with one "id" are of one example; a row of another one gets an id of its own. A row is
    left out whose replies are missing, are the same, or answer different conversations.
    """
    found: dict[str, Example] = {}
    for line, raw in read_rows(path, left):
        with left.row():
            row = shaped(raw)[1]
            spoken, worse = _pair(path, line, row)
            if spoken.told == worse:
                what = f'"chosen" and "rejected" are the same: {worse!r}'
                raise bad(path, line, what, 'the same "chosen" and "rejected"')
            made = replace(made_of(path, line, row, spoken, split), rejected=(worse,))
            held = found.get(made.id, made)
            if replace(held, rejected=()) != replace(made, rejected=()):
                if left.strict:
                    what = f"the id {made.id} is used twice, for different examples"
                    raise bad(path, line, what, "an id used twice")
                left.renamed += 1
                held = made = replace(made, id=f"{made.id}~{line}")
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
    whole = all(isinstance(row.get(key), list) and len(row[key]) > 1 for key in REPLIES)
    if "prompt" in row and not whole:
        before, asked = asked_of(path, line, row)
        better = reply_of(path, line, row, "chosen")
        return Turns(before, asked, better), reply_of(path, line, row, "rejected")
    sides = [turns_of(path, line, row.get(key)) for key in REPLIES]
    if sides[0][:-1] != sides[1][:-1] or any(
        [turn["role"] for turn in side[-2:]] != ["user", "assistant"] for side in sides
    ):
        raise bad(
            path,
            line,
            'without a "prompt", "chosen" and "rejected" must be one conversation up '
            "to its last turn, which is the assistant's",
            "replies to different conversations",
        )
    *earlier, last, told = sides[0]
    worse = sides[1][-1]["content"]
    return Turns(tuple(earlier), last["content"], told["content"]), worse
