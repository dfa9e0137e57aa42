"""Markdown: front matter, comments, the tags and shortcodes of site generators."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

import yaml

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.encodings import decode
from graft.library.readers.extracted import Blob, Extracted, access_of
from graft.library.readers.html import table_markdown
from graft.library.readers.reader import Reader
from graft.library.readers.spans import replace_spans

_FENCE = re.compile(r"^\s{0,12}(`{3,}|~{3,})")
_CODE = re.compile(r"(`+)(?!`)(?:[^\n]|\n(?![ \t]*\n)){1,2000}?(?<!`)\1(?!`)")
_TAGS = (
    "a abbr b big blockquote br center cite code dd del details dfn div dl dt em figcaption figure "
    "font h1 h2 h3 h4 h5 h6 hr i iframe img ins kbd li mark ol p picture pre q s samp small span "
    "strike strong style sub summary sup svg table tbody td tfoot th thead tr tt u ul video wbr"
).replace(" ", "|")
_TAG = re.compile(rf"</?(?:{_TAGS})(?:\s[^<>]{{0,4000}})?/?>", re.IGNORECASE)
_RAW = re.compile(r"<(script|style)\b[^<>]{0,500}>", re.IGNORECASE)
_TABLE = re.compile(r"<table\b[^<>]{0,1000}>", re.IGNORECASE)
_COMPONENT = re.compile(r"^[ \t]*</?[A-Z][\w.]*(\s[^<>]{0,2000})?/?>[ \t]*$", re.MULTILINE)
_NAMED = re.compile(r"""\b(?:title|label|text)=["']([^"'<>]{1,300})["']""")
_COMMENT = re.compile(r"<!--")
_SHORTCODE = re.compile(r"\{\{([<%])")
_INCLUDE = re.compile(r"^\{\*.{0,500}\*\}[ \t]*$", re.MULTILINE)
_ANCHOR = re.compile(r"[ \t]*\{:?[ \t]*[#.][\w.: -]{0,200}\}[ \t]*$", re.MULTILINE)
_ADMONITION = re.compile(
    r"^[ \t]*(?:/{3,}|:{3,})[ \t]*\{?(\w*)\}?[ \t]*\|?[ \t]*(.*)$", re.MULTILINE
)
_LINK = re.compile(r"(!?)\[((?:[^\[\]\n]|\[[^\[\]\n]{0,200}\]){0,500})\]\(([^()\s]{0,2000}(?:\([^()\s]{0,200}\))?[^()\s]{0,500})(?:\s+[\"'(][^\n]{0,300}?[\"')])?\)")  # fmt: skip # noqa: E501
_REFERENCE = re.compile(r"(?<!!)\[([^\[\]\n]{1,300})\]\[[^\[\]\n]{0,200}\]")
_DEFINITION = re.compile(
    r"^ {0,3}\[(?!\^)[^\[\]\n]{1,200}\]:[ \t]*<?[^\s<>]+>?(?:[ \t].*)?$", re.MULTILINE
)
_SETEXT = re.compile(r"(?:(?<=\n\n)|\A)(?![ \t]*(?:[-*+|>#]|\d+[.)])[ \t])([^\s|][^\n|]{0,200})\n(={3,}|-{3,})[ \t]*$", re.MULTILINE)  # fmt: skip # noqa: E501
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
    return [Extracted("", tidy(text), title, metadata=metadata, access=access)]


def front_matter(text: str) -> tuple[dict[Any, Any], str]:
    """Return the values of the YAML block that opens a text, and the text behind it.

    >>> front_matter("---\\ntitle: Leave\\n---\\nTen days.")
    ({'title': 'Leave'}, 'Ten days.')
    """
    found = _FRONT.match(text)
    if not found:
        return {}, text
    try:
        values = yaml.safe_load(found.group(1))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # A block that may name who can see the document must be understood.
        if re.search(r"^access\s*:", found.group(1), re.MULTILINE):
            raise DocumentError(
                "its front matter names `access` but is not valid YAML: mend the block at its top"
            ) from error
        return {}, text
    return (dict(values), text[found.end() :]) if isinstance(values, Mapping) else ({}, text)


def tidy(text: str) -> str:
    """Return Markdown with the prose cleaned and every fenced block as it is.

    >>> tidy("A <b>bold</b> [link](x.md).\\n```\\n<b> [x](y)\\n```")
    'A bold link.\\n```\\n<b> [x](y)\\n```'
    """
    parts: list[str] = []
    prose: list[str] = []
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            parts.append(line)
            if mark and mark.group(1).startswith(fence) and not line.strip(" \t`~"):
                fence = ""
        elif mark and "`" not in line[mark.end() :]:
            parts += [_tidy_prose("\n".join(prose))] if prose else []
            prose, fence = [], mark.group(1)
            parts.append(line)
        else:
            prose.append(line)
    parts += [_tidy_prose("\n".join(prose))] if prose else []
    return "\n".join(parts)


def _tidy_prose(text: str) -> str:
    text = replace_spans(text, _COMMENT, lambda m: "-->", lambda m, inside: "")
    if "<table" in text.lower():
        text = replace_spans(text, _TABLE, lambda m: "</table>", _table)
    pieces, last = [], 0
    for code in _CODE.finditer(text):
        pieces += [text[last : code.start()], code.group()]
        last = code.end()
    pieces.append(text[last:])
    # Links may hold code, so they are undone on the whole; tags only outside code.
    text = "".join(_untag(p) if i % 2 == 0 else p for i, p in enumerate(pieces))
    text = _LINK.sub(r"\2", text)
    text = _REFERENCE.sub(r"\1", text)
    text = _DEFINITION.sub("", text)
    return _SETEXT.sub(
        lambda m: ("# " if m.group(2)[0] == "=" else "## ") + m.group(1).strip(), text
    )


def _table(opening: re.Match[str], inside: str) -> str:
    return f"\n\n{table_markdown(f'{opening.group()}{inside}</table>')}\n\n"


def _shortcode(opening: re.Match[str], inside: str) -> str:
    return " ".join(_NAMED.findall(inside[:1000]))


def _untag(text: str) -> str:
    if "{" in text:
        text = replace_spans(
            text, _SHORTCODE, lambda m: (">" if m.group(1) == "<" else "%") + "}}", _shortcode
        )
        text = _INCLUDE.sub("", text)
        text = _ANCHOR.sub("", text)
    if "///" in text or ":::" in text:
        text = _ADMONITION.sub(lambda m: m.group(2).strip() or m.group(1).capitalize(), text)
    if "<" in text:
        text = replace_spans(text, _RAW, lambda m: f"</{m.group(1)}>", lambda m, inside: "")
        text = _COMPONENT.sub(lambda m: " ".join(_NAMED.findall(m.group(1) or "")), text)
        text = _TAG.sub("", text)
    return unescape(text) if "&" in text else text


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return str(value)


MARKDOWN = Reader("markdown", (kinds.MARKDOWN,), read_markdown)
