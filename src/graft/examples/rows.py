"""Rows: lines of JSON and TSV files, with an error that names the file and the line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

from graft.core.errors import InputError
from graft.core.example import Kind
from graft.core.files import write_atomic

Fields = dict[str, Any]
"""One line of JSON, by its keys."""


def bad(path: Path, line: int, what: str) -> InputError:
    """Return the error for a row that cannot be used."""
    return InputError(f"{path}, line {line}: {what}")


def read_text(path: Path) -> str:
    """Return a file's UTF-8 text. Raises InputError when it is not there or is not text."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}: give the path of one") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as UTF-8 text ({error}): convert it") from error


def read_jsonl(path: Path) -> Iterator[tuple[int, Fields]]:
    """Yield (line number, object) for each line that is not blank."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, _object(path, number, line)
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}: give the path of one") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} cannot be read as UTF-8 text ({error}): convert it") from error


def read_tsv(path: Path, columns: int) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells) for each line that is not blank."""
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if line.strip():
            cells = line.split("\t")
            if len(cells) != columns:
                raise bad(path, number, f"{len(cells)} columns were found, {columns} are expected")
            yield number, cells


def text_of(path: Path, line: int, row: Fields, key: str) -> str:
    """Return a field that must be a text with something in it."""
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise bad(path, line, f'"{key}" is {value!r}, a text is expected')
    return value


def id_of(path: Path, line: int, row: Fields, key: str) -> str:
    """Return an id, which some tools write as a number."""
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise bad(path, line, f'"{key}" is {value!r}, an id is expected')
    return str(value)


def texts_of(path: Path, line: int, row: Fields, key: str) -> tuple[str, ...]:
    """Return a list of texts; one that is not there is empty."""
    values = row.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise bad(path, line, f'"{key}" is {values!r}, a list of texts is expected')
    return tuple(dict.fromkeys(value for value in values if value.strip()))


def kind_of(named: object, other: Kind) -> Kind:
    """Return the kind of example that is named, or else another one.

    >>> kind_of("free", "extractive"), kind_of("bridge", "extractive")
    ('free', 'extractive')
    """
    return next((kind for kind in get_args(Kind) if kind == named), other)


def metadata_of(row: Fields) -> dict[str, str]:
    """Return what "metadata" says of a row in single words, texts and numbers, as texts."""
    said = row.get("metadata")
    plain = said.items() if isinstance(said, dict) else ()
    return {str(key): str(value) for key, value in plain if isinstance(value, str | int | float)}


def write_jsonl(path: Path, rows: Iterable[Fields]) -> None:
    """Write one object a line, atomically."""
    write_atomic(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _object(path: Path, number: int, line: str) -> Fields:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise bad(path, number, f"not valid JSON ({error})") from error
    if not isinstance(row, dict):
        raise bad(path, number, f"a JSON object is expected, this is a {type(row).__name__}")
    return row
