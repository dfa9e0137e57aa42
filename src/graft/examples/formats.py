"""Formats: files that users already have, told apart by what is in them, read and written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, get_args

from graft.core.document import Document
from graft.core.errors import InputError
from graft.core.example import Example
from graft.core.hashing import text_hash
from graft.examples.beir import as_split, read_beir, write_beir
from graft.examples.conversations import read_chat, read_prompts, write_chat, write_prompts
from graft.examples.paragraphs import is_squad
from graft.examples.preferences import read_preferences, write_preferences
from graft.examples.rows import read_json, read_rows
from graft.examples.shapes import shaped
from graft.examples.split import grouped
from graft.examples.squad import read_squad, write_squad
from graft.examples.unusable import Unusable

Format = Literal["beir", "squad", "chat", "prompts", "preferences"]
FORMATS: tuple[Format, ...] = get_args(Format)

_READ = {
    "squad": read_squad,
    "chat": read_chat,
    "prompts": read_prompts,
    "preferences": read_preferences,
}


def detect(path: Path) -> Format:
    """Return the format of a file or folder, told by its contents. Raises InputError."""
    if path.is_dir():
        if (path / "queries.jsonl").exists() and any((path / "qrels").glob("*.tsv")):
            return "beir"
        raise InputError(
            f"{path} is no BEIR folder: queries.jsonl and qrels/SPLIT.tsv are expected in it"
        )
    if path.suffix == ".json" and is_squad(path):
        return "squad"
    rows, left = [], Unusable()
    for line, row in read_rows(path, left):
        if form := shaped(row)[0]:
            return form
        rows.append((line, row))
    if rows:
        raise InputError(
            f"{path}, line {rows[0][0]} has the keys {', '.join(rows[0][1]) or 'none'}: "
            '"messages", or "prompt" and "completion", or "chosen" and "rejected", are expected'
        )
    if path.suffix == ".json":
        read_json(path)
        raise InputError(f"{path} is no SQuAD file: an object with a list 'data' is expected")
    if left.rows:
        raise InputError(f"no row of {path} can be used: {left.told()}")
    raise InputError(f"{path} is empty: rows of questions are expected")


def import_examples(
    path: Path, *, split: str = "", limit: int = 0, seed: int = 0, left: Unusable | None = None
) -> list[Example]:
    """Return the examples of a file or folder; `limit` takes a sample that the seed decides.

    A smaller sample is part of a larger one of the same seed. `split` names the qrels of a BEIR
    folder; for files, it is the split that rows belong to unless they say so themselves. Rows that
    cannot be used are noted in `left`, which raises at the first where it is strict. Raises
    InputError for a split that is none, and where no row is left.

    A gold document is named, not looked up: `gold.pin` ties it to a library.
    """
    form = detect(path)
    left = Unusable() if left is None else left
    if form == "beir":
        found = read_beir(path, split, left)
    else:
        found = _READ[form](path, as_split(split or "train"), left)
    if not found and left.rows:
        raise InputError(f"no row of {path} can be used: {left.told()}")
    if not found:
        raise InputError(f"{path} holds no questions: there is nothing to import")
    return grouped(sample(found, limit, seed))


def export_examples(
    examples: Sequence[Example],
    path: Path,
    format: Format,
    *,
    document: Callable[[str], Document] | None = None,
) -> int:
    """Write examples in a format and return how many it took.

    `document` gives the texts that SQuAD needs and BEIR may hold. BEIR keeps splits apart,
    preferences take the examples with a rejected answer, the other formats whatever they are
    given. Raises InputError for a format that is not one of `FORMATS`, and for examples that the
    format cannot hold.
    """
    if format == "beir":
        write_beir(examples, path, document)
    elif format == "squad":
        write_squad(examples, path, document)
    elif format == "chat":
        write_chat(examples, path)
    elif format == "prompts":
        write_prompts(examples, path)
    elif format == "preferences":
        return write_preferences(examples, path)
    else:
        raise InputError(f"there is no format {format!r}: use one of {', '.join(FORMATS)}")
    return len(examples)


def sample(examples: Sequence[Example], limit: int, seed: int) -> list[Example]:
    """Return `limit` examples in their own order, chosen by seed and id; 0 keeps them all.

    >>> rows = [Example(str(i), "?") for i in range(9)]
    >>> {e.id for e in sample(rows, 3, 1)} <= {e.id for e in sample(rows, 5, 1)}
    True
    """
    if not limit or limit >= len(examples):
        return list(examples)
    order = sorted(examples, key=lambda example: text_hash(f"{seed}:sample:{example.id}"))
    chosen = {example.id for example in order[:limit]}
    return [example for example in examples if example.id in chosen]
