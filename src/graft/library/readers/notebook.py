"""Jupyter notebooks: text cells as Markdown, code cells fenced with their printed results."""

from __future__ import annotations

import json
from typing import Any

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.encodings import decode
from graft.library.readers.extracted import Blob, Extracted, joined
from graft.library.readers.markdown import tidy
from graft.library.readers.reader import Reader
from graft.library.readers.text import fenced

MAX_RESULT = 2000
"""Characters of printed results kept a cell: logs of a training run are no text to search."""


def read_notebook(blob: Blob) -> list[Extracted]:
    """Return a notebook's cells in their order. Raises DocumentError when it is none."""
    try:
        book: Any = json.loads(decode(blob.data))
        cells = book["cells"]
        language = str(book.get("metadata", {}).get("kernelspec", {}).get("language", "python"))
        parts: list[str] = []
        for cell in cells:
            source = _joined(cell.get("source", ""))
            if cell.get("cell_type") == "markdown":
                parts.append(tidy(source))
            elif cell.get("cell_type") == "code" and source.strip():
                parts += [fenced(source, language), *_results(cell.get("outputs", []))]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DocumentError(
            "it is not a Jupyter notebook of format 4: open it in Jupyter and save it"
        ) from error
    return [joined(parts)]


def _results(outputs: list[Any]) -> list[str]:
    texts = []
    for output in outputs:
        text = _joined(output.get("text") or output.get("data", {}).get("text/plain", ""))
        if text.strip():
            texts.append(text)
    return [fenced("".join(texts)[:MAX_RESULT])] if texts else []


def _joined(source: Any) -> str:
    return "".join(source) if isinstance(source, list) else str(source)


NOTEBOOK = Reader("notebook", (kinds.NOTEBOOK,), read_notebook)
