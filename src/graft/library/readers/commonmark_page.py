"""Page: what the rules for Markdown share about one text, and the changes that they note."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from markdown_it.common.utils import normalizeReference

_SURE = re.compile(
    r"$|[/.#?]|www\.|[^\s/]+@[^\s/]+\.|(?:https?|ftps?|file|mailto|tel|data|urn|doi|javascript|"
    r"magnet|attachment|irc|git|ssh|sftp|ws):|[\w+.-]{2,}://|"
    r"[^\s]*[\w)]\.(?:html?|mdx?|markdown|pdf|png|jpe?g|gif|svg|webp|txt|rst|adoc|com|org|net|io|"
    r"dev|edu|gov|info|php|aspx?|jsp|zip|gz|csv|docx?|xlsx?|pptx?|ya?ml|json|toml|py|js|ts|rb|rs|"
    r"go|java|ipynb)(?:[/?#:]|$)",
    re.IGNORECASE,
)
_FRAMES = frozenset({"center", "details", "div", "span"})
_LABEL = re.compile(r"\[((?:[^\[\]\\]|\\.){1,999})\](?!:)")
_BY_NAME = re.compile(r"\]\[((?:[^\[\]\\]|\\.){1,999})\]|\[((?:[^\[\]\\]|\\.){1,999})\]\[\]")


@dataclass
class Page:
    """One Markdown text, and the changes to it as (start, end, text instead).

    `places` tells for the lines of the inline text that is being read where each stands in it
    and in the source. Of that text `one_line` says that a line break would cut its block, `math`
    that it may hold formulas, `html` that it is a block of HTML; `cell` is a table cell's text
    and `row` the line and place where the cell before ended. `budget` bounds the characters that
    are looked through for nothing: beyond it brackets are just brackets.
    """

    source: str
    left_out: Counter[str] = field(default_factory=Counter)
    edits: list[tuple[int, int, str]] = field(default_factory=list)
    places: Sequence[tuple[int, int]] = ((0, 0),)
    one_line: bool = False
    math: bool = False
    html: bool = False
    cell: str | None = None
    row: tuple[int, int] = (-1, 0)
    budget: int = 3_000_000
    definitions: dict[str, str] = field(default_factory=dict)

    def change(self, start: int, end: int, text: str = "") -> None:
        """Note that characters of the inline text that is being read are put otherwise."""
        self.edits.append((self.at(start), self.at(end), text))

    def at(self, position: int) -> int:
        """Return where a character of the inline text stands in the source."""
        line = bisect_right(self.places, (position, len(self.source) + 1)) - 1
        begins, place = self.places[max(line, 0)]
        if self.cell is not None:
            position += self.cell.count("|", 0, position)
        return place + max(0, position - begins)

    @cached_property
    def lines(self) -> list[int]:
        """Where each line of the source starts, and where a line after the last would."""
        starts = [0, *(found.end() for found in re.finditer("\n", self.source))]
        return [*starts, len(self.source) + 1]

    def line(self, number: int) -> str:
        """Return a line of the source without its end."""
        return self.source[self.lines[number] : self.lines[number + 1] - 1]

    @cached_property
    def closed(self) -> frozenset[str]:
        """The names of elements that a closing tag ends somewhere, and of mere frames."""
        return _FRAMES.union(re.findall(r"</([a-z][\w-]*)", self.source.lower()))

    @cached_property
    def _mentioned(self) -> frozenset[str]:
        return frozenset(map(normalizeReference, _LABEL.findall(self.source)))

    @cached_property
    def _named(self) -> frozenset[str]:
        found = (one or other for one, other in _BY_NAME.findall(self.source))
        return frozenset(map(normalizeReference, found))

    def defines(self, label: str, target: str, *, angled: bool = False) -> bool:
        """Return whether `[label]: target` defines a link, rather than saying something.

        CommonMark takes any word for a target, and then `[Pump 9]: closed` is not shown. Here a
        target looks like an address or stands in angle brackets (`angled`), or links refer to it
        by name.
        """
        if angled or _SURE.match(target) or (name := normalizeReference(label)) in self._named:
            return True
        return "/" in target and name in self._mentioned

    def rewritten(self) -> str:
        """Return the source with all changes made; of two that overlap the first counts."""
        parts: list[str] = []
        last = 0
        for start, end, text in sorted(self.edits, key=lambda edit: edit[:2]):
            if start >= last:
                parts += [self.source[last:start], text]
                last = max(end, start)
        return "".join([*parts, self.source[last:]])


def page_of(state: Any) -> Page:
    """Return the page that a state of the parser reads."""
    page: Page = state.env["page"]
    return page
