"""Dates, times and durations of spreadsheets as their formats show them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_LAST = 2_958_466
"""The day after 31 December 9999, the last that a spreadsheet shows."""


def date_text(
    number: Decimal, tokens: Sequence[tuple[str, str]], *, since_1904: bool = False
) -> str | None:
    """Return a serial number of days as a section's tokens show it; None if it is no date.

    Day 60 of the 1900 system is the 29 February that 1900 did not have, as in Excel.
    """
    elapsed = any(kind == "elapsed" for kind, _ in tokens)
    if (number < 0 and not elapsed) or abs(number) >= _LAST:
        return None
    places = _second_places(tokens)
    unit = Decimal(1).scaleb(-places)
    seconds = (abs(number) * 86_400).quantize(unit, ROUND_HALF_UP)
    days, rest = divmod(seconds, 86_400)
    day = _day(int(days), since_1904)
    clock = int(rest.to_integral_value(ROUND_FLOOR))
    half = any(kind == "noon" for kind, _ in tokens)
    out, hour_before, skip = [], False, 0
    for i, (kind, text) in enumerate(tokens):
        if skip:
            skip -= 1
        elif kind == "elapsed":
            total = int(seconds) // {"h": 3600, "m": 60, "s": 1}[text[0]]
            out.append(f"{total:0{len(text)}d}")
            hour_before = text[0] == "h"
        elif kind == "noon":
            names = text.split("/")
            out.append(names[clock >= 43_200])
        elif kind == "date" and text[0] == "m" and (hour_before or _second_next(tokens, i)):
            out.append(f"{clock // 60 % 60:0{min(len(text), 2)}d}")
            hour_before = False
        elif kind == "date" and text[0] in "hs":
            hour = clock // 3600
            value = ((hour - 1) % 12 + 1 if half else hour) if text[0] == "h" else clock % 60
            out.append(f"{value:0{min(len(text), 2)}d}")
            hour_before = text[0] == "h"
        elif kind == "date":
            out.append(_part(day, text))
            hour_before = False
        elif (kind, text) == ("sign", ".") and i + 1 < len(tokens) and tokens[i + 1][0] == "digit":
            out.append(f".{int(rest % 1 / unit):0{places}d}" if places else "")
            skip = places
        else:
            out.append("" if kind == "sign" and text == "@" else text)
    return ("-" if number < 0 else "") + "".join(out)


def _second_places(tokens: Sequence[tuple[str, str]]) -> int:
    point = next((i for i, token in enumerate(tokens) if token == ("sign", ".")), len(tokens))
    digits = 0
    while point + 1 + digits < len(tokens) and tokens[point + 1 + digits][0] == "digit":
        digits += 1
    return min(digits, 6)


def _second_next(tokens: Sequence[tuple[str, str]], place: int) -> bool:
    """Whether the next part of a date after `place` is seconds: then "m" before it is minutes."""
    following = (text for kind, text in tokens[place + 1 :] if kind in ("date", "elapsed"))
    return next(following, "")[:1] == "s"


def _day(serial: int, since_1904: bool) -> tuple[int, int, int, int]:
    """Return year, month, day and day of the week (0 is Monday) of a serial number of days."""
    if since_1904:
        date = dt.date(1904, 1, 1) + dt.timedelta(min(serial, _LAST - 1_463))
    elif serial == 60:
        return 1900, 2, 29, 2
    elif serial == 0:
        return 1900, 1, 0, 5
    else:
        date = dt.date(1899, 12, 31) + dt.timedelta(serial - (serial > 60))
    return date.year, date.month, date.day, date.weekday()


def _part(day: tuple[int, int, int, int], text: str) -> str:
    year, month, date, weekday = day
    size = len(text)
    if text[0] in "yeb":
        return f"{year % 100:02d}" if size <= 2 and text[0] != "e" else str(year)
    if text[0] == "m":
        name = _MONTHS[month - 1]
        names = {3: name[:3], 5: name[0]}
        return names.get(size, name) if size > 2 else f"{month:0{size}d}"
    if text[0] == "d":
        name = _DAYS[weekday]
        return (name[:3] if size == 3 else name) if size > 2 else f"{date:0{size}d}"
    return ""
