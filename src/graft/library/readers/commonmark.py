"""CommonMark, read by a parser and rewritten in place: what a reader does not see is cut out.

markdown-it-py finds the blocks and the inline marks; its rules are wrapped so that each notes the
characters of the source to change. All else, code above all, stays as it was written.
Source: https://spec.commonmark.org/0.31.2/, tables and task lists as GitHub has them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from graft.library.readers import commonmark_blocks as block_rules
from graft.library.readers import commonmark_inline as inline_rules
from graft.library.readers.commonmark_page import Page
from graft.library.readers.tags import html_text

LONGEST_HEADING = 300
"""Characters of an underlined heading at most; more is a paragraph above a rule."""

_MARKS = re.compile(r"[\[\\<&{]|(?i:data):")
_INDENTS = re.compile(r"(?:!!!|\?\?\?\+?|===|\[\^[^\[\]]+\]:)")
_BREAKS = ["paragraph", "reference", "blockquote", "list"]


def rewrite(text: str, left_out: Counter[str]) -> str:
    r"""Return Markdown without comments, tags and targets of links; counts what is left out.

    Lines end with "\n". Nothing else is touched: without such marks a text comes out as it is.

    >>> rewrite("A [link](x.md), `[a](b)` and a[i][j].\n\n[WARNING]: Do not open.", Counter())
    'A link, `[a](b)` and a[i][j].\n\n[WARNING]: Do not open.'
    """
    text = text.replace("\0", "")  # the parser would put another character, cleaning drops it
    page = Page(text, left_out)
    parser = _parser()
    env = {"page": page}
    tokens: list[Token] = []
    parser.block.parse(text, parser, env, tokens)
    for place, token in enumerate(tokens):
        if token.type == "inline":
            _inline(parser, env, page, tokens, place)
        elif token.type == "definition":
            _definition(page, token)
        elif token.type == "html_block":
            _html(parser, env, page, token)
        elif token.type == "code_block" and _goes_on(tokens, place):
            _indented(page, token)
    return page.rewritten()


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"inline_definitions": True}).enable("table")
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    for rules in (parser.inline.ruler, parser.inline.ruler2):
        rules.enableOnly([])
    parser.inline.ruler.enable(["text", "backticks", *inline_rules.RULES])
    for name, rule in inline_rules.RULES.items():
        parser.inline.ruler.at(name, rule)
    for name, rule in inline_rules.MORE.items():
        parser.inline.ruler.before("escape", name, rule)
    # Emphasis is not looked for, so its signs need not stop the reading of a text.
    parser.inline.terminator_re = inline_rules.STOPS
    parser.block.ruler.at("reference", block_rules.definition)
    parser.block.ruler.at("html_block", block_rules.html, {"alt": _BREAKS[:3]})
    parser.block.ruler.before("fence", "admonition", block_rules.admonition, {"alt": _BREAKS})
    return parser


def _inline(
    parser: MarkdownIt, env: dict[str, Page], page: Page, tokens: Sequence[Token], place: int
) -> None:
    token, before = tokens[place], tokens[place - 1]
    if not token.content or token.map is None:
        return
    cell = before.type in ("td_open", "th_open")
    places = _cell(page, tokens, place) if cell else _places(page, token)
    if places is None:
        return
    page.places, page.cell = places, token.content if cell else None
    page.one_line = cell or before.type == "heading_open"
    if before.type == "heading_open" and before.markup in ("=", "-"):
        _underlined(page, token, 1 if before.markup == "=" else 2)
    if _MARKS.search(token.content):
        page.math = "$" in token.content.replace("\\$", "")
        parser.inline.parse(token.content, parser, env, [])


def _places(page: Page, token: Token) -> list[tuple[int, int]] | None:
    """Return for each line of an inline text where it starts in it and in the source.

    None when it cannot be found there: then it stays as it is.
    """
    if "place" in token.meta:
        return [(0, token.meta["place"])]
    number = token.map[0] if token.map else 0
    places, begins = [], 0
    for line in token.content.split("\n"):
        source, bare = page.line(number), line.strip(" \t")
        found = source.rfind(bare)
        if found < 0:
            return None
        places.append((begins + len(line) - len(line.lstrip(" \t")), page.lines[number] + found))
        begins += len(line) + 1
        number += 1
    return places


def _cell(page: Page, tokens: Sequence[Token], place: int) -> list[tuple[int, int]] | None:
    """Return where the text of a table's cell starts: behind the cells before it in its row."""
    token = tokens[place]
    start, line = page.lines[token.map[0]] if token.map else 0, token.map[0] if token.map else 0
    if tokens[place - 2].type != "tr_open" and page.row[0] == line:
        start = page.row[1]
    written = token.content.replace("|", "\\|")
    found = page.source.find(written, start, page.lines[line + 1])
    if found < 0:
        return None
    page.row = (line, found + len(written))
    return [(0, found)]


def _underlined(page: Page, token: Token, level: int) -> None:
    """Put an underlined heading as a line that begins with '#'."""
    if len(token.content) > LONGEST_HEADING or token.map is None:
        return
    first, stop = page.places[0][1], token.map[1] + 1  # the line below
    page.edits.append((first, first, "#" * level + " "))
    for number, (_, starts) in enumerate(page.places[1:], token.map[0]):
        page.edits.append((page.lines[number + 1] - 1, starts, " "))
    last = page.lines[token.map[0] + len(page.places)] - 1
    page.edits.append((last, page.lines[stop] - 1, ""))


def _definition(page: Page, token: Token) -> None:
    first, stop = token.map or (0, 0)
    start = page.source.index("[", page.lines[first])
    page.edits.append((start, page.lines[stop] - 1, ""))
    if token.meta["url"] in ("", "#") and token.meta["title"]:
        page.left_out["comments"] += 1


def _html(parser: MarkdownIt, env: dict[str, Page], page: Page, token: Token) -> None:
    first, stop = token.map or (0, 0)
    start = page.source.index("<", page.lines[first])

    def inline(html: str) -> str:
        inner = Page(html, page.left_out, html=True, definitions=page.definitions)
        inner.closed = page.closed
        parser.inline.parse(html, parser, {**env, "page": inner}, [])
        return inner.rewritten()

    text = html_text(token.content, page.left_out, inline)
    _replace(page, start, stop, text)


def _replace(page: Page, start: int, stop: int, text: str) -> None:
    """Put lines up to `stop` as a text, behind the marks of the quotes and lists around it."""
    line = page.source.rfind("\n", 0, start) + 1
    prefix = re.sub(r"[^>\s]", " ", page.source[line:start])
    end = min(page.lines[stop] - 1, len(page.source))
    page.edits.append((start, end, text.replace("\n", "\n" + prefix)))


def _goes_on(tokens: Sequence[Token], place: int) -> bool:
    """Return whether indented lines are the inside of an admonition or a note, and no code."""
    before = tokens[place - 2] if place > 1 else None
    return (
        before is not None
        and before.type == "inline"
        and tokens[place - 1].type == "paragraph_close"
        and _INDENTS.match(before.content) is not None
    )


def _indented(page: Page, token: Token) -> None:
    first = token.map[0] if token.map else 0
    lines = token.content.rstrip("\n").split("\n")
    text = rewrite("\n".join(lines), page.left_out)
    start = page.lines[first] + page.line(first).rindex(lines[0].strip())
    _replace(page, start, first + len(lines), text)
