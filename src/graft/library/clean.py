"""Cleaning of extracted text: characters, lines of paged text, repeated headers and footers."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence

_INVISIBLE = [0x00AD, 0x180E, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F)]
_INVISIBLE += [*range(0x2060, 0x2065), *range(0x2066, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFC)]
_CONTROL = [c for c in [*range(0x20), *range(0x7F, 0xA0)] if c not in (0x09, 0x0A)]
_TABLE: dict[int, str | None] = dict.fromkeys([*_INVISIBLE, *_CONTROL])
_TABLE |= dict.fromkeys([0x00A0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], " ")
_TABLE |= dict.fromkeys([0x0B, 0x0C, 0x85, 0x2028, 0x2029], "\n")
_TABLE |= dict.fromkeys(range(0xD800, 0xE000), "\ufffd")

_ASCII_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

_TWICE = re.compile(
    r"[\u00c2-\u00df][\u0080-\u009f]|[\u00e0-\u00ef][\u0080-\u00bf]{2}|"
    r"[\u00f0-\u00f4][\u0080-\u00bf]{3}"
)
_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
)
_BULLET = re.compile(r"^[ \t]*[•●◦▪■□‣⁃∙·\uf0a7\uf0b7\uf0d8\uf076]\s+")
_NUMBERED = re.compile(r"^\s*(?:\(?\d{1,3}[.)]|\(?[a-z][.)]|[ivx]{1,5}[.)])\s+\S")
_WORD = re.compile(r"[^\W\d_]+")
_COMPOUND = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_HYPHENS = ("-", "\u2010", "\u00ad", "\x02")


def clean_characters(text: str) -> str:
    r"""Return `text` in NFC with `\n` line ends, and without controls or invisible characters.

    Zero-width joiners stay (Persian, Indic scripts and emoji need them); soft hyphens, byte order
    marks, direction marks and zero-width spaces go; no-break and wide spaces become spaces.

    >>> clean_characters("cafe\u0301\u200b\r\nopen\x00")
    'café\nopen'
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        return text if _ASCII_CONTROLS.search(text) is None else text.translate(_TABLE)
    if _TWICE.search(text) is not None:
        text = _TWICE.sub(_decoded_again, text)
    return unicodedata.normalize("NFC", text.translate(_TABLE))


def _decoded_again(match: re.Match[str]) -> str:
    """Mend UTF-8 that was once read as Latin-1; it shows in controls that no text has."""
    if not any("\x80" <= sign <= "\x9f" for sign in match.group()):
        return match.group()
    try:
        return match.group().encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return match.group()


