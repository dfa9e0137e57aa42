"""Rows: lines of JSON and TSV files, with an error that names the file and the line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

from graft.core.errors import InputError
from graft.core.example import Kind
from graft.core.files import write_atomic
from graft.examples.unusable import Unusable, bad
from graft.library.encodings import decode, looks_binary

Fields = dict[str, Any]
"""One row of JSON, by its keys."""

_LINE_END = re.compile(r"\r\n|\n|\r")
_BETWEEN = re.compile(r"[\s,\[\]]*")
"""What may stand between the objects of a list, or of a file of several."""
_TRAILING = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])')
"""A text, which stays, or a comma after the last of an object or list, which goes."""


def read_text(path: Path) -> str:
    """Return a file's text, in whatever encoding. Raises InputError when there is none."""
    return _decoded(path)[0]


def _decoded(path: Path) -> tuple[str, bool]:
    """Return a file's text, and whether some of its bytes are no text."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}: give the path of one") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): check it") from error
    if looks_binary(data):
        raise InputError(f"{path} holds no text: rows of questions are expected")
    text = decode(data)
    return text, "\ufffd" in text and "\ufffd".encode() not in data


def read_json(path: Path) -> Any:
    """Return the value of a JSON file; commas that are too many do no harm. Raises InputError."""
    text = read_text(path)
    try:
        return _value(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid JSON ({error}): export it anew") from error


def read_rows(path: Path, left: Unusable) -> Iterator[tuple[int, Fields]]:
    """Yield (line number, object) for each row: of JSON Lines, or of a list of objects.

    What is no object is left out.
    """
    text, damaged = _decoded(path)
    for number, value in (not damaged and _whole(text)) or _lines(path, text, damaged, left):
        if isinstance(value, dict):
            yield number, value
        else:
            kind = type(value).__name__
            what = f"a JSON object is expected, this is a {kind}"
            left.add(bad(path, number, what, "no JSON object"))


def read_cells(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells) for each line that is not blank, told apart by tabs or spaces."""
    for number, line in enumerate(_LINE_END.split(read_text(path)), start=1):
        if line.strip():
            yield number, [c.strip() for c in line.strip().split("\t" if "\t" in line else None)]


def text_of(path: Path, line: int, row: Fields, key: str) -> str:
    """Return a field that must be a text with something in it."""
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise bad(path, line, f'"{key}" is {value!r}, a text is expected', f'no "{key}"')
    return value


def id_of(path: Path, line: int, row: Fields, key: str) -> str:
    """Return an id, which some tools write as a number."""
    value = plain(row.get(key))
    if not value.strip():
        raise bad(path, line, f'"{key}" is {row.get(key)!r}, an id is expected', f'no "{key}"')
    return value


def texts_of(path: Path, line: int, row: Fields, key: str) -> tuple[str, ...]:
    """Return a list of texts, or one; what is not there is empty, and numbers are texts."""
    value = row.get(key)
    values = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(each, str) or plain(each) for each in values):
        what = f'"{key}" is {value!r}, a list of texts is expected'
        raise bad(path, line, what, f'"{key}" that are no texts')
    return tuple(dict.fromkeys(text for text in map(plain, values) if text.strip()))


def plain(value: object) -> str:
    """Return a text or a number as a text, whole numbers without a point; "" for anything else.

    >>> plain("a"), plain(7), plain(7.0), plain(None)
    ('a', '7', '7', '')
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)


def grade_of(value: object) -> int | None:
    """Return a judgement as a whole number, which some tools write as 1.0; None if it is none.

    >>> grade_of("1.0"), grade_of(2), grade_of("0.5"), grade_of("yes")
    (1, 2, None, None)
    """
    try:
        number = float(plain(value))
    except ValueError:
        number = math.nan
    return int(number) if number.is_integer() else None


def kind_of(named: object, other: Kind) -> Kind:
    """Return the kind of example that is named, or else another one.

    >>> kind_of("free", "extractive"), kind_of("bridge", "extractive")
    ('free', 'extractive')
    """
    return next((kind for kind in get_args(Kind) if kind == named), other)


def metadata_of(row: Fields) -> dict[str, str]:
    """Return what "metadata" says of a row in single words, texts and numbers, as texts."""
    said = row.get("metadata")
    items = said.items() if isinstance(said, dict) else ()
    return {str(key): str(value) for key, value in items if isinstance(value, str | int | float)}


def write_jsonl(path: Path, rows: Iterable[Fields]) -> None:
    """Write one object a line, atomically."""
    write_atomic(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _value(text: str) -> Any:
    """Return a JSON value, one with commas too many as well. Raises ValueError, RecursionError."""
    try:
        return json.loads(text)
    except ValueError:
        mended = _TRAILING.sub(lambda found: found.group(1) or "", text)
        if mended == text:
            raise
        return json.loads(mended)


def _whole(text: str) -> list[tuple[int, Any]]:
    """Return the rows of a list, or of objects over several lines; none if it is neither.

    A list may stand as the "data" of an object.
    """
    first = _LINE_END.split(text.lstrip(), maxsplit=1)[0]
    if first.startswith("{") and _is_json(first):
        rows = json.loads(first).get("data") if not text.strip()[len(first.strip()) :] else None
        return list(enumerate(rows, start=1)) if isinstance(rows, list) else []
    text = _TRAILING.sub(lambda each: each.group(1) or " ", text)
    decoder = json.JSONDecoder()
    found: list[tuple[int, Any]] = []
    line, seen, at = 1, 0, 0
    try:
        while (at := _end(text, at)) < len(text):
            line, seen = line + text.count("\n", seen, at), at
            value, at = decoder.raw_decode(text, at)
            found.append((line, value))
    except (ValueError, RecursionError):
        return []
    if len(found) == 1 and isinstance(found[0][1], dict):
        rows = found[0][1].get("data")
        return list(enumerate(rows, start=1)) if isinstance(rows, list) else found
    return found


def _end(text: str, at: int) -> int:
    between = _BETWEEN.match(text, at)
    return between.end() if between else at


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _lines(path: Path, text: str, damaged: bool, left: Unusable) -> Iterator[tuple[int, Any]]:
    """Yield the value of each line by itself, and leave out those that have none."""
    for number, line in enumerate(_LINE_END.split(text), start=1):
        row = line.strip().removesuffix(",")
        if row in ("", "[", "]"):
            continue
        try:
            if damaged and "\ufffd" in row:
                raise ValueError("bytes that are no text")
            value = _value(row)
        except (ValueError, RecursionError) as error:
            left.add(bad(path, number, f"not valid JSON ({error})", "not valid JSON"))
        else:
            yield number, value
