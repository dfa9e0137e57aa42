"""Bytes to text: byte order marks, UTF-8, what the file declares, then a guess."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import lru_cache

from graft.library.codepages import guess_page

PEEK_BYTES = 1 << 16
_SAMPLE = 2048

_MARKS = [
    (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
]  # fmt: skip
# What is called by the first name is written in the superset (WHATWG Encoding).
_SUPERSETS = {
    "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874", "tis-620": "cp874",
    "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949",
    "big5": "big5hkscs",
}  # fmt: skip
_ALIASES = {
    "x-sjis": "cp932", "windows-31j": "cp932", "iso-8859-8-i": "iso8859_8", "x-gbk": "gb18030",
    "x-euc-jp": "euc_jp", "windows-949": "cp949", "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic", "unicode-1-1-utf-7": "utf-7", "windows-874": "cp874",
    "dos-874": "cp874", "cp-866": "cp866", "ks_c_5601-1987": "cp949",
}  # fmt: skip
_SEVEN_BITS = ("utf-7", "hz", "iso2022_jp", "iso2022_kr")
_NO_CHARSETS = ("unicode_escape", "raw_unicode_escape", "idna", "punycode", "utf-8", "ascii")
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True)
class Decoded:
    """The text of some bytes, the encoding it was read in, and the other one it may be in."""

    text: str
    encoding: str
    sure: bool = True
    other: str = ""

    @property
    def left_out(self) -> dict[str, int]:
        """What a reader tells of it: letters that a guess chose, and bytes that are no text."""
        beyond = 0 if self.sure else sum(1 for sign in self.text if sign > "\x7f")
        return {
            "letters of an uncertain encoding": beyond,
            "bytes of no encoding": self.text.count("\ufffd") if self.encoding != "utf-8" else 0,
        }


def decode(data: bytes, declared: str = "") -> str:
    """Return the text of `data`; `declared` is the charset that its file names, if it names one.

    >>> decode("naïve café, déjà vu".encode("cp1252"))
    'naïve café, déjà vu'
    """
    return decoded(data, declared).text


def decoded(data: bytes, declared: str = "") -> Decoded:
    """Return the text of `data` and how sure its encoding is.

    A byte order mark wins, then UTF-16 and UTF-32 without one, ISO 2022, strict UTF-8, `declared`,
    and last a guess by the bytes beyond ASCII. Where lines are of two encodings, those that are
    UTF-8 are read as such. Bytes that fit nothing become U+FFFD.

    >>> decoded("Ночь, улица, фонарь, аптека".encode("cp1251")).encoding
    'cp1251'
    """
    encoding = _marked(data) or _wide(data)
    if encoding:
        return Decoded(data.decode(encoding, "replace").lstrip("\ufeff"), encoding)
    named = _named(declared)
    if named in _SEVEN_BITS or b"\x1b$" in data or b"\x1b(J" in data:
        shifted = _shifted(data, named if named in _SEVEN_BITS else "iso2022_jp")
        if shifted is not None:
            return shifted
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as error:
        if error.end >= len(data) and error.reason == "unexpected end of data" and error.start > 16:
            return Decoded(data.decode("utf-8", "replace"), "utf-8")
    if named and named not in _SEVEN_BITS:
        text = data.decode(named, "replace")
        if text.count("\ufffd") <= sum(1 for sign in text if sign > "\x7f") // 10:
            return Decoded(text, named)
    return _by_lines(data) or _guessed(data)


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

    NUL bytes alone make no text binary: records are padded with them.

    >>> looks_binary(bytes(range(256))), looks_binary("Grüße".encode("utf-16"))
    (True, False)
    """
    head = data[:PEEK_BYTES]
    if _marked(head) or _wide(head):
        text = peek(head)
        return text.count("\ufffd") > max(1, len(text) // 20)
    shifts = 0 if b"\x1b$" in head or b"\x1b(" in head else head.count(b"\x1b")
    nulls = head.count(b"\x00")
    controls = len(_CONTROLS.findall(head)) - nulls + shifts
    padded = nulls < len(head) // 2 and controls <= len(head) // 1000 and _is_utf8(head)
    return controls + nulls * (not padded) > len(head) // 50 or (nulls > 2 and not padded)


def _is_utf8(head: bytes) -> bool:
    # The head may end within a letter.
    return len(head) - len(head.decode("utf-8", "ignore").encode()) <= 3


def _marked(data: bytes) -> str:
    return next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "")