def clean_text(text: str) -> str:
    """Return `text` with clean characters, no space at line ends and one blank line at most.

    >>> clean_text("One.  \\n\\n\\n\\nTwo.\\n")
    'One.\\n\\nTwo.'
    """
    lines = [line.rstrip() for line in clean_characters(text).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def plain_letters(text: str) -> str:
    """Return text with the ligatures of typesetting as letters, so that "office" is found."""
    return text.translate(_LIGATURES)


def join_pages(pages: Sequence[str], known: Collection[str] = ()) -> tuple[str, tuple[int, ...]]:
    """Return pages as one clean text, and the offset at which each page starts in it.

    A blank line stands between pages; a page that breaks off within a sentence is joined to the
    next by a space, and a word hyphenated across the break is rejoined. An empty page starts where
    the next one does.

    >>> join_pages(["One.", "", "It goes", "on here."])
    ('One.\\n\\nIt goes on here.', (0, 6, 6, 14))
    """
    parts: list[str] = []
    offsets: list[int] = []
    length = empty = 0
    for page in map(clean_text, pages):
        if not page:
            empty += 1
            continue
        gap = "\n\n" if parts else ""
        if parts and _flows_on(parts[-1], page):
            # Without blanks at their ends, which joining drops: what is missing is a hyphen.
            tail, head = parts[-1][-80:].lstrip(), page[:80].rstrip()
            gap = " " * max(0, len(join_lines([tail, head], known)) - len(tail) - len(head))
            if len(join_lines([tail, head], known)) < len(tail) + len(head):
                parts[-1] = parts[-1][:-1]
                length -= 1
        length += len(gap)
        offsets += [length] * (empty + 1)
        parts += [gap, page]
        length += len(page)
        empty = 0
    return "".join(parts), tuple(offsets + [length] * empty)


def _flows_on(before: str, after: str) -> bool:
    line = before[before.rfind("\n") + 1 :]
    return (
        after[0].islower()
        and (line[-1].isalnum() or line[-1] in ",-\u2010")
        and not line.startswith(("#", "|", "```"))
    )


def words_of(lines: Sequence[str]) -> frozenset[str]:
    """Return the lower-cased words of lines, compounds too, for `join_lines` to look up.

    The halves of words that are broken at a line's end are left out.

    >>> sorted(words_of(["the inter-", "national well-known"]))
    ['known', 'the', 'well', 'well-known']
    """
    found: set[str] = set()
    broken = False
    for line in lines:
        words = _COMPOUND.findall(line.lower())
        first, broken = int(broken), line.rstrip().endswith(_HYPHENS)
        found.update(words[first : len(words) - broken])
    return frozenset(found.union(*(word.split("-") for word in found)))


def join_lines(lines: Sequence[str], known: Collection[str] = ()) -> str:
    """Return the lines of one paragraph as one line, with words hyphenated at line ends rejoined.

    `known` holds the words elsewhere in the document. A hyphen goes when the joined word is one of
    them; else it stays when the hyphenated form or both halves are, or when a half is not lower
    case: "inter-" + "national" is joined, "open-" + "domain" and "Jean-" + "Paul" are not.

    >>> join_lines(["an inter-", "national treaty by Jean-", "Paul"])
    'an international treaty by Jean-Paul'
    """
    text = ""
    for line in lines:
        stripped = line.strip()
        if not stripped:
            continue
        if not text:
            text = stripped
        elif text.endswith(_HYPHENS) and stripped[0].isalpha() and text[-2:-1].isalpha():
            text = _rejoin(text, stripped, known)
        else:
            text += " " + stripped
    return text


def _rejoin(left: str, right: str, known: Collection[str]) -> str:
    before = _WORD.findall(left[-60:])
    after = _WORD.match(right)
    head, tail = (before[-1] if before else ""), (after.group() if after else "")
    compound = f"{head}-{tail}".lower() in known or (
        head.lower() in known and tail.lower() in known
    )
    if (head + tail).lower() in known or (head[-1:].islower() and tail.islower() and not compound):
        return left[:-1] + right
    return left[:-1] + "-" + right


def list_item(line: str) -> str | None:
    """Return a bulleted line as "- text", a numbered one as it is, and None for other lines.

    >>> list_item("• Wear sunglasses")
    '- Wear sunglasses'
    """
    if _BULLET.match(line):
        return "- " + _BULLET.sub("", line)
    if re.match(r"^\s*[-–—*]\s+\S", line):
        return re.sub(r"^\s*[-–—*]\s+", "- ", line)
    return line.strip() if _NUMBERED.match(line) else None


def repeated_lines(pages: Sequence[Sequence[str]], *, depth: int = 3) -> list[set[int]]:
    """Return, for each page, the positions of lines that are running headers or footers.

    Only the first and last `depth` lines of a page are looked at; they count as the same when they
    differ in digits alone (page numbers). A line goes when it stands on at least three pages and
    half of those that have text, or when it is a page number that rises with the pages.

    >>> repeated_lines([["Report", f"text {'ab cd ef'.split()[i]}", f"{i}"] for i in range(3)])
    [{0, 2}, {0, 2}, {0, 2}]
    """
    edges = [_edges(page, depth) for page in pages]
    filled = sum(1 for page in pages if page)
    needed = max(3, (filled + 1) // 2)
    # Left and right pages have headers of their own: a third of the pages is enough for those.
    alternate = max(4, filled // 3)
    counts = Counter(key for edge in edges for key in {_shape(text) for _, text in edge})
    found = []
    for number, edge in enumerate(edges):
        near = {
            _shape(text) for other in edges[max(0, number - 2) : number + 3] for _, text in other
        }
        drop = set()
        for position, text in edge:
            shape = _shape(text)
            times = counts[shape]
            if shape in near and shape and (times >= needed or times >= alternate):
                drop.add(position)
        found.append(drop)
    return found


def _edges(lines: Sequence[str], depth: int) -> list[tuple[int, str]]:
    positions = sorted(
        {*range(min(depth, len(lines))), *range(max(0, len(lines) - depth), len(lines))}
    )
    return [(position, lines[position]) for position in positions]


def _shape(line: str) -> str:
    shape = re.sub(r"\d+", "0", re.sub(r"\s+", " ", line).strip().lower())
    return re.sub(r"\b[ivxlc]{1,7}\b", "0", shape) if len(shape) < 8 else shape
