"""Outlook messages (msg). Property tags are those of [MS-OXPROPS]."""

from __future__ import annotations

import re
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

from striprtf.striprtf import rtf_to_text

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.encodings import declared_charset, decode
from graft.library.readers.extracted import Blob, Extracted
from graft.library.readers.html import markdown_of, parse_html
from graft.library.readers.mail import written_message
from graft.library.readers.ole import open_ole, stream
from graft.library.readers.reader import Reader
from graft.library.readers.rtf import unpacked

_HEADERS = {"Subject": "0037", "From": "0C1A", "To": "0E04", "Cc": "0E03"}
_MAIL_ADDRESS, _BODY, _RTF, _HTML, _TRANSPORT = "5D01", "1000", "1009", "1013", "007D"


def read_outlook(blob: Blob) -> list[Extracted]:
    """Return a message as `read_mail` does. Raises DocumentError for an encrypted one."""
    with open_ole(blob) as container:
        headers = {name: _value(container, tag) for name, tag in _HEADERS.items()}
        headers["Date"] = next(
            (
                line[5:].strip()
                for line in _value(container, _TRANSPORT).splitlines()
                if line.lower().startswith("date:")
            ),
            _sent(container),
        )
        folders = sorted(
            {path[0] for path in container.listdir() if path[0].startswith("__attach")}
        )
        names = [_value(container, "3707", f) or _value(container, "3704", f) for f in folders]
        body = _body(container)
    if not body.strip() and any(re.search(r"(?i)\.p7m$|\.rpmsg$|pgp", name) for name in names):
        raise DocumentError("the message is encrypted: open it in Outlook and save a readable copy")
    return [written_message(headers, body, [name for name in names if name])]


def _value(container: Any, tag: str, folder: str = "") -> str:
    prefix = f"{folder}/" if folder else ""
    wide = stream(container, f"{prefix}__substg1.0_{tag}001F")
    if wide:
        return wide.decode("utf-16-le", "replace").strip("\x00 \r\n")
    return decode(stream(container, f"{prefix}__substg1.0_{tag}001E")).strip("\x00 \r\n")


def _sent(container: Any) -> str:
    """Return when a message was sent by its properties (PidTagClientSubmitTime), or ""."""
    data = stream(container, "__properties_version1.0")
    for place in range(32, len(data) - 15, 16):
        tag, _, ticks = struct.unpack_from("<IIQ", data, place)
        if tag in (0x00390040, 0x0E060040) and 0 < ticks < 1 << 61:
            start = datetime(1601, 1, 1, tzinfo=UTC)
            return (start + timedelta(microseconds=ticks // 10)).isoformat()
    return ""


def _body(container: Any) -> str:
    html = stream(container, f"__substg1.0_{_HTML}0102")
    text = decode(html, declared_charset(html)) if html else _value(container, _HTML)
    if text.strip():
        tree = parse_html(text)
        body = tree.find(".//body")
        return markdown_of(tree if body is None else body)
    plain = _value(container, _BODY)
    packed = stream(container, f"__substg1.0_{_RTF}0102")
    if plain.strip() or not packed:
        return plain
    return str(rtf_to_text(unpacked(packed).decode("latin-1"), errors="ignore"))


OUTLOOK = Reader("outlook", (kinds.MSG,), read_outlook, "2")
