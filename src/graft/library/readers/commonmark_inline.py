"""Rules for inline marks: links, images, tags, entities, escapes, what site generators add.

Each has the form of a rule of markdown-it: it reads at `state.pos`, moves on behind what it
recognises and returns True; unless `silent`, it notes what is to change.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

from markdown_it.common.utils import normalizeReference
from markdown_it.rules_inline import StateInline, autolink, entity, escape, html_inline, image, link

from graft.library.readers.commonmark_page import page_of
from graft.library.readers.embedded import ADDRESS, embedded_in_tag, is_embedded, kind_of
from graft.library.readers.tags import NAMED, TAG, tag_text

Rule = Callable[[StateInline, bool], bool]

STOPS = re.compile(r"[\\`\[\]<{]|!(?=\[)|&(?=[#A-Za-z])|(?i:data):(?=[\w.+*;-])")
"""Where a rule may begin; `]` ends the text of a link."""

_TASK = re.compile(r"\[[ xX]\](?=\s|$)")
_GENERATED = re.compile(r"\(\s*\{[{%][^\n]{0,500}?[%}]\}[^\s()]*(?:\s+\"[^\"\n]*\")?\s*\)")
_COMPONENT = re.compile(r"</?[A-Z][\w.]*(\s[^<>]{0,2000})?/?>[ \t]*(?=\n|$)")
_RAW = re.compile(r"<(script|style|svg)\b", re.IGNORECASE)
_INCLUDE = re.compile(r"\{\*[^\n]{0,500}\*\}[ \t]*(?=\n|$)")
_ANCHOR = re.compile(r"\{:?[ \t]*[#.][\w.: -]{0,200}\}[ \t]*(?=\n|$)")
_STRUCTURAL = frozenset("#*+-=~`>|_")


def _bracketed(mark: str, rule: Rule) -> Rule:
    def read(state: StateInline, silent: bool) -> bool:
        page, source, start, stop = page_of(state), state.src, state.pos, state.posMax
        if not source.startswith(mark, start) or page.budget <= 0:
            return False
        if mark == "[" and (source.startswith("[^", start) or (start == 0 and _TASK.match(source))):
            return False
        opening = start + len(mark) - 1
        if source.find("]", opening, stop) < 0:
            return False
        ends = state.md.helpers.parseLinkLabel(state, opening, mark == "[")
        if ends < 0:
            page.budget -= stop - start
            return False
        if rule(state, True):
            end = state.pos
            state.pos = start
        else:
            state.pos = start
            page.budget -= (stop - start) if source.startswith("(", ends + 1) else 0
            end = _loose(source, ends + 1, stop)
            if end < 0:
                return False
        if not silent:
            target = _target(state, source[opening + 1 : ends], source[ends + 1 : end])
            if is_embedded(target):
                page.left_out[kind_of(target)] += 1
            # Two images side by side are two words.
            apart = " " if start and source[start - 1] in ")]" else ""
            page.change(start, opening + 1, apart)
            page.change(ends, end)
            state.pos, state.posMax = opening + 1, ends
            state.level += 1
            state.md.inline.tokenize(state)
            state.level -= 1
            state.posMax = stop
        state.pos = end
        return True

    return read


def _loose(source: str, start: int, stop: int) -> int:
    """Return the end of a target that only a generator, or a browser, understands, or -1."""
    if found := _GENERATED.match(source, start, stop):
        return found.end()
    if not re.compile(r"\(\s*<?data:", re.IGNORECASE).match(source, start, stop):
        return -1
    depth = 0
    for sign in re.compile(r"[()]").finditer(source, start, stop):
        depth += 1 if sign[0] == "(" else -1
        if depth == 0:
            return sign.end()
    return -1


def _target(state: StateInline, text: str, behind: str) -> str:
    if behind.startswith("("):
        return behind[1:]
    name = behind[1:-1] if len(behind) > 2 else text
    return page_of(state).definitions.get(normalizeReference(name), "")


def _autolink(state: StateInline, silent: bool) -> bool:
    start = state.pos
    if state.src[start] != "<" or not autolink(state, silent):
        return False
    if not silent:
        page, target = page_of(state), state.src[start + 1 : state.pos - 1]
        if is_embedded(target):
            page.left_out[kind_of(target)] += 1
            page.change(start, state.pos)
        else:
            page.change(start, start + 1)
            page.change(state.pos - 1, state.pos)
    return True


def _html(state: StateInline, silent: bool) -> bool:
    source, start = state.src, state.pos
    if source[start] != "<":
        return False
    page = page_of(state)
    if source.startswith("<!--", start):
        end = source.find("-->", start + 2, state.posMax)
        if end < 0:
            return False
        if not silent:
            page.left_out["comments"] += 1
            page.change(start, end + 3)
        state.pos = end + 3
        return True
    if raw := _RAW.match(source, start):
        closing = re.compile(f"</{raw[1]}\\s*>", re.IGNORECASE)
        if page.budget > 0 and (closed := closing.search(source, raw.end(), state.posMax)):
            if not silent:
                page.left_out["images"] += raw[1].lower() == "svg"
                page.change(start, closed.end())
            state.pos = closed.end()
            return True
        page.budget -= state.posMax - start
    begins = _begins(source, start)
    if begins and (component := _COMPONENT.match(source, start, state.posMax)):
        if not silent:
            page.change(start, component.end(), " ".join(NAMED.findall(component[1] or "")))
        state.pos = component.end()
        return True
    if page.html:  # as a browser reads it
        tag = TAG.match(source, start, state.posMax)
        if tag is None:
            return False
    elif html_inline(state, True):
        end, state.pos = state.pos, start
        tag = TAG.fullmatch(source, start, end)
        if tag is None:  # a declaration or an instruction
            state.pos = end
            return True
    else:
        return False
    if not silent and (text := tag_text(tag, page.closed, one_line=page.one_line)) is not None:
        page.left_out.update(embedded_in_tag(tag[0]))
        at_edge = text == "\n" and (begins or source[tag.end() : tag.end() + 1] in ("\n", ""))
        page.change(start, tag.end(), "" if at_edge else text)
    state.pos = tag.end()
    return True


def _entity(state: StateInline, silent: bool) -> bool:
    start = state.pos
    if state.src[start] != "&" or not entity(state, silent):
        return False
    if not silent:
        text = unescape(state.src[start : state.pos]).replace("\n", " ")
        page = page_of(state)
        if text == "|" if page.cell is not None else _structural(state.src, start, text):
            text = "\\" + text
        page.change(start, state.pos, text)
    return True


def _begins(source: str, start: int, passed: str = " \t") -> bool:
    """Return whether nothing but signs to pass over stands before a place in its line."""
    while start and source[start - 1] in passed:
        start -= 1
    return start == 0 or source[start - 1] == "\n"


def _structural(source: str, start: int, text: str) -> bool:
    """Return whether a character that was written as an entity would begin a block here."""
    return text in _STRUCTURAL and _begins(source, start, " \t0123456789")


def _escape(state: StateInline, silent: bool) -> bool:
    source, start = state.src, state.pos
    if source[start] != "\\" or not escape(state, silent):
        return False
    if not silent and _needless(source, start, math=page_of(state).math):
        page_of(state).change(start, start + 1)
    return True


def _needless(source: str, start: int, *, math: bool) -> bool:
    """Return whether the text says the same without this backslash; in formulas it is needed."""
    sign = source[start + 1 : start + 2]
    if sign == "\n":
        return True
    if math or _begins(source, start, " \t0123456789"):
        return False
    before, after = source[start - 1 : start], source[start + 2 : start + 3]
    return sign in ".-+#" or (sign == "_" and before.isalnum() and after.isalnum())


def _braces(state: StateInline, silent: bool) -> bool:
    source, start = state.src, state.pos
    if source[start] != "{":
        return False
    begins = _begins(source, start)
    text = ""
    if source.startswith(("{{<", "{{%"), start):
        closing = (">" if source[start + 2] == "<" else "%") + "}}"
        found = source.find(closing, start + 3, state.posMax)
        if found < 0:
            return False
        end = found + 3
        text = " ".join(NAMED.findall(source[start : min(found, start + 1000)]))
    else:
        matched = (_INCLUDE.match(source, start, state.posMax) if begins else None) or (
            _ANCHOR.match(source, start, state.posMax)
        )
        if matched is None:
            return False
        end = matched.end()
    if not silent:
        page_of(state).change(start, end, text)
    state.pos = end
    return True


def _embedded(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "dD":
        return False
    found = ADDRESS.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        page = page_of(state)
        page.left_out[kind_of(found[0])] += 1
        page.change(state.pos, found.end())
    state.pos = found.end()
    return True


RULES: dict[str, Rule] = {
    "escape": _escape,
    "link": _bracketed("[", link),
    "image": _bracketed("![", image),
    "autolink": _autolink,
    "html_inline": _html,
    "entity": _entity,
}
"""Rules that stand in the place of the parser's."""

MORE: dict[str, Rule] = {"braces": _braces, "embedded": _embedded}
"""Rules that CommonMark does not have."""
