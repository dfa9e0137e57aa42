"""Superscripts in plain text."""

from __future__ import annotations


def superscript(text: str, *, linked: bool = False) -> str:
    """Return a raised text so that it is not read as part of what stands before it.

    A number becomes "^2", a linked one (a note or reference) " [2]"; letters stay as they are.

    >>> "10" + superscript("7"), "shown" + superscript("12", linked=True), "1" + superscript("st")
    ('10^7', 'shown [12]', '1st')
    """
    plain = text.strip()
    if (
        linked
        and plain.replace(",", "").replace("–", "").replace("-", "").replace(" ", "").isdigit()
    ):
        return f" [{plain}]"
    if plain and plain.lstrip("+-−–").isdigit():
        return f"^{plain}"
    return text
