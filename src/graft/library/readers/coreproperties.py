"""What Office files say of themselves: title, author, dates, keywords."""

from __future__ import annotations

import re

from graft.library.readers.archives import Archive, local

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?)?")


def core_properties(archive: Archive) -> dict[str, str]:
    """Return an Office file's title, author, created, modified, keywords, subject and category.

    Times are ISO times, which `where` compares by their day; those of no year are left out.
    """
    if "docProps/core.xml" not in archive.names:
        return {}
    return typed({local(e): (e.text or "").strip() for e in archive.xml("docProps/core.xml")})


def typed(values: dict[str, str]) -> dict[str, str]:
    """Return properties under the names that metadata have, and times in one form.

    >>> typed({"creator": "Ada", "created": "2024-03-15T10:00:00.25Z", "modified": "soon"})
    {'title': '', 'author': 'Ada', 'created': '2024-03-15T10:00:00Z'}
    """
    found = {"title": values.get("title", ""), "author": values.get("creator", "")}
    for name in ("created", "modified"):
        time = _TIME.fullmatch(values.get(name, ""))
        if time and time[1][:4] > "0001":
            found[name] = time[1] + (f"T{time[2]}{time[3] or ''}" if time[2] else "")
    for name in ("keywords", "subject", "category"):
        if text := " ".join(values.get(name, "").split()):
            found[name] = text
    return found


def images(archive: Archive, folder: str) -> int:
    """Return how many images stand in a folder of an Office file."""
    ends = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".svg", ".emf", ".wmf")
    return sum(n.startswith(folder) and n.lower().endswith(ends) for n in archive.names)