def _wide(data: bytes) -> str:
    """UTF-16 or UTF-32 without a mark shows in where its zero bytes stand, or in what it says."""
    head = data[: min(len(data), 4096) // 4 * 4]
    if len(head) < 8 or not _CONTROLS.search(head):
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
    if len(data) % 2:
        return ""
    likely = {name: _textual(head, name) for name in ("utf-16-le", "utf-16-be")}
    best = max(likely, key=lambda name: likely[name])
    return best if likely[best] > 0.95 and min(likely.values()) < likely[best] - 0.1 else ""


def _textual(head: bytes, encoding: str) -> float:
    """Return the share of signs that texts are made of, when read in this encoding."""
    text = head.decode(encoding, "replace")
    return sum(map(_in_use, text)) / max(1, len(text))


@lru_cache(maxsize=1 << 14)
def _in_use(sign: str) -> bool:
    if sign < "\x80":
        return sign.isprintable() or sign in "\t\n\r"
    if "\u3400" <= sign <= "\ud7ff":
        return any(_holds(sign, page) for page in ("gb2312", "big5", "euc_jp", "euc_kr"))
    # Letters up to Thai, and the signs of East Asia: what other bytes spell is spread wider.
    return sign.isprintable() and (
        sign < "\u0e80"
        or "\u2010" <= sign <= "\u203f"
        or ("\u3000" <= sign <= "\u30ff")
        or "\uff00" <= sign <= "\uff9f"
    )


def _holds(sign: str, page: str) -> bool:
    try:
        return bool(sign.encode(page))
    except UnicodeEncodeError:
        return False


def _named(declared: str) -> str:
    """Return the codec of a charset's name, "" for UTF-8, what is wide, and what is unknown."""
    try:
        name = codecs.lookup(
            _ALIASES.get(declared.strip().lower(), declared.strip()) or "ascii"
        ).name
        name = _SUPERSETS.get(name, name)
        if name in _NO_CHARSETS or name.startswith(("utf-16", "utf-32")):
            return ""
        b"a".decode(name)
    except (LookupError, UnicodeError, ValueError):
        return ""
    return name


def _shifted(data: bytes, name: str) -> Decoded | None:
    try:
        return Decoded(data.decode(name), name)
    except UnicodeDecodeError:
        return None


def _by_lines(data: bytes) -> Decoded | None:
    """Read lines of UTF-8 among others, as pasted logs have them; None when there are too few."""
    lines = data.split(b"\n")
    texts: dict[int, str] = {}
    others: list[int] = []
    good = bad = 0
    for number, line in enumerate(lines):
        text = line.decode("utf-8", "replace")
        wrong = text.count("\ufffd") - line.count(b"\xef\xbf\xbd")
        right = 0 if line.isascii() else sum(sign > "\x7f" for sign in text) - max(wrong, 0)
        if wrong > 0 and right < 2 * wrong:
            others.append(number)
            bad += wrong
        else:
            good += right
        texts[number] = text
    if good < 3 or 4 * good < bad:
        return None
    sure, foreign = True, b"\n".join(lines[number] for number in others)
    if foreign:
        found = guess_page(foreign[:_SAMPLE])
        sure = found.sure
        if found.plausible:
            texts |= {n: lines[n].decode(found.page, "replace") for n in others}
    return Decoded("\n".join(texts[number] for number in range(len(lines))), "utf-8", sure)


def _guessed(data: bytes) -> Decoded:
    found = guess_page(_sample(data))
    return Decoded(data.decode(found.page, "replace"), found.page, found.sure, found.other)


def _sample(data: bytes) -> bytes:
    """Lines with bytes beyond ASCII, 2 KiB of them: they are as good as all of a book."""
    lines = [line for line in data[: 16 * PEEK_BYTES].split(b"\n") if not line.isascii()]
    return b"\n".join(lines)[:_SAMPLE] or data[-_SAMPLE:]
