"""What a page folds away: what a click opens is content, what stays hidden is counted.

The tree is changed in place before it is read: panels lose what hides them, a button or summary
that opens one becomes a heading, and what no click opens goes.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from lxml import etree

# Asked in C, since most elements of a page are none of these.
_FIND_HIDDEN = etree.XPath(
    "descendant-or-self::*[@hidden or contains(@style, 'one') or contains(@style, 'idden')"
    " or contains(@style, 'NONE') or contains(@class, 'hidden')"
    " or contains(@class, 'only') or contains(@class, 'reader')]"
)
_FIND_CONTROLS = etree.XPath(
    "descendant::button | descendant::summary | descendant::*[@role='button' or @role='tab'"
    " or @aria-expanded or @data-toggle or @data-bs-toggle]"
)
_FIND_OPENERS = etree.XPath(
    "descendant::*[@aria-controls or @data-target or @data-bs-target or @popovertarget"
    " or @onclick or @role='tab' or @data-toggle or @data-bs-toggle]"
)
_CONTROLS = ("button", "summary")
_PANEL = re.compile(
    r"(?:^|[\s_-])(?:panel|collaps\w*|accordion\w*|tabs?|tab-?(?:pane|panel|content)\w*|answer\w*|"
    r"faq\w*|toggle\w*|expand\w*|fold\w*|content|body|details|spoiler\w*|slide\w*|more)(?:$|[\s_-])",
    re.IGNORECASE,
)
_UNSEEN = re.compile(
    r"(?:^|\s)(?:sr-only|visually-?hidden|screen-?reader(?:-only|-text)?|a11y-hidden|u-hidden-visually)"
    r"(?:$|\s)",
    re.IGNORECASE,
)
_CHROME = re.compile(
    r"cookie|consent|gdpr|modal|popup|dialog|tooltip|overlay|(?:^|[\s_-])(?:nav|menu|ads?|template|"
    r"preheader|honeypot|error|spinner|loading)(?:$|[\s_-])",
    re.IGNORECASE,
)
_TOGGLES = ("collapse", "tab", "pill", "accordion", "toggle")
_QUESTION = ("?", "？", "؟")
_HEADING = re.compile(r"h[1-6]")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_PLAIN = ("menu", "search", "close", "open", "toggle navigation", "next", "previous")


def unfold(tree: Any) -> dict[str, int]:
    """Open what a click opens, take out what stays hidden, and return how much that is."""
    left_out: Counter[str] = Counter()
    hidden = [element for element in _FIND_HIDDEN(tree) if _is_hidden(element)]
    named = _named_targets(tree) if hidden else set()
    for element in list(tree.iter("template")):
        if element.get("shadowrootmode"):  # what a browser shows in place of its host's children
            element.tag = "div"
        elif _has_text(element):
            left_out["hidden elements"] += 1
    for element in hidden:
        if element.tag in ("html", "body", "input"):
            continue
        if _is_opened(element, named):
            _show(element)
        elif element.getparent() is not None and _inside(element, tree):
            left_out["hidden elements"] += _has_text(element)
            element.drop_tree()
    _name_controls(tree, left_out)
    return dict(left_out)


def _named_targets(tree: Any) -> set[str]:
    """Return the ids that something on the page says it opens."""
    found: set[str] = set()
    for element in _FIND_OPENERS(tree):
        for name in ("aria-controls", "data-target", "data-bs-target", "popovertarget"):
            found.update(part.lstrip("#") for part in (element.get(name) or "").split())
        if element.get("role") == "tab" or _toggles(element):
            found.add((element.get("href") or "").lstrip("#"))
        clicked = element.get("onclick") or ""
        found.update(re.findall(r"""["']#?([\w-]+)["']""", clicked))
    return found - {""}


def _toggles(element: Any) -> bool:
    kind = element.get("data-toggle") or element.get("data-bs-toggle") or ""
    return kind in _TOGGLES


def _is_hidden(element: Any) -> bool:
    style = (element.get("style") or "").replace(" ", "").lower()
    if "hidden" in element.attrib or "display:none" in style or "visibility:hidden" in style:
        return True
    return bool(_UNSEEN.search(element.get("class") or ""))


def _is_opened(element: Any, named: set[str]) -> bool:
    names = f"{element.get('id') or ''} {element.get('class') or ''}"
    if _UNSEEN.search(element.get("class") or ""):
        return _stands_alone(element)
    if _CHROME.search(names) or element.get("role") in ("dialog", "alertdialog", "tooltip", "menu"):
        return False
    if element.get("hidden") == "until-found" or element.get("role") == "tabpanel":
        return True
    if element.get("id") in named or element.tag == "dd" or _PANEL.search(names):
        return True
    if element.tag == "details" or _like_a_shown_one(element):
        return True
    before = element.getprevious()
    while before is not None and not isinstance(before.tag, str):
        before = before.getprevious()
    return before is not None and _leads(before)


def _leads(element: Any) -> bool:
    """Whether what stands before a hidden element opens it: a control, or a heading."""
    if element.tag in (*_CONTROLS, "dt", "label") or _HEADING.fullmatch(element.tag):
        return True
    return any(_is_control(e) for e in element.iter() if isinstance(e.tag, str))


def _like_a_shown_one(element: Any) -> bool:
    """One of a row of the same kind, as tabs without roles are."""
    parent, first = element.getparent(), (element.get("class") or "").split()[:1]
    if parent is None or not first:
        return False
    same = [
        e for e in parent if e.tag == element.tag and (e.get("class") or "").split()[:1] == first
    ]
    return any(not _is_hidden(e) for e in same) and len(same) > 1


def _stands_alone(element: Any) -> bool:
    """A text for screen readers says the same again, unless nothing else is there to be read."""
    if _HEADING.fullmatch(element.tag) or element.tag == "caption":
        return True
    parent = element.getparent()
    if parent is None or parent.tag in ("a", "button", "body"):
        return False
    own = "".join("".join(element.itertext()).split())
    return parent.tag in ("td", "th", "dd", "li") and own == "".join(
        "".join(parent.itertext()).split()
    )


def _show(element: Any) -> None:
    element.attrib.pop("hidden", None)
    style = re.sub(
        r"(?i)(display\s*:\s*none|visibility\s*:\s*hidden)[^;]*;?", "", element.get("style") or ""
    )
    element.attrib.pop("style", None)
    if style.strip():
        element.set("style", style)


def _is_control(element: Any) -> bool:
    if element.tag in _CONTROLS or element.get("role") in ("button", "tab"):
        return True
    return "aria-expanded" in element.attrib or _toggles(element)


def _name_controls(tree: Any, left_out: Counter[str]) -> None:
    """Give what opens a panel the tag of a heading; other buttons with a text are its words."""
    summaries = Counter(e.getparent().getparent() for e in tree.iter("summary") if _parents(e))
    levels: dict[Any, int] = {}
    for element in _FIND_CONTROLS(tree):
        if not _inside(element, tree):
            continue
        text = " ".join(element.text_content().split())
        if _within(element, *_HEADINGS):
            element.tag = "span" if element.tag in _CONTROLS else element.tag
        elif (
            not text or _within(element, "nav", "header", "footer", "pre") or text.lower() in _PLAIN
        ):
            continue
        elif element.tag == "summary" and not _in_a_row(element, text, summaries):
            element.tag = "p"
        elif text.endswith(_QUESTION) or element.tag == "summary" or _opens(element):
            if _within(element, "li", "td", "th", "p") and not text.endswith(_QUESTION):
                element.tag = "span" if element.tag == "button" else element.tag
            else:
                _open_lists(element)
                element.tag = f"h{_level(element, levels)}"
        elif element.tag == "button" and (len(text.split()) > 3 or _in_a_sentence(element)):
            element.tag = "span"
        elif element.tag == "button":
            left_out["buttons"] += 1


def _level(element: Any, levels: dict[Any, int]) -> int:
    """Return one more than the level of the heading that a control's panel stands under."""
    parent = element.getparent()
    if parent not in levels:
        found = 1
        for around in (element, *element.iterancestors()):
            above = next(around.itersiblings(*_HEADINGS, preceding=True), None)
            if above is not None:
                found = int(above.tag[1])
                break
        levels[parent] = min(found + 1, 6)
    return levels[parent]


def _parents(element: Any) -> bool:
    return element.getparent() is not None and element.getparent().getparent() is not None


def _in_a_row(element: Any, text: str, summaries: Counter[Any]) -> bool:
    return text.endswith(_QUESTION) or (
        _parents(element) and summaries[element.getparent().getparent()] > 1
    )


def _opens(element: Any) -> bool:
    if not (
        "aria-expanded" in element.attrib or "aria-controls" in element.attrib or _toggles(element)
    ):
        return False
    after = element.getnext()
    return element.get("role") != "tab" and after is not None and _has_text(after)


def _open_lists(element: Any) -> None:
    """An item that holds a question and its answer is a part of the page, no line of a list."""
    for around in element.iterancestors("li", "ul", "ol", "dl", "dt"):
        around.tag = "div"


def _in_a_sentence(element: Any) -> bool:
    parent = element.getparent()
    texts = (
        [parent.text or "", *(child.tail or "" for child in parent)] if parent is not None else []
    )
    return any(len(text.split()) > 1 for text in texts)


def _has_text(element: Any) -> bool:
    return any(text.strip() for text in element.itertext())


def _inside(element: Any, tree: Any) -> bool:
    """Whether an element is still in the tree: what stood around it may have gone."""
    return bool(element.getroottree().getroot() is tree.getroottree().getroot())


def _within(element: Any, *tags: str) -> bool:
    return next(element.iterancestors(*tags), None) is not None
