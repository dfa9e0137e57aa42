"""The parts of a mail that are no page: flowed and enriched text, delivery reports, uuencode."""

from __future__ import annotations

import re
from email.message import Message

_REPORTED = ("Final-Recipient", "Original-Recipient", "Action", "Status", "Diagnostic-Code")


def unflowed(text: str, delete_space: bool = False) -> str:
    """Return text of format=flowed (RFC 3676) with its soft line breaks taken out.

    >>> unflowed("One line \\nin two.\\nNext.")
    'One line in two.\\nNext.'
    """
    out: list[str] = []
    soft = False
    for line in text.replace("\r\n", "\n").split("\n"):
        quoted = line.startswith(">")
        body = line[1:] if line.startswith(" ") else line
        if soft and not quoted:
            out[-1] = (out[-1][:-1] if delete_space else out[-1]) + body
        else:
            out.append(body)
        soft = body.endswith(" ") and body != "-- " and not quoted
    return "\n".join(out)


def unenriched(text: str) -> str:
    """Return the plain text of text/enriched (RFC 1896).

    >>> unenriched("<bold>Now</bold> or\\nnever, 1 << 2.\\n\\nThen.")
    'Now or never, 1 < 2.\\nThen.'
    """
    text = re.sub(r"(?is)<param>.*?</param>", "", text.replace("\r\n", "\n"))
    text = re.sub(r"\n(\n*)", lambda found: found.group(1) or " ", text)
    return re.sub(r"<<|</?[A-Za-z][\w-]{0,59}>", lambda m: "<" if m.group() == "<<" else "", text)


def without_uuencode(text: str) -> tuple[str, list[str]]:
    """Return a text without the files that stand in it by uuencode, and their names."""
    names: list[str] = []

    def taken(found: re.Match[str]) -> str:
        names.append(found.group(1).strip())
        return ""

    form = r"(?m)^begin [0-7]{3,4} (\S[^\n]*)\n(?:[ -`]{1,62}\n)*?(?:`|[ ]?)\n?end[ ]*$"
    return re.sub(form, taken, text.replace("\r\n", "\n")), names


def delivery_report(message: Message) -> str:
    """Return what a delivery report says of each recipient, as lines."""
    payload = message.get_payload()
    blocks = payload if isinstance(payload, list) else []
    lines = (
        [f"{name}: {' '.join(str(block[name]).split())}" for name in _REPORTED if name in block]
        for block in blocks
        if isinstance(block, Message)
    )
    return "\n\n".join("\n".join(block) for block in lines if block)
