"""Word 97-2003 documents (doc): the piece table and paragraph styles of [MS-DOC]."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.readers.extracted import Blob, Extracted, joined
from graft.library.readers.ole import open_ole, stream
from graft.library.readers.reader import Reader
from graft.library.readers.tables import pipe_table

_ENCRYPTED = 0x0100
_SECOND_TABLE = 0x0200
# Where the FIB keeps offset and length of the character pieces, the paragraph runs and the styles.
_CLX, _PARAGRAPHS, _STYLES, _LISTS = 0x01A2, 0x0102, 0x00A2, 0x02E2
_IN_LIST, _ROW_END = 0x460B, 0x2417
_TITLE, _SUBTITLE = 62, 74


@dataclass(frozen=True)
class ParagraphEnd:
    """The properties of the paragraph that ends at a byte: its style, list and table-row end."""

    style: int
    listed: bool
    row_end: bool


def read_word97(blob: Blob) -> list[Extracted]:
    """Return the text of a Word 97 document with its headings, list items and tables.

    Raises DocumentError for one that is encrypted, older than Word 97, or damaged.
    """
    with open_ole(blob) as container:
        data = stream(container, "WordDocument")
        version, flags = struct.unpack_from("<H", data, 2)[0], struct.unpack_from("<H", data, 10)[0]
        if flags & _ENCRYPTED:
            raise DocumentError("the file is encrypted: save a copy without the password")
        if version < 0xC1:
            raise DocumentError("it was made before Word 97: open it in Word and save it as docx")
        table = stream(container, "1Table" if flags & _SECOND_TABLE else "0Table")
        length = struct.unpack_from("<i", data, 0x4C)[0]
        text, places = _pieces(data, table, length)
        kinds = _style_kinds(_part(data, table, _STYLES))
        runs = _runs(data, table)
    blocks = list(_blocks(text, places, kinds, runs))
    title = next((b.lstrip("# ") for b in blocks if b.startswith("# ")), "")
    return [joined(_merged(blocks), title)]


def _part(data: bytes, table: bytes, place: int) -> bytes:
    offset, length = struct.unpack_from("<II", data, place)
    return table[offset : offset + length]


def _pieces(data: bytes, table: bytes, length: int) -> tuple[str, list[tuple[int, int, int]]]:
    """Return the main text, and for each piece: first character, byte offset, bytes a character."""
    clx = _part(data, table, _CLX)
    position = 0
    while position < len(clx) and clx[position] == 1:
        position += 3 + struct.unpack_from("<H", clx, position + 1)[0]
    size = struct.unpack_from("<I", clx, position + 1)[0]
    plc = clx[position + 5 : position + 5 + size]
    count = (len(plc) - 4) // 12
    bounds = struct.unpack_from(f"<{count + 1}I", plc)
    parts, places, read = [], [], 0
    for index in range(count):
        raw = struct.unpack_from("<I", plc, 4 * (count + 1) + 8 * index + 2)[0]
        characters = min(bounds[index + 1], length) - bounds[index]
        if characters <= 0:
            continue
        narrow = bool(raw & 0x40000000)
        offset = (raw & 0x3FFFFFFF) // 2 if narrow else raw & 0x3FFFFFFF
        width = 1 if narrow else 2
        chunk = data[offset : offset + characters * width]
        part = chunk.decode("cp1252" if narrow else "utf-16-le", "replace")
        places.append((read, offset, width))
        parts.append(part)
        read += len(part)
    return "".join(parts), places


def _style_kinds(sheet: bytes) -> list[int]:
    """Return the built-in number of each style: 1 to 9 are the headings; 0xFFF is unknown."""
    if len(sheet) < 6:
        return []
    header, count = struct.unpack_from("<HH", sheet)
    kinds, position = [], 2 + header
    for _ in range(min(count, 4096)):
        if position + 2 > len(sheet):
            break
        size = struct.unpack_from("<H", sheet, position)[0]
        known = size >= 2 and position + 4 <= len(sheet)
        kinds.append(struct.unpack_from("<H", sheet, position + 2)[0] & 0xFFF if known else 0xFFF)
        position += 2 + size + size % 2
    return kinds


def _runs(data: bytes, table: bytes) -> dict[int, ParagraphEnd]:
    """Return the paragraph properties by the byte behind the paragraph's last character."""
    index = _part(data, table, _PARAGRAPHS)
    count = max(0, (len(index) - 4) // 8)
    found: dict[int, ParagraphEnd] = {}
    for page_number in struct.unpack_from(f"<{count}I", index, 4 * (count + 1)) if count else ():
        page = data[(page_number & 0x3FFFFF) * 512 :][:512]
        if len(page) < 512:
            continue
        entries = page[511]
        ends = struct.unpack_from(f"<{entries + 1}I", page)
        for entry in range(entries):
            place = page[4 * (entries + 1) + 13 * entry] * 2
            found[ends[entry + 1]] = _run(page, place)
    return found


def _run(page: bytes, place: int) -> ParagraphEnd:
    if not place or place + 4 > len(page):
        return ParagraphEnd(0, False, False)
    start, size = place + 1, page[place] * 2 - 1
    if page[place] == 0:
        start, size = place + 2, page[place + 1] * 2
    body = page[start : start + size]
    style = struct.unpack_from("<H", body)[0] if len(body) >= 2 else 0
    codes = dict(_operands(body[2:]))
    listed = codes.get(_IN_LIST, b"\0\0")
    return ParagraphEnd(
        style, listed not in (b"\0\0", b""), codes.get(_ROW_END, b"\0")[:1] == b"\1"
    )


def _operands(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 2 <= len(data):
        code = struct.unpack_from("<H", data, position)[0]
        kind = code >> 13
        size = {0: 1, 1: 1, 2: 2, 3: 4, 4: 2, 5: 2, 7: 3}.get(kind, 0)
        start = position + 2
        if kind == 6:
            long = code in (0xD608, 0xD606)
            head = 2 if long else 1
            size = int.from_bytes(data[start : start + head], "little") - (1 if long else 0)
            start += head
        yield code, data[start : start + size]
        position = start + max(size, 0)


def _blocks(
    text: str, places: list[tuple[int, int, int]], kinds: list[int], runs: dict[int, ParagraphEnd]
) -> Iterator[str]:
    row: list[str] = []
    rows: list[list[str]] = []
    start = 0
    for match in re.finditer(r"[\r\x07\x0c]", text):
        end = match.end()
        body = _plain(text[start : match.start()])
        run = runs.get(_byte(places, end), ParagraphEnd(0, False, False))
        start = end
        if match.group() == "\x07":
            if run.row_end:
                rows.append(row)
                row = []
            else:
                row.append(body)
            continue
        if row:
            # A cell of several paragraphs: the mark comes with the last of them.
            row[-1:] = [f"{row[-1]} {body}".strip()] if not rows else [*row[-1:], body]
            continue
        if rows:
            yield pipe_table(rows)
            rows = []
        kind = kinds[run.style] if run.style < len(kinds) else 0xFFF
        if body.strip():
            flat = " ".join(body.split())
            if 1 <= kind <= 9:
                yield "#" * min(kind, 6) + f" {flat}"
            elif kind in (_TITLE, _SUBTITLE):
                yield f"# {flat}"
            else:
                yield f"- {flat}" if run.listed else body
    if rows:
        yield pipe_table(rows)


def _byte(places: list[tuple[int, int, int]], character: int) -> int:
    """Return the byte offset behind the character before `character`."""
    low, high = 0, len(places)
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if places[middle][0] < character else (low, middle)
    first, offset, width = places[low]
    return offset + (character - first) * width


def _plain(text: str) -> str:
    # Fields are \x13 instruction \x14 result \x15: the result is what the page shows.
    text = re.sub(r"\x13[^\x13\x14\x15]{0,5000}\x14", "", text)
    text = re.sub(r"\x13[^\x14\x15]{0,5000}\x15", "", text)
    text = text.replace("\x0b", "\n").replace("\x1e", "-").replace("\x1f", "")
    return re.sub(r"[\x00-\x08\x0e-\x1d]", "", text).strip()


def _merged(blocks: list[str]) -> list[str]:
    merged: list[str] = []
    for block in blocks:
        if block.startswith("- ") and merged and merged[-1].startswith("- "):
            merged[-1] += "\n" + block
        else:
            merged.append(block)
    return merged


WORD97 = Reader("word97", (kinds.DOC,), read_word97)
