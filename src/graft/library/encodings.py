"""Bytes to text: byte order marks, UTF-8, what the file declares, then a guess."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

PEEK_BYTES = 1 << 16

_MARKS = [
    (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
]  # fmt: skip
# The letters beyond ASCII that are frequent in the texts of each code page: several pages decode
# the same bytes without a fault, and then the one whose letters are the likeliest is right.
_FREQUENT = {
    "cp1252": "éèàêçâîôûùëïœäöüßåøæáíóúñãõÄÖÜÉÅ“”‘’–—…•°§£©®«»½¿¡±",
    "cp1250": "ąćęłńóśźżáčďéěíňřšťúůýžőűöüäăâîşţ“”„–…",
    "cp1251": "оеаинтсрвлкмдпуя",
    "koi8_r": "оеаинтсрвлкмдпуя",
    "cp1253": "αοιετσνηυρςάίόέή",
    "cp1254": "ıığşçöüİŞ",
    "cp1255": "יוהלאתרמבשנ",
    "cp1256": "اليمنرتوبةعدفهسك",
}
_WIDE_PAGES = ["shift_jis", "euc_jp", "gb18030", "big5", "euc_kr"]


def decode(data: bytes, declared: str = "") -> str:
    """Return the text of `data`; `declared` is the charset that its file names, if it names one.

    A byte order mark wins, then UTF-16 and UTF-32 without one, strict UTF-8, `declared`, and last
    a guess by charset-normalizer among the encodings in use. Bytes that fit nothing become U+FFFD.

    >>> decode("naïve café, déjà vu".encode("cp1252"))
    'naïve café, déjà vu'
    """
    encoding = _marked(data)
    if encoding:
        return data.decode(encoding, "replace").lstrip("\ufeff")
    wide = _wide(data)
    if wide:
        return data.decode(wide, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        # One bad byte in a long UTF-8 text does not make it another encoding.
        if _mostly_utf8(data) or (error.end >= len(data) and error.start > 16):
            return data.decode("utf-8", "replace")
    # The guess costs a while, and is made only when nothing of use is declared.
    for found in (lambda: declared, lambda: _guess(data)):
        try:
            name = codecs.lookup(found() or "ascii").name
            if name not in ("utf-8", "ascii"):
                # What is called Latin-1 on the web is Windows' superset of it (WHATWG Encoding).
                return data.decode("cp1252" if name == "iso8859-1" else name, "replace")
        except (LookupError, UnicodeError, ValueError):
            continue
    return data.decode("cp1252", "replace")


def peek(data: bytes) -> str:
    """Return the beginning of a text, for looking at what it is."""
    return decode(data[:PEEK_BYTES])


def declared_charset(data: bytes) -> str:
    """Return the charset that an HTML or XML head declares, or "".

    >>> declared_charset(b'<meta charset="iso-8859-2">')
    'iso-8859-2'
    """
    found = re.search(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_.:-]+)""", data[:4096])
    return found.group(1).decode("ascii") if found else ""


def looks_binary(data: bytes) -> bool:
    """Return whether bytes are no text in any encoding that `decode` knows.

    >>> looks_binary(bytes(range(256))), looks_binary("Grüße".encode("utf-16"))
    (True, False)
    """
    head = data[:PEEK_BYTES]
    if _marked(head) or _wide(head):
        text = peek(head)
        return text.count("\ufffd") > max(1, len(text) // 20)
    controls = sum(head.count(byte) for byte in [*range(9), 14, 15, *range(16, 27), *range(28, 32)])
    return controls > len(head) // 50 or head.count(b"\x00") > 2


def _marked(data: bytes) -> str:
    return next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "")


def _wide(data: bytes) -> str:
    """UTF-16 or UTF-32 without a mark shows in where its zero bytes stand."""
    head = data[: min(len(data), 4096) // 4 * 4]
    if len(head) < 8 or b"\x00" not in head:
        return ""
    zeros = [head[i::4].count(0) / (len(head) / 4) for i in range(4)]
    if min(zeros[1:]) > 0.9 and zeros[0] < 0.1:
        return "utf-32-le"
    if min(zeros[:3]) > 0.9 and zeros[3] < 0.1:
        return "utf-32-be"
    if min(zeros[1], zeros[3]) > 0.6 and max(zeros[0], zeros[2]) < 0.1:
        return "utf-16-le"
    if min(zeros[0], zeros[2]) > 0.6 and max(zeros[1], zeros[3]) < 0.1:
        return "utf-16-be"
    return ""


def _mostly_utf8(data: bytes) -> bool:
    head = data[:PEEK_BYTES]
    text = head.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = sum(1 for c in text if c > "\x7f") - bad
    return good > 10 * bad


def _guess(data: bytes) -> str:
    head = _sample(data)
    matches = list(from_bytes(head, cp_isolation=[*_FREQUENT, *_WIDE_PAGES]))
    if not matches:
        return ""
    best = matches[0]
    beyond = sum(1 for byte in head if byte > 127) / len(head)
    if best.encoding in _WIDE_PAGES and beyond > 0.2:
        return best.encoding
    tied = {
        page
        for match in matches
        if match.chaos <= best.chaos + 0.05
        for page in match.could_be_from_charset
        if page in _FREQUENT
    }
    return max(_FREQUENT, key=lambda page: (page in tied, _likely(head, page)))


def _sample(data: bytes) -> bytes:
    """Lines with bytes beyond ASCII, 4 KiB of them: the guess takes seconds on all of a book."""
    lines = [
        line for line in data[: 16 * PEEK_BYTES].splitlines(keepends=True) if not line.isascii()
    ]
    return b"".join(lines)[:4096] or data[:4096]


def _likely(data: bytes, page: str) -> float:
    letters = [c for c in data.decode(page, "replace") if c > "\x7f"]
    return sum(c in _FREQUENT[page] for c in letters) / max(1, len(letters))
