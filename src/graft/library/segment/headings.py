"""Headings of Markdown and reStructuredText: which lines are one, of which level, saying what."""

from __future__ import annotations

import re
from collections.abc import Sequence

LONGEST = 300
"""Characters of an underlined heading at most; more is a paragraph above a rule."""

_ATX = re.compile(r" {0,3}(#{1,6})[ \t]+(.*)$")
_UNDERLINE = re.compile(r"([=\-~^\"'`#*+.:_])\1{2,}$")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")
_NOT_TITLE = re.compile(r"\s*(?:[-*+>|]|\d{1,9}[.)])\s")

Heading = tuple[int, str, int]
"""Level from 1, the text, and the number of lines it takes."""


def atx(lines: Sequence[str], i: int, *, plain: bool) -> Heading | None:
    """Return the heading that starts with '#' at line `i`, if there is one.

    With `plain` it must stand between blank lines: otherwise '#' may start a comment.

    >>> atx(["## Use `it` {#use}"], 0, plain=False)
    (2, 'Use it', 1)
    """
    match = _ATX.match(lines[i]) if "#" in lines[i][:4] else None
    if match is None:
        return None
    if plain and (line_at(lines, i - 1) or line_at(lines, i + 1)):
        return None
    name = visible(_open(match[2]))
    return (len(match[1]), name, 1) if name else None


def underlined(
    lines: Sequence[str], i: int, levels: dict[str, int], *, restructured: bool
) -> Heading | None:
    """Return the heading at line `i` that the line below it underlines, if there is one.

    Markdown has '=' for level 1 and '-' for 2. With `restructured`, any sign may underline, and
    overline, a title that is not longer; `levels` keeps the level of each kind as they come.

    >>> underlined(["Leave", "====="], 0, {}, restructured=False)
    (1, 'Leave', 2)
    """
    if line_at(lines, i - 1):
        return None
    over = _UNDERLINE.match(lines[i]) if restructured else None
    first = i + 1 if over else i
    under = _UNDERLINE.match(line_at(lines, first + 1))
    title = line_at(lines, first)
    if under is None or not title or len(title) > LONGEST or _NOT_TITLE.match(title):
        return None
    if over is None and (title[0].isspace() or _UNDERLINE.match(title)):
        return None
    name = visible(title)
    if not restructured:
        level = {"=": 1, "-": 2}.get(under[1])
        return (level, name, 2) if level and name else None
    if (over and over[0] != under[0]) or len(under[0]) < len(title.strip()) or not name:
        return None
    style = under[1] * (2 if over else 1)
    level = levels.setdefault(style, len(levels) + 1)
    return level, name, 3 if over else 2


def visible(title: str) -> str:
    """Return a heading as a reader sees it: without links, emphasis and attributes.

    >>> visible("**[Leave](leave.md)** { #leave }")
    'Leave'
    """
    plain = _LINK.sub(r"\1", _bare(title.strip()))
    return " ".join(re.sub(r"\*\*|`", "", plain).split())


def _open(title: str) -> str:
    """Return a heading without the signs that close it, as in '## Leave ##'."""
    # By hand: a pattern that looks for spaces before the end takes their number squared.
    name = title.rstrip("#")
    closed = name != title and (not name or name[-1] in " \t")
    return name.rstrip(" \t") if closed else title


def _bare(title: str) -> str:
    """Return a heading without the attributes behind it: {#id}, {.class}, {: ...} or { #id }."""
    if not title.endswith("}"):
        return title
    name, brace, inside = title[:-1].rpartition("{")
    spaced = inside.startswith(" #") and name[-1:].isspace()
    marked = inside.startswith((":", "#", ".")) or spaced
    return name.rstrip() if brace and marked and "}" not in inside else title


def line_at(lines: Sequence[str], i: int) -> str:
    """Return a line, or "" beyond the first and the last."""
    return lines[i] if 0 <= i < len(lines) else ""
