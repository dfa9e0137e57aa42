"""E-mail: one message (eml, mht) or a mailbox (mbox), attachments by name."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from email.header import decode_header, make_header
from email.message import Message
from typing import Any

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.encodings import declared_charset, decode
from graft.library.readers.extracted import Blob, Extracted, joined
from graft.library.readers.html import markdown_of, parse_html
from graft.library.readers.reader import Reader
from graft.library.readers.records import distinct

_SHOWN = ("From", "To", "Cc", "Date")
_ENCRYPTED = ("application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted")
MAX_DEPTH = 10


def read_mail(blob: Blob) -> list[Extracted]:
    """Return one message: its subject as heading, who wrote to whom and when, and its text.

    Raises DocumentError for an encrypted message and for one without a header.
    """
    data = blob.data.lstrip()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in data[:400]:
        data = decode(blob.data).encode("utf-8")
    return [_message(email.message_from_bytes(data, policy=email.policy.compat32))]


def read_mailbox(blob: Blob) -> list[Extracted]:
    """Return every message of a mailbox; the Message-ID, or the position, tells them apart."""
    chunks = re.split(rb"(?:\A|(?<=\n))From [^\n]*\d{4}[^\n]*\n", blob.data.replace(b"\r\n", b"\n"))
    found = []
    for number, chunk in enumerate((c for c in chunks if c.strip()), start=1):
        message = email.message_from_bytes(
            re.sub(rb"(?m)^>(>*From )", rb"\1", chunk), policy=email.policy.compat32
        )
        item = _message(message)
        name = _header(message, "Message-ID").strip("<> ") or str(number)
        found.append(Extracted(name, item.text, item.title, metadata=item.metadata))
    return distinct(found)


def written_message(headers: dict[str, str], body: str, attachments: list[str]) -> Extracted:
    """Return a message as a text: subject, the other headers, body and names of attachments."""
    subject = headers.get("Subject", "")
    lines = "\n".join(f"{name}: {headers[name]}" for name in _SHOWN if headers.get(name))
    names = "Attachments: " + ", ".join(attachments) if attachments else ""
    metadata = {name.lower(): headers.get(name, "") for name in _SHOWN}
    return joined(
        [f"# {subject}" if subject else "", lines, body, names],
        subject,
        attachments=", ".join(attachments),
        **metadata,
    )


def _message(message: Message) -> Extracted:
    if not message.keys():
        raise DocumentError("it has no e-mail header (From, Subject ...): is it an e-mail?")
    headers = {name: _header(message, name) for name in ("Subject", *_SHOWN)}
    attachments: list[str] = []
    body = "\n\n".join(_body(message, attachments, 0))
    if not body.strip() and message.get_content_type() in _ENCRYPTED:
        raise DocumentError("the message is encrypted (S/MIME, PGP): save a readable copy")
    return written_message(headers, body, attachments)


def _header(message: Message, name: str) -> str:
    value = message.get(name)
    if value is None:
        return ""
    try:
        text = str(make_header(decode_header(value)))
    except (LookupError, ValueError, UnicodeError, AssertionError):
        text = str(value)
    raw = text.encode("utf-8", "surrogateescape")
    return " ".join(decode(raw).split())


def _body(message: Message, attachments: list[str], depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        return
    kind = message.get_content_type()
    name = _file_name(message)
    if kind == "message/rfc822" and isinstance(message.get_payload(), list):
        for part in message.get_payload():  # type: ignore[union-attr]
            inner = _message(part) if isinstance(part, Message) and part.keys() else None
            yield inner.text if inner else ""
    elif message.is_multipart():
        parts: list[Any] = [p for p in message.get_payload() if isinstance(p, Message)]  # type: ignore[union-attr]
        if kind == "multipart/alternative":
            parts = _alternative(parts)
        for part in parts:
            yield from _body(part, attachments, depth + 1)
    elif message.get_content_disposition() == "attachment" or not kind.startswith("text/"):
        attachments += [name] if name else []
    elif name and message.get_content_disposition() == "inline" and kind != "text/html" and depth:
        attachments.append(name)
        yield _text(message)
    else:
        yield _text(message)


def _alternative(parts: list[Any]) -> list[Any]:
    """Of the same text twice, HTML is taken: it keeps lists and tables that plain text loses."""
    kinds = {part.get_content_type(): part for part in reversed(parts)}
    html, plain = kinds.get("text/html"), kinds.get("text/plain")
    rest = [p for p in parts if not p.get_content_type().startswith("text/")]
    if rest and any(p.is_multipart() for p in rest):
        return [p for p in rest if p.is_multipart()][:1]
    if html is not None and plain is not None:
        return [html] if len(_text(html)) >= 0.5 * len(_text(plain)) else [plain]
    return parts[-1:] if parts else []


def _text(message: Message) -> str:
    payload = message.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else str(payload or "").encode("utf-8", "replace")
    charset = str(message.get_param("charset") or "")
    if message.get_content_type() != "text/html":
        return decode(data, charset)
    text = decode(data, charset or declared_charset(data))
    if not text.strip():
        return ""
    tree = parse_html(text)
    body = tree.find(".//body")
    return markdown_of(tree if body is None else body)


def _file_name(message: Message) -> str:
    try:
        return " ".join(str(make_header(decode_header(message.get_filename() or ""))).split())
    except (LookupError, ValueError, UnicodeError, AssertionError, TypeError):
        return "unnamed"


MAIL = Reader("mail", (kinds.EMAIL,), read_mail)
MAILBOX = Reader("mailbox", (kinds.MBOX,), read_mailbox)
