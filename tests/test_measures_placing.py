"""A number bears a claim out only where it stands with its subject and its unit.

Each case: kind, claim, question, text, and whether the text bears the claim out.
"""

from __future__ import annotations

import pytest

from graft.measures.quantity import quantities, read_words
from graft.measures.support import support

LEAVE = (
    "Staff of the Lisbon office get 30 days of leave a year. Five days carry over to the next "
    "year. Interns may not carry over any unused days. Sick leave needs a note from a doctor after "
    "the third day, and the note goes to Ms. Silva."
)
PLANS = (
    "| Plan | Price | Storage |\n|---|---|---|\n| Basic | 9 EUR | 50 GB |\n"
    "| Pro | 19 EUR | 200 GB |\n| Team | 49 EUR | 2 TB |\n"
)
FORM = "Name: Anna Roth\nRoom: 214\nPhone: 5512\n\nName: Ben Adler\nRoom: 318\nPhone: 5590\n"
TOWN = (
    "The museum opened in 1931 in Porto. The library next to it was founded in 1968. It holds "
    "40,000 books. The bridge was closed on 14 May 2003 and opened again on 2 June 2004."
)
SOFT = (
    "Python 3.11 is needed from version 2.4 of the client on. The server runs with Python 3.8. "
    "An upload may have 25 MB at most. Each workspace has 10 GB of storage."
)
RACE = (
    "Maria Costa finished second in the marathon. Third place went to Joana Reis. The race was "
    "held for the ninth time."
)
GROWTH = (
    "Revenue rose from 30 million euros in 2019 to 45 million euros in 2020. The margin fell by "
    "3 percentage points. Costs grew by 12 percent."
)
OFFICES = "In Porto the company employs 12 people, in Lisbon 34 and in Faro seven."

