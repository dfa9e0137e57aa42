"""Rich text (RTF), and its packed form inside Outlook messages."""

from __future__ import annotations

import re
import struct

from striprtf.striprtf import rtf_to_text

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.readers.extracted import Blob, Extracted, joined
from graft.library.readers.reader import Reader
from graft.library.readers.tables import pipe_table

_DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
    b"\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
    b"\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)


def read_rtf(blob: Blob) -> list[Extracted]:
    """Return the text of an RTF file, its table rows as pipe tables.

    Raises DocumentError when its groups cannot be followed.
    """
    try:
        # Pictures are long runs of hex digits that the parser would walk one by one.
        source = re.sub(r"(?:[0-9a-fA-F]{64,}\s*)+", "", blob.data.decode("latin-1"))
        text = rtf_to_text(source, errors="ignore")
    except (ValueError, IndexError, KeyError, LookupError, RecursionError, AttributeError) as error:
        raise DocumentError(
            "the RTF is damaged: open it in a word processor and save it"
        ) from error
    blocks: list[str] = []
    rows: list[list[str]] = []
    for line in text.split("\n"):
        if line.rstrip().endswith("|"):
            rows.append(line.rstrip()[:-1].split("|"))
            continue
        blocks += [pipe_table(rows)] if rows else []
        rows = []
        blocks.append(line)
    blocks += [pipe_table(rows)] if rows else []
    return [joined(blocks)]


def unpacked(data: bytes) -> bytes:
    """Return RTF from its packed form ([MS-OXRTFCP], an LZ77 with a window of 4 KiB)."""
    size, _, kind = struct.unpack_from("<III", data)[0:3] if len(data) >= 16 else (0, 0, 0)
    if kind != 0x75465A4C:
        return data[16:]
    window = bytearray(_DICTIONARY.ljust(4096, b" "))
    write, position, out = len(_DICTIONARY), 16, bytearray()
    while position < min(len(data), size + 4):
        control = data[position]
        position += 1
        for bit in range(8):
            if not control >> bit & 1:
                chunk = data[position : position + 1]
                position += 1
            else:
                pair = int.from_bytes(data[position : position + 2], "big")
                position += 2
                offset, length = pair >> 4, (pair & 15) + 2
                if offset == write % 4096:
                    return bytes(out)
                chunk = b""
                for step in range(length):
                    byte = window[(offset + step) % 4096 : (offset + step) % 4096 + 1]
                    window[write % 4096 : write % 4096 + 1] = byte
                    write += 1
                    chunk += byte
                out += chunk
                continue
            if not chunk:
                return bytes(out)
            window[write % 4096 : write % 4096 + 1] = chunk
            write += 1
            out += chunk
    return bytes(out)


RTF = Reader("rtf", (kinds.RTF,), read_rtf)
