"""E-mail: one message (eml, mht) or a mailbox (mbox), attachments by name."""

from __future__ import annotations

import email
import email.policy
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from email.header import decode_header, make_header
from email.message import Message
from typing import Any

from striprtf.striprtf import rtf_to_text

from graft.core.errors import DocumentError
from graft.library import detect as kinds
from graft.library.encodings import declared_charset, decode
from graft.library.readers.bodies import (
    delivery_report,
    unenriched,
    unflowed,
    without_uuencode,
)
from graft.library.readers.calendar import calendar_text
from graft.library.readers.extracted import Blob, Extracted, joined
from graft.library.readers.html import markdown_of, parse_page
from graft.library.readers.pagemeta import iso_date
from graft.library.readers.reader import Reader
from graft.library.readers.records import distinct

_SHOWN = ("From", "To", "Cc", "Date")
_ENCRYPTED = ("application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted")
_SIGNATURES = (
    "application/pgp-signature",
    "application/pkcs7-signature",
    "application/x-pkcs7-signature",
)
_LONG = 4000
MAX_DEPTH = 10


def read_mail(blob: Blob) -> list[Extracted]:
    """Return one message: its subject as heading, who wrote to whom and when, and its text.

    Raises DocumentError for an encrypted message and for one without a header.
    """
    data = blob.data.lstrip()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in data[:400]:
        data = decode(blob.data).encode("utf-8")
    return [_message(email.message_from_bytes(data, policy=email.policy.compat32))]


_ENVELOPE = re.compile(
    # A line of a body may begin so too: an envelope has a time, or none to name, and a header.
    rb"(?:\A|(?<=\n))From (?:[^\n]*\d\d:\d\d[^\n]*\d{4}[^\n]*|-[^\n]*|\S+ *)?\n(?=[!-9;-~]{1,76}:)"
)


def read_mailbox(blob: Blob) -> list[Extracted]:
    """Return every message of a mailbox; the Message-ID, or the position, tells them apart."""
    chunks = _ENVELOPE.split(blob.data.replace(b"\r\n", b"\n"))
    found = []
    for number, chunk in enumerate((c for c in chunks if c.strip()), start=1):
        message = email.message_from_bytes(
            re.sub(rb"(?m)^>(>*From )", rb"\1", chunk), policy=email.policy.compat32
        )
        name = _header(message, "Message-ID").strip("<> ") or str(number)
        found.append(replace(_message(message), suffix_id=name))
    return distinct(found)


def written_message(
    headers: dict[str, str],
    body: str,
    attachments: list[str],
    left_out: Mapping[str, int] | None = None,
) -> Extracted:
    """Return a message as a text: subject, the other headers, body and names of attachments."""
    subject = headers.get("Subject", "")
    lines = "\n".join(f"{name}: {headers[name]}" for name in _SHOWN if headers.get(name))
    names = "Attachments: " + ", ".join(attachments) if attachments else ""
    metadata = {name.lower(): headers.get(name, "") for name in _SHOWN}
    metadata |= {"date": iso_date(metadata["date"]), "subject": subject}
    written = joined(
        [f"# {subject}" if subject else "", lines, body, names],
        subject,
        attachments=", ".join(attachments),
        **metadata,
    )
    return replace(written, left_out={"attachments": len(attachments), **(left_out or {})})


@dataclass
class _Parts:
    """What the walk over a message finds beside its text."""

    attachments: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    events: set[str] = field(default_factory=set)


def _message(message: Message) -> Extracted:
    if not message.keys():
        raise DocumentError("it has no e-mail header (From, Subject ...): is it an e-mail?")
    headers = {name: _header(message, name) for name in ("Subject", *_SHOWN)}
    found = _Parts()
    body = "\n\n".join(_body(message, found, 0))
    if not body.strip() and message.get_content_type() in _ENCRYPTED:
        raise DocumentError("the message is encrypted (S/MIME, PGP): save a readable copy")
    return written_message(
        headers,
        body,
        found.named + found.attachments,
        {"attachments": len(found.attachments), **found.left_out},
    )


def _header(message: Message, name: str) -> str:
    """Return a header decoded: by the standard policy, or by what it is where that fails."""
    raw = next((str(v) for key, v in message.raw_items() if key.lower() == name.lower()), None)
    if raw is None:
        return ""
    # Bytes beyond ASCII come as surrogates; long lists of people take the policy very long.
    plain = " ".join(decode(raw.encode("utf-8", "surrogateescape")).split())
    if "=?" not in plain:
        return plain
    texts = [plain]
    if len(plain) < _LONG:
        with suppress(Exception):  # the policy's parser fails in many ways on broken headers
            texts.append(str(email.policy.default.header_factory(name, plain)))
    with suppress(LookupError, ValueError, UnicodeError, AssertionError):
        texts.append(str(make_header(decode_header(plain))))
    # Letters that are cut between two encoded words are whole to the older function alone.
    return min((" ".join(t.split()) for t in texts[1:]), key=_wrong, default=plain)


def _wrong(text: str) -> int:
    return text.count("\ufffd") + text.count("=?") + sum("\ud800" <= c <= "\udfff" for c in text)


