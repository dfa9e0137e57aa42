"""Markdown: front matter, comments, the tags and shortcodes of site generators."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from typing import Any

import yaml

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.encodings import decode
from graft.library.readers.commonmark import rewrite
from graft.library.readers.extracted import Blob, Extracted, access_of
from graft.library.readers.reader import Reader

_TOML = re.compile(r"\A\+\+\+[ \t]*\n(.{0,20000}?)\n\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT = re.compile(r"\A---[ \t]*\n(.{0,20000}?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)


def read_markdown(blob: Blob) -> list[Extracted]:
    """Return Markdown without front matter, comments, tags and link targets; code is untouched.

    The front matter's title and `access` are kept, its other plain values become metadata.
    """
    text = decode(blob.data).replace("\r\n", "\n").replace("\r", "\n")
    front, text = front_matter(text)
    title = str(front.pop("title", "") or "").strip()
    access = access_of(front.pop("access", None))
    metadata = {str(k): _plain(v) for k, v in front.items() if v not in (None, "", [], {})}
    left_out: Counter[str] = Counter()
    text = rewrite(text, left_out)
    return [Extracted("", text, title, metadata=metadata, access=access, left_out=left_out)]


def front_matter(text: str) -> tuple[dict[Any, Any], str]:
    """Return the values of the block of YAML or TOML that opens a text, and the text behind it.

    >>> front_matter("---\\ntitle: Leave\\n---\\nTen days.")
    ({'title': 'Leave'}, 'Ten days.')
    """
    toml = _TOML.match(text)
    found = toml or _FRONT.match(text)
    if not found:
        return {}, text
    try:
        values = tomllib.loads(found[1]) if toml else yaml.safe_load(found[1])
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # A block that may name who can see the document must be understood.
        if re.search(r"^[\"']?access\b", found[1], re.MULTILINE):
            raise DocumentError(
                f"its front matter names `access` but is not valid {'TOML' if toml else 'YAML'}: "
                "mend the block at its top"
            ) from error
        return {}, text
    return (dict(values), text[found.end() :]) if isinstance(values, Mapping) else ({}, text)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return str(value)


MARKDOWN = Reader("markdown", (kinds.MARKDOWN,), read_markdown, version="2")
