"""Jupyter notebooks: text cells as Markdown, code cells fenced with their printed results."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from typing import Any

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.encodings import decode
from graft.library.readers.commonmark import rewrite
from graft.library.readers.embedded import ADDRESS, embedded_in_tag, kind_of
from graft.library.readers.extracted import Blob, Extracted, joined
from graft.library.readers.html import table_markdown
from graft.library.readers.reader import Reader
from graft.library.readers.tags import TAG
from graft.library.readers.text import fenced

MAX_RESULT = 2000
"""Characters of printed results kept a cell: logs of a training run are no text to search."""

_SHOWN = re.compile(r"<(?:IPython\.core\.display\.\w+ object|[\w.]+ at 0x[0-9a-f]+)>")
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def read_notebook(blob: Blob) -> list[Extracted]:
    """Return a notebook's cells in their order. Raises DocumentError when it is none."""
    left_out: Counter[str] = Counter()
    try:
        book: Any = json.loads(decode(blob.data))
        cells = book["cells"]
        language = str(book.get("metadata", {}).get("kernelspec", {}).get("language", "python"))
        parts: list[str] = []
        for cell in cells:
            source = _joined(cell.get("source", ""))
            if cell.get("cell_type") == "markdown":
                parts.append(rewrite(source.replace("\r\n", "\n"), left_out))
                left_out["images"] += len(cell.get("attachments") or {})
            elif cell.get("cell_type") == "raw":
                parts.append(source)
            elif cell.get("cell_type") == "code" and source.strip():
                parts += [fenced(source, language), *_results(cell.get("outputs", []), left_out)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DocumentError(
            "it is not a Jupyter notebook of format 4: open it in Jupyter and save it"
        ) from error
    return [replace(joined(parts), left_out=left_out)]


def _results(outputs: list[Any], left_out: Counter[str]) -> list[str]:
    """Return what a cell printed as one block of code, and what it displayed as text behind it."""
    printed, displayed = [], []
    for output in outputs:
        data = output.get("data", {})
        left_out["images"] += sum(kind.startswith("image/") for kind in data)
        plain = _joined(output.get("text") or data.get("text/plain", ""))
        if output.get("output_type") == "error":
            plain = f"{output.get('ename', '')}: {output.get('evalue', '')}"
        # Of an object without a printed form, the form that its reader sees is read.
        shown = (
            "" if plain.strip() and not _SHOWN.fullmatch(plain.strip()) else _shown(data, left_out)
        )
        if shown.strip():
            displayed.append(shown)
        elif plain.strip():
            printed.append(_COLOURS.sub("", plain))
    text = "".join(printed)
    left_out.update(map(kind_of, ADDRESS.findall(text)))
    text = ADDRESS.sub("", text)
    left_out["cut results"] += len(text) > MAX_RESULT
    return [*([fenced(text[:MAX_RESULT])] if text else []), *displayed]


def _shown(data: Any, left_out: Counter[str]) -> str:
    if "text/markdown" in data:
        return rewrite(_joined(data["text/markdown"]), left_out)
    if "text/html" in data:
        html = _joined(data["text/html"])
        left_out.update(kind for tag in TAG.finditer(html) for kind in embedded_in_tag(tag[0]))
        return table_markdown(html)
    return _joined(data.get("text/latex", ""))


def _joined(source: Any) -> str:
    return "".join(source) if isinstance(source, list) else str(source)


NOTEBOOK = Reader("notebook", (kinds.NOTEBOOK,), read_notebook, version="2")