def _body(message: Message, found: _Parts, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        found.left_out["parts nested too deep"] += 1
        return
    kind = message.get_content_type()
    payload = message.get_payload()
    parts = [p for p in payload if isinstance(p, Message)] if isinstance(payload, list) else []
    if kind in ("message/delivery-status", "message/disposition-notification"):
        yield delivery_report(message)
    elif kind == "message/rfc822" and parts:
        for part in parts:
            yield from _forwarded(part, found, depth)
    elif parts:
        if kind == "multipart/alternative":
            parts = _alternative(parts)
        for part in parts:
            yield from _body(part, found, depth + 1)
    else:
        yield _leaf(message, kind, found, depth)


def _forwarded(message: Message, found: _Parts, depth: int) -> Iterator[str]:
    if not message.keys():
        return
    subject = _header(message, "Subject")
    yield f"## {subject}" if subject else ""
    shown = ((name, _header(message, name)) for name in _SHOWN)
    yield "\n".join(f"{name}: {value}" for name, value in shown if value)
    yield from _body(message, found, depth + 1)


def _leaf(message: Message, kind: str, found: _Parts, depth: int) -> str:
    name = _file_name(message)
    attached = message.get_content_disposition() == "attachment"
    if kind in ("text/calendar", "application/ics"):
        events = calendar_text(_text(message))
        fresh = events if events not in found.events else ""
        found.events.add(events)
        if fresh or events:
            return fresh
    if kind in _SIGNATURES:
        return ""
    if attached or kind.startswith(("image/", "audio/", "video/", "application/", "message/")):
        if kind in ("application/rtf", "text/rtf") and not attached and not name:
            return _rich(message)
        if kind.startswith("image/") and not attached and message.get("Content-ID"):
            found.left_out["images"] += 1
        elif kind not in _ENCRYPTED or depth:
            found.attachments.append(name or "unnamed")
        return ""
    if name and message.get_content_disposition() == "inline" and kind != "text/html" and depth:
        found.named.append(name)
    return _shown(message, kind, found)


def _shown(message: Message, kind: str, found: _Parts) -> str:
    if kind == "text/html":
        return _page(message, found)
    if kind in ("text/rtf", "text/richtext") and _text(message).lstrip().startswith("{\\rtf"):
        return _rich(message)
    text, names = without_uuencode(_text(message))
    found.attachments += names
    if kind in ("text/enriched", "text/richtext"):
        return unenriched(text)
    if str(message.get_param("format") or "").lower() == "flowed":
        return unflowed(text, str(message.get_param("delsp") or "").lower() == "yes")
    return text


def _alternative(parts: list[Any]) -> list[Any]:
    """Of the same text twice, HTML is taken: it keeps lists and tables that plain text loses.

    A calendar among them is no other form of the text: it is shown beside it.
    """
    calendars = [p for p in parts if p.get_content_type() == "text/calendar"]
    rest = [p for p in parts if p.get_content_type() != "text/calendar"]
    shown = [p for p in rest if p.is_multipart() and any(_texts(p))]
    html = next((p for p in rest if p.get_content_type() == "text/html" and _text(p).strip()), None)
    plain = next((p for p in rest if p.get_content_type() == "text/plain"), None)
    texts = [p for p in rest if p.get_content_maintype() == "text" and _text(p).strip()]
    if shown:
        chosen = shown[-1:]
    elif html is not None and plain is not None:
        # The page of a mail whose text says much more is a picture, or a hint to see a browser.
        chosen = [html] if len(_text(html)) >= 0.5 * len(_text(plain)) else [plain]
    else:
        chosen = texts[-1:] or rest[-1:]
    return [*chosen, *calendars]


def _texts(message: Any) -> Iterator[Any]:
    return (p for p in message.walk() if p.get_content_maintype() == "text" and _text(p).strip())


def _text(message: Message) -> str:
    try:
        payload = message.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        payload = message.get_payload()
    data = payload if isinstance(payload, bytes) else str(payload or "").encode("utf-8", "replace")
    charset = str(message.get_param("charset") or "")
    if message.get_content_type() == "text/html":
        charset = charset or declared_charset(data)
    return decode(data, charset)


def _page(message: Message, found: _Parts) -> str:
    text = _text(message)
    if not text.strip():
        return ""
    tree, hidden = parse_page(text)
    found.left_out.update(hidden)
    body = tree.find(".//body")
    return markdown_of(tree if body is None else body)


def _rich(message: Message) -> str:
    payload = message.get_payload(decode=True)
    source = payload.decode("latin-1") if isinstance(payload, bytes) else ""
    return str(rtf_to_text(source, errors="ignore"))


def _file_name(message: Message) -> str:
    try:
        return " ".join(str(make_header(decode_header(message.get_filename() or ""))).split())
    except (LookupError, ValueError, UnicodeError, AssertionError, TypeError):
        return "unnamed"


MAIL = Reader("mail", (kinds.EMAIL,), read_mail, "2")
MAILBOX = Reader("mailbox", (kinds.MBOX,), read_mailbox, "2")
