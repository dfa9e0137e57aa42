"""Replacing what stands between two marks, in time that grows with the text alone."""

from __future__ import annotations

import re
from collections.abc import Callable


def replace_spans(
    text: str,
    opening: re.Pattern[str],
    closing: Callable[[re.Match[str]], str],
    change: Callable[[re.Match[str], str], str],
) -> str:
    """Return text with each span from `opening` to the mark `closing` gives put as `change` says.

    A pattern of both marks would search on to the end for every opening that nothing closes; here
    a closing mark that is not found once is not looked for again.

    >>> mark = re.compile("<!--")
    >>> replace_spans("a<!-- b -->c<!-- d", mark, lambda m: "-->", lambda m, inside: "")
    'ac<!-- d'
    """
    parts: list[str] = []
    missing: set[str] = set()
    last = position = 0
    while (found := opening.search(text, position)) is not None:
        mark = closing(found)
        position = found.end()
        if mark in missing:
            continue
        end = re.compile(re.escape(mark), re.IGNORECASE).search(text, position)
        if end is None:
            missing.add(mark)
            continue
        parts += [text[last : found.start()], change(found, text[found.end() : end.start()])]
        last = position = end.end()
    return "".join([*parts, text[last:]])
