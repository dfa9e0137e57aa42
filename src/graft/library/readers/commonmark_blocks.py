"""Rules for blocks: definitions of links, blocks of HTML, the fences of admonitions.

Each has the form of a rule of markdown-it: it reads at line `start`, sets `state.line` behind its
block and returns True; with `silent` it only says whether it would break off a paragraph.
"""

from __future__ import annotations

import re

from markdown_it.rules_block import StateBlock, reference
from markdown_it.rules_block.html_block import HTML_SEQUENCES

from graft.library.readers.commonmark_page import page_of
from graft.library.readers.embedded import is_embedded
from graft.library.readers.vocabulary import vocabulary

_COMPONENT = re.compile(r"</?[A-Z][a-z][\w.]*(?:[\s/>]|$)")
_FENCE = re.compile(r"`{3,}[^`]*$|~{3,}")
_BYTES = re.compile(r"[A-Za-z0-9+/]{20,}={0,2}|[A-Za-z0-9+/]+={1,2}")
_TABLES = re.compile(r"<(/?)table\b", re.IGNORECASE)
_SLASHES = re.compile(r"/{3,}[ \t]*(?:([\w-]+)[ \t]*(?:\|[ \t]*(.*?))?)?[ \t]*$")
_COLONS = re.compile(
    r":{3,}[ \t]*(?:\{[ \t]*\.?([\w-]*)[^{}]*\}|([\w-]+))?[ \t]*(?:\[(.*)\]|(.*?))[ \t]*"
    r"(?:\{[^{}]*\})?[ \t]*:*$"
)
_KINDS = vocabulary(
    "note tip info warning danger caution important success question failure bug example hint "
    "attention error seealso admonition abstract quote todo details"
)


def definition(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read `[label]: target "title"`; what only looks like it is a paragraph of its own."""
    place = state.bMarks[start] + state.tShift[start]
    if not state.src.startswith("[", place) or state.src.startswith("[^", place):
        return False
    known = set(state.env.get("references", ()))
    if not reference(state, start, end, silent):
        return False
    token, page = state.tokens[-1], page_of(state)
    name, target = token.meta["id"], token.meta["url"]
    label = token.meta["label"]
    angled = state.src[place + len(label) + 3 : state.eMarks[state.line - 1]].lstrip()[:1] == "<"
    if page.defines(label, target, angled=angled):
        if is_embedded(target):
            state.line = _behind_bytes(state, state.line, end)
            token.map = [start, state.line]
        page.definitions.setdefault(name, target)
        return True
    if name not in known:
        state.env["references"].pop(name, None)
    token.type = "inline"
    token.content = state.getLines(start, state.line, state.blkIndent, False).strip()
    token.children = []
    return True


def _behind_bytes(state: StateBlock, line: int, end: int) -> int:
    """Return the line after those that go on with the bytes of an embedded file."""
    while line < end:
        text = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]
        if not _BYTES.fullmatch(text.strip()):
            break
        line += 1
    return line


def html(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read a block of HTML: CommonMark's seven kinds, with three exceptions.

    A comment or script that nothing ends is text; a table goes on over blank lines to its end;
    code between tags is code, and a component of JSX is a paragraph, for its inside is Markdown.
    """
    if state.is_code_block(start):
        return False
    text = _text(state, start)
    if not text.startswith("<") or _COMPONENT.match(text):
        return False
    kind = next((k for k, seq in enumerate(HTML_SEQUENCES) if seq[0].search(text)), -1)
    if kind < 0:
        return False
    if silent:
        return HTML_SEQUENCES[kind][2]
    stop = -1
    if kind < 5:
        closing = HTML_SEQUENCES[kind][1]
        stop = _closed(state, start, end, closing)
        if stop < 0:
            return False
    elif _TABLES.match(text):
        stop = _table_end(state, start, end)
    if stop < 0:
        stop = start + 1
        while stop < end and state.sCount[stop] >= state.blkIndent and (line := _text(state, stop)):
            if _FENCE.match(line):
                break
            stop += 1
    state.line = stop
    token = state.push("html_block", "", 0)
    token.map = [start, stop]
    token.content = state.getLines(start, stop, state.blkIndent, True)
    return True


def _closed(state: StateBlock, start: int, end: int, closing: re.Pattern[str]) -> int:
    page = page_of(state)
    for line in range(start, end):
        if page.budget <= 0:
            break
        if line > start and state.sCount[line] < state.blkIndent and not state.isEmpty(line):
            break
        if closing.search(
            _text(state, line), 4 if line == start and "--" in closing.pattern else 0
        ):
            return line + 1
        page.budget -= 40
    return -1


def _table_end(state: StateBlock, start: int, end: int) -> int:
    page, depth = page_of(state), 0
    for line in range(start, end):
        if page.budget <= 0:
            break
        if state.sCount[line] < state.blkIndent and not state.isEmpty(line):
            break
        for found in _TABLES.finditer(_text(state, line)):
            depth += -1 if found[1] else 1
        if depth <= 0:
            return line + 1
        page.budget -= 40
    return -1


def _text(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def admonition(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read the line that opens or closes a block of a site generator: its title is kept."""
    place = state.bMarks[start] + state.tShift[start]
    if not state.src.startswith(("///", ":::"), place) or state.is_code_block(start):
        return False
    titled = _title(_text(state, start))
    if titled is None or silent:
        return titled is not None
    kind, begins, ends = titled
    begins, ends = place + begins, place + ends
    state.line = start + 1
    token = state.push("admonition", "", 0)
    token.map = [start, start + 1]
    page_of(state).edits += [
        (place, begins, "" if begins < ends else kind.capitalize()),
        (ends, state.eMarks[start], ""),
    ]
    token = state.push("inline", "", 0)
    token.map, token.children = [start, start + 1], []
    token.content, token.meta = state.src[begins:ends], {"place": begins}
    return True


def _title(text: str) -> tuple[str, int, int] | None:
    """Return the kind of an admonition and where its title stands; None when it is none."""
    if found := _SLASHES.match(text):
        return found[1] or "", found.start(2) if found[2] else found.end(), found.end()
    found = _COLONS.match(text)
    if found is None:
        return None
    kind = found[1] or found[2] or ""
    if found[3]:
        return kind, *found.span(3)
    if not found[4]:
        return kind, found.end(), found.end()
    # A word that is no kind begins what is said.
    begins = found.start(2) if found[2] and kind.lower() not in _KINDS else found.start(4)
    return kind, begins, found.end(4)
