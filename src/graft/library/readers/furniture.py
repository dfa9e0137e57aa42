"""A document's furniture: running headers, footers and page numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from graft.library.clean import repeated_lines
from graft.library.readers.lines import ASIDE, PrintLine, body_size

MARGIN = 0.13
"""Share of a page's height, at its top and bottom, where running headers and footers stand."""


def without_furniture(
    pages: Sequence[Sequence[PrintLine]],
) -> tuple[list[list[PrintLine]], int]:
    """Return pages without their running headers, footers and page numbers, and how many went."""
    body = body_size(pages)
    gone: list[set[int]] = [set() for _ in pages]
    for turn in {line.turn for page in pages for line in page}:
        margins = [_margins(page, turn, body) for page in pages]
        texts = [[p[i].text for i in places] for p, places in zip(pages, margins, strict=True)]
        dropped = repeated_lines(texts, depth=4)
        for page, places, positions, out in zip(pages, margins, dropped, gone, strict=True):
            out |= {places[position] for position in positions}
            out |= {i for i in places if _is_page_number(page[i].text) and _outermost(page, i)}
    # A page of a single number or letter is that page's text.
    kept = [
        [line for i, line in enumerate(page) if i not in out] or list(page)
        for page, out in zip(pages, gone, strict=True)
    ]
    return kept, sum(map(len, pages)) - sum(map(len, kept))


def _margins(page: Sequence[PrintLine], turn: int, body: float) -> list[int]:
    """Return the places of a page's lines that may be running ones, from the top."""
    places = [
        i
        for i, line in enumerate(page)
        if line.turn == turn
        and (
            turn == ASIDE
            or line.bottom > (1 - MARGIN) * line.page_height
            or line.top < MARGIN * line.page_height
        )
        # Numbered headings at the top of pages are alike too, but they are set larger.
        and (turn or line.size < 1.15 * body)
    ]
    return sorted(places, key=lambda i: -page[i].top)


def _is_page_number(text: str) -> bool:
    number = r"[-–|]?\s*(\d{1,4}|[ivxlc]{1,6})\s*[-–|]?"
    pattern = rf"(?i)(page|seite|p\.)?\s*{number}(\s*(of|von|/|sur|de)\s*\d{{1,4}})?"
    return re.fullmatch(pattern, text.strip()) is not None


def _outermost(page: Sequence[PrintLine], index: int) -> bool:
    line = page[index]
    others = [one for one in page if one.turn == line.turn]
    return all(o.bottom >= line.bottom - 1 for o in others) or all(
        o.top <= line.top + 1 for o in others
    )
