"""Calendars (iCalendar, RFC 5545): each event as lines, what, when, where and with whom."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graft.library.encodings import decode
from graft.library.readers.extracted import Blob, Extracted, joined
from graft.library.readers.reader import Reader

CALENDAR_TYPE = "text/calendar"
_LINE = re.compile(r'([\w-]+)((?:;[\w-]+=(?:"[^"]*"|[^;:"]*))*):(.*)', re.DOTALL)
_PEOPLE = {"ORGANIZER": "Organizer", "ATTENDEE": "Attendees"}
_TEXTS = {"SUMMARY": "Event", "LOCATION": "Where", "STATUS": "Status", "RRULE": "Repeats"}


def read_calendar(blob: Blob) -> list[Extracted]:
    """Return the events of a calendar as lines."""
    return [joined([calendar_text(decode(blob.data))])]


def calendar_text(source: str) -> str:
    """Return the events, tasks and notes of a calendar, a blank line between them.

    >>> print(calendar_text("BEGIN:VEVENT\\nSUMMARY:Talk\\nDTSTART:20260303T100000Z\\nEND:VEVENT"))
    Event: Talk
    When: 2026-03-03 10:00 UTC
    """
    lines = re.sub(r"\r?\n[ \t]", "", source).splitlines()
    cancelled = any(line.strip().upper() == "METHOD:CANCEL" for line in lines)
    events: list[str] = []
    fields: list[tuple[str, str, str]] = []
    inside = ""
    for line in lines:
        name, _, value = line.strip().partition(":")
        if name.upper() == "BEGIN" and value.upper() in ("VEVENT", "VTODO", "VJOURNAL"):
            inside, fields = value.upper(), []
        elif name.upper() == "BEGIN" and inside:  # an alarm has fields of its own
            inside = value.upper() + ">" + inside
        elif name.upper() == "END" and inside:
            inside = inside.partition(">")[2]
            if not inside:
                events.append("\n".join(_event(fields, cancelled)))
        elif inside and ">" not in inside and (found := _LINE.match(line)):
            fields.append((found.group(1).upper(), found.group(2), found.group(3)))
    return "\n\n".join(events)


def _event(fields: list[tuple[str, str, str]], cancelled: bool) -> Iterator[str]:
    of = {name: (parameters, value) for name, parameters, value in reversed(fields)}
    for name, label in _TEXTS.items():
        if name in of and (value := _plain(of[name][1])):
            yield f"{label}: {value}"
        if name == "SUMMARY" and (when := _when(of)):
            yield f"When: {when}"
    if cancelled and "STATUS" not in of:
        yield "Status: CANCELLED"
    for name, label in _PEOPLE.items():
        people = [_person(p, value) for field, p, value in fields if field == name]
        if people:
            yield f"{label}: {', '.join(people)}"
    if "DESCRIPTION" in of:
        yield from ["", _plain(of["DESCRIPTION"][1])]


def _when(of: dict[str, tuple[str, str]]) -> str:
    start = _time(*of.get("DTSTART", of.get("DUE", ("", ""))))
    end = _time(*of.get("DTEND", ("", "")))
    if end[:10] == start[:10]:
        end = end[11:]
    duration = re.fullmatch(
        r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?.*)?", of.get("DURATION", ("", ""))[1]
    )
    if duration and not end:
        parts = zip(duration.groups(), ("days", "hours", "minutes"), strict=True)
        spoken = " ".join(f"{number} {unit}" for number, unit in parts if number)
        return f"{start} for {spoken}" if spoken else start
    return f"{start} to {end}" if end and start else start


def _time(parameters: str, value: str) -> str:
    found = re.match(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)\d*(Z?))?", value)
    if not found:
        return value
    year, month, day, hour, minute, utc = found.groups()
    zone = re.search(r';TZID="?([^";:]+)', parameters)
    name = " UTC" if utc else f" {zone.group(1)}" if zone and hour else ""
    return f"{year}-{month}-{day}" + (f" {hour}:{minute}{name}" if hour else "")


def _person(parameters: str, value: str) -> str:
    name = re.search(r';CN="?([^";:]+)', parameters)
    address = re.sub(r"(?i)^mailto:", "", value)
    return f"{name.group(1)} <{address}>" if name and name.group(1) != address else address


def _plain(value: str) -> str:
    text = re.sub(r"\\[nN]", "\n", value)
    return re.sub(r"\\([\\;,])", r"\1", text).strip()


CALENDAR = Reader("calendar", (CALENDAR_TYPE,), read_calendar, suffixes=(".ics",))