CASES = [
    # a number of another sentence
    ("amount", "30 days carry over to the next year.", "", LEAVE, False),
    ("amount", "30 days carry over.", "How many days carry over?", LEAVE, False),
    ("amount", "30 days", "How many days of leave carry over to the next year?", LEAVE, False),
    ("amount", "Five days carry over to the next year.", "", LEAVE, True),
    ("amount", "5 days", "How many days of leave carry over to the next year?", LEAVE, True),
    ("amount", "In Lisbon, employees have 30 days of leave each year.", "", LEAVE, True),
    ("amount", "Staff of the Lisbon office get five days of leave a year.", "", LEAVE, False),
    ("amount", "30 days", "How many days of leave do staff get a year?", LEAVE, True),
    ("amount", "A doctor's note is needed after 30 days of sick leave.", "", LEAVE, False),
    # within one sentence
    ("clause", "The company employs 34 people in Porto.", "", OFFICES, False),
    ("clause", "The company employs 12 people in Porto.", "", OFFICES, True),
    ("clause", "In Lisbon the company employs 34 people.", "", OFFICES, True),
    ("clause", "In Faro the company employs 12 people.", "", OFFICES, False),
    ("clause", "In Faro the company employs 7 people.", "", OFFICES, True),
    ("clause", "34", "How many people does the company employ in Faro?", OFFICES, False),
    (
        "clause",
        "Of 30 days of leave, 5 days may be used later.",
        "",
        "Staff get 30 days of leave, of which five days may be used later.",
        True,
    ),
    (
        "clause",
        "30 days of leave may be used later.",
        "",
        "Staff get 30 days of leave, of which five days may be used later.",
        False,
    ),
    # dates
    ("date", "The museum opened in 1968.", "", TOWN, False),
    ("date", "The museum in Porto opened in 1931.", "", TOWN, True),
    ("date", "The library was founded in 1931.", "", TOWN, False),
    ("date", "1968", "When was the library founded?", TOWN, True),
    ("date", "1931", "When was the library founded?", TOWN, False),
    ("date", "The bridge was closed on 2 June 2004.", "", TOWN, False),
    ("date", "The bridge opened again on June 2, 2004.", "", TOWN, True),
    ("date", "The bridge was closed on May 14th, 2003.", "", TOWN, True),
    ("date", "The bridge was closed on 14 June 2003.", "", TOWN, False),
    ("date", "14 May 2003", "When was the bridge closed?", TOWN, True),
    ("date", "The library holds 40,000 books.", "", TOWN, True),
    ("date", "The museum holds 1931 books.", "", TOWN, False),
    # units
    ("unit", "Staff of the Lisbon office get 30 weeks of leave a year.", "", LEAVE, False),
    ("unit", "An upload may have at most 25 GB.", "", SOFT, False),
    ("unit", "An upload may be 25 megabytes at most.", "", SOFT, True),
    ("unit", "Each workspace has 10GB of storage.", "", SOFT, True),
    ("unit", "Each workspace has 10 MB of storage.", "", SOFT, False),
    ("unit", "The margin fell by 3 percent.", "", GROWTH, False),
    ("unit", "The margin fell by three percentage points.", "", GROWTH, True),
    ("unit", "Costs grew by 12%.", "", GROWTH, True),
    ("unit", "Costs grew by 12 points.", "", GROWTH, False),
    ("unit", "30 weeks", "How much leave do staff of the Lisbon office get a year?", LEAVE, False),
    # years with amounts
    ("pair", "Revenue was 45 million euros in 2020.", "", GROWTH, True),
    ("pair", "Revenue was 45 million euros in 2019.", "", GROWTH, False),
    ("pair", "Costs grew by 45 percent.", "", GROWTH, False),
    # rows and records
    ("row", "The Pro plan costs 9 EUR.", "", PLANS, False),
    ("row", "The Pro plan costs 19 euros.", "", PLANS, True),
    ("row", "The Basic plan has 200 GB of storage.", "", PLANS, False),
    ("row", "The price of the Team plan is 49 EUR.", "", PLANS, True),
    ("row", "19 EUR", "What is the price of the Basic plan?", PLANS, False),
    ("row", "9 EUR", "What is the price of the Basic plan?", PLANS, True),
    ("record", "Ben Adler has room 214.", "", FORM, False),
    ("record", "Anna Roth has room 214.", "", FORM, True),
    ("record", "5590", "What is the phone number of Ben Adler?", FORM, True),
    ("record", "5512", "What is the phone number of Ben Adler?", FORM, False),
    # versions
    ("version", "The server runs with Python 3.11.", "", SOFT, False),
    ("version", "The server runs with Python 3.8.", "", SOFT, True),
    ("version", "From version 2.4 on the client needs Python 3.11.", "", SOFT, True),
    ("version", "3.8", "Which version of Python does the client need?", SOFT, False),
    # ordinals
    ("ordinal", "Maria Costa finished third in the marathon.", "", RACE, False),
    ("ordinal", "Maria Costa finished second in the marathon.", "", RACE, True),
    ("ordinal", "Joana Reis took third place.", "", RACE, True),
    ("ordinal", "Joana Reis took second place.", "", RACE, False),
    ("ordinal", "The race was held for the 9th time.", "", RACE, True),
    # written out
    ("written", "Staff of the Lisbon office get thirty days of leave a year.", "", LEAVE, True),
    ("written", "Thirty days carry over to the next year.", "", LEAVE, False),
    (
        "written",
        "The hall seats two hundred and fifty guests.",
        "",
        "The hall seats 250 guests and has three exits.",
        True,
    ),
    (
        "written",
        "The hall has 250 exits.",
        "",
        "The hall seats 250 guests and has three exits.",
        False,
    ),
    (
        "written",
        "Twenty-five members voted for it.",
        "",
        "25 members voted for it, twenty against it.",
        True,
    ),
    (
        "written",
        "Twenty-five members voted against it.",
        "",
        "25 members voted for it, twenty against it.",
        False,
    ),
    # nothing else to compare with
    (
        "alone",
        "30 days may be carried over.",
        "",
        "Staff get 30 days of leave a year. Unused leave may be carried over to March.",
        False,
    ),
    (
        "alone",
        "The castle was first opened to visitors in 1950.",
        "",
        "The castle is the oldest building of the town. It was opened to visitors in 1950.",
        True,
    ),
]
# Kept aside while the measure was made, and looked at once.
LATER = [
    (
        "amount",
        "Interns have 10 days of holiday.",
        "",
        "Employees have 25 days of holiday. Interns have 10 days.",
        True,
    ),
    pytest.param(
        "amount",
        "Interns have 25 days of holiday.",
        "",
        "Employees have 25 days of holiday. Interns have 10 days.",
        False,
        # "Holiday" stands with the one number, "interns" with the other: either could be right.
        marks=pytest.mark.xfail(strict=True),
    ),
    (
        "amount",
        "The battery lasts 18 hours.",
        "",
        "The battery lasts for up to 18 hours and charges in 2 hours.",
        True,
    ),
    (
        "amount",
        "The battery charges in 18 hours.",
        "",
        "The battery lasts for up to 18 hours and charges in 2 hours.",
        False,
    ),
    (
        "date",
        "The treaty was signed in 1648.",
        "",
        "War broke out in 1618. Thirty years later, in 1648, the treaty was signed.",
        True,
    ),
    (
        "date",
        "The treaty was signed in 1618.",
        "",
        "War broke out in 1618. Thirty years later, in 1648, the treaty was signed.",
        False,
    ),
    (
        "date",
        "March 3",
        "When does the course begin?",
        "The course begins on 3 March and ends on 28 June.",
        True,
    ),
    (
        "date",
        "28 June",
        "When does the course begin?",
        "The course begins on 3 March and ends on 28 June.",
        False,
    ),
    (
        "unit",
        "Keep the vaccine at 4 degrees for 30 minutes.",
        "",
        "The vaccine is kept at 4 degrees for 30 hours.",
        False,
    ),
    (
        "unit",
        "The trail is 12 kilometres long.",
        "",
        "The trail is 12 km long and climbs 800 m.",
        True,
    ),
    ("unit", "The trail is 12 miles long.", "", "The trail is 12 km long and climbs 800 m.", False),
    ("unit", "The fee is 20 dollars.", "", "A fee of $20 is charged for each card.", True),
    ("unit", "The fee is 20 euros.", "", "A fee of $20 is charged for each card.", False),
    (
        "row",
        "Flour: 300 g are needed.",
        "",
        "Ingredients\n- Flour: 500 g\n- Sugar: 300 g\n- Butter: 250 g\n",
        False,
    ),
    pytest.param(
        "row",
        "The recipe needs 300 g of sugar.",
        "",
        "Ingredients\n- Flour: 500 g\n- Sugar: 300 g\n- Butter: 250 g\n",
        True,
        # The number is found in its place, but half the other words are not in the text.
        marks=pytest.mark.xfail(strict=True),
    ),
    (
        "row",
        "The timeout is 60 seconds.",
        "",
        "retries: 60\ntimeout: 30 seconds\nworkers: 4\n",
        False,
    ),
    (
        "row",
        "The timeout is 30 seconds.",
        "",
        "retries: 60\ntimeout: 30 seconds\nworkers: 4\n",
        True,
    ),
    (
        "version",
        "Firefox is supported from version 115 on.",
        "",
        "The app supports Chrome 120 and Firefox 115 or newer.",
        True,
    ),
    (
        "version",
        "Firefox is supported from version 120 on.",
        "",
        "The app supports Chrome 120 and Firefox 115 or newer.",
        False,
    ),
    (
        "ordinal",
        "The 21st amendment ended prohibition.",
        "",
        "The 18th amendment brought prohibition, and the 21st amendment ended it.",
        True,
    ),
    (
        "ordinal",
        "The eighteenth amendment ended prohibition.",
        "",
        "The 18th amendment brought prohibition, and the 21st amendment ended it.",
        False,
    ),
    (
        "written",
        "The council has twelve members.",
        "",
        "The council consists of 12 members, who serve for six years.",
        True,
    ),
    (
        "written",
        "Members of the council serve for twelve years.",
        "",
        "The council consists of 12 members, who serve for six years.",
        False,
    ),
    (
        "pair",
        "The town had 8,500 inhabitants in 1950.",
        "",
        "The town had 3,200 inhabitants in 1900 and 8,500 in 1950.",
        True,
    ),
    (
        "pair",
        "The town had 3,200 inhabitants in 1950.",
        "",
        "The town had 3,200 inhabitants in 1900 and 8,500 in 1950.",
        False,
    ),
    (
        "alone",
        "The tower is 57 metres high.",
        "",
        "The tower dates from the 14th century. At 57 m it is the tallest in the region.",
        True,
    ),
]


