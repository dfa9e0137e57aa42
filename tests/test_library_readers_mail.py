"""Mail bodies of any structure, headers of any form, events as lines, attachments counted."""

from __future__ import annotations

import base64

import pytest

from graft.library.readers import Extracted, read_bytes

HEAD = "From: Ada <ada@quay.example>\nTo: crew@quay.example\nSubject: Berth\nMIME-Version: 1.0\n"
HEAD += "Date: Tue, 3 Mar 2026 10:00:00 +0100\n"
EVENT = (
    "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nSUMMARY:Berth plan\\, spring\n"
    "DTSTART;TZID=Europe/Oslo:20260305T090000\nDTEND;TZID=Europe/Oslo:20260305T103000\n"
    "LOCATION:Harbour office\\, room 2\nORGANIZER;CN=Ada:mailto:ada@quay.example\n"
    "BEGIN:VALARM\nDESCRIPTION:Ring\nEND:VALARM\nEND:VEVENT\nEND:VCALENDAR\n"
)
WHEN = "When: 2026-03-05 09:00 Europe/Oslo to 10:30 Europe/Oslo"


def mail(body: str, head: str = HEAD) -> Extracted:
    return read_bytes("a.eml", (head + body).encode())[0]


def part(kind: str, body: str, *more: str) -> str:
    return "\n".join([f"Content-Type: {kind}", *more, "", body])


def multi(kind: str, *parts: str, mark: str = "b1") -> str:
    inner = "".join(f"--{mark}\n{p}\n" for p in parts)
    return f'Content-Type: multipart/{kind}; boundary="{mark}"\n\n{inner}--{mark}--\n'


PLAIN = part("text/plain", "The berth is number 7.")
HTML = part("text/html", "<p>The berth is <b>number 7</b>.</p>")
CALENDAR = part("text/calendar; method=REQUEST", EVENT)


@pytest.mark.parametrize("body", [
    multi("alternative", PLAIN, CALENDAR),
    multi("alternative", PLAIN, HTML, CALENDAR),
    multi("alternative", CALENDAR, HTML),
    multi("mixed", multi("alternative", PLAIN, HTML, CALENDAR, mark="b2"),
          part("application/ics; name=a.ics", EVENT, "Content-Disposition: attachment")),
    multi("alternative", multi("related", HTML, mark="b2"), CALENDAR),
])  # fmt: skip
def test_a_calendar_is_shown_as_lines_beside_the_text(body: str) -> None:
    found = mail(body)
    assert "The berth is number 7." in found.text
    assert found.text.count("Event: Berth plan, spring") == 1
    assert WHEN in found.text
    assert "Where: Harbour office, room 2" in found.text
    assert "VEVENT" not in found.text
    assert "Ring" not in found.text


@pytest.mark.parametrize("body", [
    PLAIN,
    HTML,
    multi("mixed", PLAIN),
    multi("related", HTML),
    multi("mixed", multi("related", multi("alternative", PLAIN, HTML, mark="b3"), mark="b2")),
    multi("signed", PLAIN, part("application/pgp-signature; name=s.asc", "xx")),
    multi("mixed", "Content-Type: message/rfc822\n\nSubject: Inner\nFrom: b@x.example\n" + PLAIN),
    multi("alternative", part("text/enriched", "The <bold>berth</bold> is\nnumber 7.")),
    part("text/plain; format=flowed", "The berth is \nnumber 7."),
    part("text/html", base64.b64encode(b"<p>The berth is number 7.</p>").decode(),
         "Content-Transfer-Encoding: base64"),
    "Content-Type: multipart/mixed\n\nThe berth is number 7.\n",
    "Content-Type: text/plain; charset=unknown-8bit\n\nThe berth is number 7.\n",
    multi("report", PLAIN, "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n"),
])  # fmt: skip
def test_a_body_of_any_structure(body: str) -> None:
    found = mail(body)
    assert "The berth is number 7." in found.text
    assert "left_out" not in found.metadata


def test_a_delivery_report_says_who_and_why() -> None:
    status = "Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; bo@x.example\nStatus: 5.1.1\n"
    text = mail(multi("report", PLAIN, f"Content-Type: message/delivery-status\n\n{status}")).text
    assert "Final-Recipient: rfc822; bo@x.example\nStatus: 5.1.1" in text


def test_attachments_are_named_and_counted() -> None:
    tnef = part("application/ms-tnef; name=winmail.dat", "eJ8+", "Content-Disposition: attachment")
    picture = part("image/png", "xx", "Content-ID: <p>")
    found = mail(multi("mixed", PLAIN, tnef, picture))
    assert "Attachments: winmail.dat" in found.text
    assert found.metadata["attachments"] == "winmail.dat"
    assert found.metadata["left_out"] == "1 attachments, 1 images"


def test_uuencoded_files_are_attachments() -> None:
    found = mail(part("text/plain", "Before.\nbegin 644 tide.bin\n#0V%T\n`\nend\nAfter."))
    assert "#0V%T" not in found.text
    assert found.metadata["attachments"] == "tide.bin"
    assert "Before." in found.text
    assert "After." in found.text


@pytest.mark.parametrize(("raw", "subject"), [
    (b"=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
    (b"=?utf-8?B?w7w=?= =?utf-8?B?w58=?=", "üß"),
    (b"=?utf-8?B?R3LD?= =?utf-8?B?vMOf?=", "Grüß"),
    ("Grüße von hier".encode(), "Grüße von hier"),
    ("Grüße für Köln".encode("cp1252"), "Grüße für Köln"),
    (b"=?iso-2022-jp?B?GyRCNF85ZhsoQg==?=", "岸号"),
    (b"a\r\n folded subject", "a folded subject"),
])  # fmt: skip
def test_headers_are_decoded(raw: bytes, subject: str) -> None:
    data = b"From: a@x.example\nMIME-Version: 1.0\nMessage-ID: <1>\nSubject: " + raw + b"\n\nBody."
    assert read_bytes("a.eml", data)[0].title == subject


def test_metadata_are_typed() -> None:
    found = mail(PLAIN).metadata
    assert found["date"] == "2026-03-03T10:00:00+01:00"
    assert found["from"] == "Ada <ada@quay.example>"
    assert found["subject"] == "Berth"


def test_a_mailbox_is_cut_at_envelopes_alone() -> None:
    one = f"From ada@x Tue Mar  3 10:00:00 2026\n{HEAD}\nFrom 2026 on: the fee is 5.\n\n"
    one += ">From here.\n\n"
    two = f"From - Tue Mar  3 11:00:00 2026\n{HEAD}Message-ID: <two@x>\n\nSecond.\n"
    found = read_bytes("a.mbox", (one + two).encode())
    assert [item.suffix_id for item in found] == ["1", "two@x"]
    assert "From 2026 on: the fee is 5." in found[0].text
    assert "\nFrom here." in found[0].text


def test_a_calendar_file_is_read_as_its_events() -> None:
    (found,) = read_bytes("a.ics", EVENT.encode())
    assert WHEN in found.text
    assert "Organizer: Ada <ada@quay.example>" in found.text
