"""What a web page says of itself: author, date, description, language."""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

_NAMES = {
    "description": ("description", "og:description", "dc.description"),
    "author": ("author", "article:author", "dc.creator"),
    "date": (
        "date", "article:published_time", "dc.date", "dcterms.created", "datepublished", "pubdate",
    ),
    "modified": ("article:modified_time", "last-modified", "dcterms.modified", "datemodified"),
    "keywords": ("keywords",),
}  # fmt: skip


def page_metadata(tree: Any) -> dict[str, str]:
    """Return what the head of a page tells; dates are ISO 8601 where they can be read."""
    said: dict[str, str] = {}
    for element in tree.iter("meta"):
        name = element.get("name") or element.get("property") or element.get("itemprop")
        name = (name or element.get("http-equiv") or "").strip().lower()
        said.setdefault(name, " ".join((element.get("content") or "").split())[:500])
    found = {"language": tree.get("lang") or ""}
    for key, names in _NAMES.items():
        found[key] = next((said[name] for name in names if said.get(name)), "")
    found |= {key: iso_date(found[key]) for key in ("date", "modified")}
    return {key: value for key, value in found.items() if value}


def iso_date(text: str) -> str:
    """Return a date as ISO 8601; one of another form as it stands.

    >>> iso_date("Tue, 3 Mar 2026 10:00:00 +0100"), iso_date("2026-03-03"), iso_date("last week")
    ('2026-03-03T10:00:00+01:00', '2026-03-03', 'last week')
    """
    if re.match(r"\d{4}-\d\d-\d\d", text):
        return text
    try:
        return parsedate_to_datetime(text).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        pass
    for form in ("%d %B %Y", "%B %d, %Y", "%d.%m.%Y", "%Y/%m/%d", "%Y%m%d"):
        try:
            return datetime.strptime(text, form).date().isoformat()
        except ValueError:
            continue
    return text