@pytest.mark.parametrize(("kind", "claim", "question", "text", "true"), [*CASES, *LATER])
def test_a_number_stands_with_its_subject(
    kind: str, claim: str, question: str, text: str, true: bool
):
    score = support(claim, text, question=question).score
    assert (score >= 0.5) == true, (kind, score)


def test_a_misplaced_number_is_nearly_as_bad_as_a_missing_one():
    misplaced = support("Thirty days carry over to the next year.", LEAVE)
    missing = support("Eighty days carry over to the next year.", LEAVE)
    assert 0 < missing.score <= 0.3 < misplaced.score <= 0.45


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two hundred and fifty guests", [("250", "", "")]),
        ("2.5 million euros", [("2500000", "euro", "money")]),
        ("1,200 or twenty-five", [("1200", "", ""), ("25", "", "")]),
        ("12 % or 7 per cent", [("12", "percent", "share"), ("7", "percent", "share")]),
        ("10-15 days", [("10", "day", "time"), ("15", "day", "time")]),
        ("a 30 second timeout", [("30", "second", "time")]),
        ("he came second", [("2", "", "ordinal")]),
        ("one of the 1990s", [("1990", "", "year")]),
        ("Python 3.10, A4", [("3.10", "", "")]),
        ("May 3rd, 2024", [("3", "may", "date"), ("2024", "", "year")]),
        ("$30 may be left", [("30", "dollar", "money")]),
        ("30 may leave", [("30", "", "")]),
        ("zero errors", [("0", "", "")]),
    ],
)
def test_numbers_are_read_however_they_are_written(text: str, expected: list[tuple[str, ...]]):
    assert [(q.value, q.unit, q.kind) for q in quantities(read_words(text))] == expected
