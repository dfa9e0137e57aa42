"""JSON and JSON Lines: records with a text become documents, other values readable lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.encodings import decode
from graft.library.readers.extracted import Blob, Extracted, access_of
from graft.library.readers.reader import Reader

_TEXTS = ("text", "content", "body", "page_content", "contents", "passage", "abstract", "markdown")
_TITLES = ("title", "headline", "name", "subject")
_IDS = ("_id", "id", "doc_id", "docid", "uid", "uuid", "element_id")
MAX_DEPTH = 40
LOOKED_AT = 5
"""Lines of a file that is no JSON in which an object shows that each line is a value."""
NAMED = 3
"""How many lines are named, of those that are left out."""


def read_json(blob: Blob) -> list[Extracted]:
    """Return the records of a JSON file that hold a text, or its values as lines.

    A file of several JSON values is read as JSON Lines. Raises DocumentError when it is neither.
    """
    text = decode(blob.data)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        if text.count("\n") > 0 and any(map(_is_object, text.split("\n", LOOKED_AT)[:LOOKED_AT])):
            return read_json_lines(blob)
        raise DocumentError(f"it is not valid JSON ({error}): mend it there") from error
    rows = value if isinstance(value, list) else [value]
    if rows and all(isinstance(row, Mapping) and _text_key(row) for row in rows):
        several = isinstance(value, list)
        items = [record(row, str(i) if several else "") for i, row in enumerate(rows, start=1)]
        return distinct(items)
    return [Extracted("", "\n".join(_lines(value, 0)))]


def read_json_lines(blob: Blob) -> list[Extracted]:
    """Return one text a row; a row's id, or its line number, tells it apart.

    Rows that cannot be read are left out, and counted with the first of them named. Raises
    DocumentError, naming the line, when none can.
    """
    items, bad = [], dict[int, DocumentError]()
    for number, line in enumerate(decode(blob.data).split("\n"), start=1):
        row = line.strip().removesuffix(",")
        if row not in ("", "[", "]"):
            try:
                items.append(record(parse_row(row, number), str(number)))
            except DocumentError as error:
                bad[number] = error
    if bad and not items:
        raise next(iter(bad.values()))
    return distinct(_with_left_out(items, list(bad)))


def _with_left_out(items: Sequence[Extracted], lines: Sequence[int]) -> list[Extracted]:
    """Return items of which the first with a text tells the lines that are left out."""
    first = next((n for n, item in enumerate(items) if item.text.strip()), 0)
    if not lines:
        return list(items)
    named = " and ".join(map(str, lines[:NAMED])) + (" and more" if lines[NAMED:] else "")
    told = {f"rows that cannot be read (line {named})": len(lines)}
    return [replace(x, left_out=told) if n == first else x for n, x in enumerate(items)]


def distinct(items: Sequence[Extracted]) -> list[Extracted]:
    """Return items whose ids are distinct: an id that comes again gets its position behind it.

    >>> [i.suffix_id for i in distinct([Extracted("a", "x"), Extracted("a", "y")])]
    ['a', 'a~2']
    """
    used: set[str] = set()
    found = []
    for number, item in enumerate(items, start=1):
        name = item.suffix_id
        while name in used:
            name += f"~{number}"
        used.add(name)
        found.append(item if name == item.suffix_id else replace(item, suffix_id=name))
    return found


def parse_row(line: str, number: int) -> Any:
    """Return the value of one JSON row. Raises DocumentError, naming the line."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"line {number} is not valid JSON ({error}): mend it") from error


def record(row: Any, fallback: str) -> Extracted:
    """Return a row as a text: its own text, title, id, access and metadata where it has them.

    >>> record({"id": 7, "title": "Leave", "text": "Ten days.", "lang": "en"}, "1").metadata
    {'lang': 'en'}
    """
    if not isinstance(row, Mapping):
        return Extracted(fallback, "\n".join(_lines(row, 0)))
    access = access_of(row.get("access"))
    text_key = _text_key(row)
    if not text_key:
        rest = {key: value for key, value in row.items() if key != "access"}
        return Extracted(fallback, "\n".join(_lines(rest, 0)), access=access)
    title_key = next((k for k in _TITLES if isinstance(row.get(k), str) and row[k].strip()), "")
    id_key = next(
        (k for k in _IDS if isinstance(row.get(k), str | int) and str(row[k]).strip()), ""
    )
    nested = row.get("metadata")
    rest = {
        k: v for k, v in row.items() if k not in (text_key, title_key, id_key, "access", "metadata")
    }
    values = {**rest, **(nested if isinstance(nested, Mapping) else {})}
    return Extracted(
        str(row[id_key]) if id_key and fallback else fallback,
        row[text_key],
        row[title_key].strip() if title_key else "",
        metadata=flat(values),
        access=access,
    )


def flat(values: Mapping[Any, Any]) -> dict[str, str]:
    """Return values as strings: nested ones as JSON, empty ones left out.

    >>> flat({"year": 2021, "tags": ["a"], "none": None})
    {'year': '2021', 'tags': '["a"]'}
    """
    kept = {str(k): v for k, v in values.items() if v not in (None, "", [], {})}
    return {
        k: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for k, v in kept.items()
    }


def _text_key(row: Mapping[Any, Any]) -> str:
    return next((key for key in _TEXTS if isinstance(row.get(key), str) and row[key].strip()), "")


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), Mapping)
    except (ValueError, RecursionError):
        return False


def _lines(value: Any, depth: int) -> Iterator[str]:
    """Yield "key: value" lines, indented by depth; the items of a list of objects stand apart."""
    indent = "  " * depth
    if depth > MAX_DEPTH:
        yield indent + json.dumps(value, ensure_ascii=False)[:10_000]
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, Mapping | list) and item:
                if isinstance(item, list) and not any(isinstance(i, Mapping | list) for i in item):
                    yield f"{indent}{key}: {', '.join(map(_scalar, item))}"
                    continue
                yield f"{indent}{key}:"
                yield from _lines(item, depth + 1)
            else:
                yield f"{indent}{key}: {_scalar(item)}"
    elif isinstance(value, list):
        for number, item in enumerate(value):
            if number and isinstance(item, Mapping | list) and depth < 2:
                yield ""
            yield from _lines(item, depth)
    else:
        yield indent + _scalar(value)


def _scalar(value: Any) -> str:
    if value in (None, [], {}):
        return ""
    return " ".join(value.split()) if isinstance(value, str) else json.dumps(value)


JSON = Reader("json", (kinds.JSON,), read_json)
JSON_LINES = Reader("json-lines", (kinds.JSONL,), read_json_lines)
