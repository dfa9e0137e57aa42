"""The main content of a web page: what is left without navigation, footers, banners and asides.

Elements go by their role and name, never by their score alone, and one that holds much of the
page's prose always stays: a documentation page loses its menus, not its reference tables.
"""

from __future__ import annotations

import re
from typing import Any

from graft.library.readers.vocabulary import vocabulary

_TAGS = frozenset({"nav", "footer", "aside", "dialog"})
_ROLES = vocabulary(
    "navigation banner contentinfo search complementary dialog alertdialog menu menubar "
    "toolbar doc-pagebreak doc-toc"
)
_HOLDERS = vocabulary("div section ul ol span a form header footer aside button p dl details")
_NAMES = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|navbox|menu|sidebar|side-bar|sidenav|breadcrumbs?|footer|"
    r"site-header|page-header-nav|masthead|topbar|cookies?|cookie-?(?:banner|consent|notice)|consent|"
    r"gdpr|banner-ad|advert\w*|ads?|ad-slot|sponsor\w*|promo\w*|newsletter|subscribe|signup|share|"
    r"sharing|social|related|recommended|pagination|pager|prev-?next|next-?prev|skip-?(?:to|link|nav)\S*|"
    r"toc|table-of-contents|on-this-page|page-toc|edit-(?:this-)?page|feedback|rating|comments?-?(?:area|"
    r"list|form)?|disqus\w*|catlinks|printfooter|mw-editsection|mw-jump-link|noprint|hatnote|metadata|"
    r"sphinxsidebar\w*|headerlink|version-switcher|theme-toggle|search-?(?:box|form|bar)|popup|modal|"
    r"overlay|vector-(?:header|menu|toc|page-toolbar|column-\w+|sticky)\S*|reflist-tools|announcement)"
    r"(?:$|[\s_-]|__)",
    re.IGNORECASE,
)
_MAIN = (
    ".//main",
    ".//*[@role='main']",
    ".//*[@itemprop='articleBody']",
    ".//*[@id='mw-content-text' or @id='content' or @id='main-content' or @id='main']",
    ".//*[contains(concat(' ',@class,' '),' markdown-body ') or "
    "contains(concat(' ',@class,' '),' theme-doc-markdown ')]",
)


def main_content(tree: Any) -> Any:
    """Return the element that holds a page's content; what does not belong is dropped in place.

    When a page marks no main part, or what is left of it is too little, its whole body is
    returned as it was.
    """
    body = tree.find(".//body")
    if body is None:
        body = tree
    _drop_silent(body)
    whole = _size(body)
    if not whole:
        return body
    for element in _candidates(body):
        kept = _size(element) - sum(_size(e) for e in _outermost(element, whole))
        if kept >= 0.25 * whole or kept >= 1500:
            _drop(_outermost(element, whole))
            return element
    doomed = _outermost(body, whole)
    gone = sum(_size(element) for element in doomed)
    # A page that is nearly all menu by these rules is an index, or the rules are wrong about it.
    if whole - gone >= max(0.15 * whole, min(200, 0.5 * whole)):
        _drop(doomed)
    return body


def _candidates(body: Any) -> list[Any]:
    found = [element for path in _MAIN for element in body.xpath(path)[:1]]
    articles = body.xpath(".//article[not(ancestor::article)]")
    return found + (articles if len(articles) == 1 else [])


def _outermost(root: Any, whole: int) -> list[Any]:
    """Return the elements under `root` that are boilerplate and stand in no other that is."""
    doomed: list[Any] = []
    stack = list(reversed(list(root)))
    while stack:
        element = stack.pop()
        if not isinstance(element.tag, str):
            continue
        if _is_boilerplate(element) and not _is_prose(element, whole):
            doomed.append(element)
        else:
            stack.extend(reversed(list(element)))
    return doomed


def _is_boilerplate(element: Any) -> bool:
    tag = element.tag
    if tag in (
        "html",
        "body",
        "main",
        "p",
        "pre",
        "code",
        "table",
        "tr",
        "td",
        "tbody",
        "h1",
        "h2",
    ):
        return False
    if tag in _TAGS or (element.get("role") or "") in _ROLES:
        # Notes are often written as an aside, a citation has a footer: short prose without links.
        return tag not in ("aside", "footer") or not _inside_text(element)
    if tag == "header":
        return element.find(".//h1") is None and not _inside_article(element)
    names = f"{element.get('id') or ''} {element.get('class') or ''}".strip()
    if not names or not _NAMES.search(names):
        return False
    return tag in _HOLDERS


def _inside_text(element: Any) -> bool:
    admonition = re.search(
        r"admonition|note|warning|callout|alert|tip|info", element.get("class") or "", re.IGNORECASE
    )
    return bool(admonition) or any(e.tag == "blockquote" for e in element.iterancestors())


def _inside_article(element: Any) -> bool:
    return any(e.tag in ("article", "main") for e in element.iterancestors())


def _is_prose(element: Any, whole: int) -> bool:
    """A large part of the page with few links is content, whatever its name says."""
    size = _size(element)
    if size < 0.3 * whole:
        return False
    linked = sum(_size(link) for link in element.iter("a"))
    return linked < 0.4 * size


def _drop_silent(body: Any) -> None:
    _drop(list(body.iter("script", "style", "noscript", "template")))


def _drop(elements: list[Any]) -> None:
    for element in elements:
        parent = element.getparent()
        if parent is not None:
            element.drop_tree() if hasattr(element, "drop_tree") else parent.remove(element)


def _size(element: Any) -> int:
    return len("".join("".join(element.itertext()).split()))
