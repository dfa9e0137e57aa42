"""Charts of Office files: the values a chart was drawn from, as a pipe table."""

from __future__ import annotations

from typing import Any

from graft.library.readers.archives import local
from graft.library.readers.tables import cell_text, pipe_table

MAX_POINTS = 500


def chart_blocks(root: Any) -> list[str]:
    """Return a chart's title and a table of its series by category, from the values it caches."""
    title = chart_title(root)
    series = [element for element in root.iter() if local(element) == "ser"]
    columns = [_values(s, "val") or _values(s, "yVal") for s in series]
    names = [" ".join(_values(s, "tx").values()) for s in series]
    labels: dict[int, str] = {}
    for one in series:
        labels = {**_values(one, "cat"), **_values(one, "xVal"), **labels}
    points = sorted({i for column in columns for i in column})[:MAX_POINTS]
    rows = [[labels.get(i, str(i + 1)), *(column.get(i, "") for column in columns)] for i in points]
    blocks = [title] if title else []
    return [*blocks, pipe_table([["", *names], *rows])] if rows else blocks


def chart_title(root: Any) -> str:
    """Return a chart's title, or ""."""
    title = next((e for e in root.iter() if local(e) == "title"), None)
    if title is None:
        return ""
    return " ".join("".join(t.text or "" for t in title.iter() if local(t) == "t").split())


def _values(series: Any, name: str) -> dict[int, str]:
    """Return the cached points under a series' part: index to text."""
    found: dict[int, str] = {}
    for part in series:
        if local(part) != name:
            continue
        for point in part.iter():
            if local(point) == "pt" and str(point.get("idx", "")).isdigit():
                text = "".join(v.text or "" for v in point if local(v) == "v")
                found[int(point.get("idx"))] = _number(text)
        if not found:
            text = " ".join(v.text or "" for v in part.iter() if local(v) == "v")
            found = {0: text} if text.strip() else {}
    return found


def _number(text: str) -> str:
    try:
        return cell_text(float(text)) if "." in text else text
    except ValueError:
        return text
