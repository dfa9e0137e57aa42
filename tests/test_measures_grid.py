"""Cells of a table count with their header and unit, and a statement is one row's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.answer.cite import cite
from graft.core.document import Passage
from graft.measures.grid import read_header
from graft.measures.source import read_source
from graft.measures.support import find_evidence, support

PRICES = """# Prices

All prices are without tax.

| Part | Colour | Unit price EUR | Length (mm) | Share in % |
|---|---|---:|---|---|
| PX-1250 | blue | 25.00 | 120 | 7.5 |
| PX-1300 | red | 24.90 | 90 | 12 |
| QR-77 | green | 31.50 | 1 250 | 3 |
"""
FEES = """| Route | Fee 2025 | Fee 2026 |
|---|---|---|
| Day mooring | 9 | 10 |
| Night mooring | 12 | 14 |
| Winter berth | 150 | 160 |"""
LEAVE = """| Kind | Days | Notice |
| --- | --- | --- |
| Parental leave | 60 | 8 weeks |
| Study leave | 5 | 2 weeks |"""
PEOPLE = """| Name | Age | City |
|---|---|---|
| Ada Okafor | 41 | Lagos |
| Ben Ruiz | 38 | Lima |
| Cleo Hahn | 41 | Bonn |"""

RIGHT = [
    (PRICES, "25.00 EUR"), (PRICES, "120 mm"), (PRICES, "PX-1250 costs 25.00 EUR."),
    (PRICES, "PX-1300 costs €24.90."), (PRICES, "PX-1300 costs EUR 24.9."),
    (PRICES, "The PX-1250 is 120 mm long."), (PRICES, "QR-77 is 1,250 mm long."),
    (PRICES, "Its share is 7.5 percent for PX-1250."),
    (PRICES, "PX-1250 is blue and PX-1300 is red."),
    (PRICES, "The unit price of PX-1250 is 25.00 EUR and that of PX-1300 is 24.90 EUR."),
    (PRICES, "The blue part PX-1250 has a unit price of 25 EUR and a length of 120 mm."),
    (PRICES, "All prices are without tax."), (FEES, "The fee for night mooring in 2025 is 12."),
    (FEES, "In 2026 night mooring costs 14."), (FEES, "Night mooring: 12 (2025), 14 (2026)."),
    (LEAVE, "Parental leave is 60 days."), (LEAVE, "Staff get five days of study leave."),
    (LEAVE, "Study leave needs 2 weeks of notice."),
    (PEOPLE, "Ada Okafor is 41 and lives in Lagos."),
    (PEOPLE, "The city of Cleo Hahn is Bonn."), (PEOPLE, "Ada Okafor and Cleo Hahn are 41."),
]  # fmt: skip
WRONG = [
    (PRICES, "PX-1250 costs 24.90 EUR."), (PRICES, "PX-1250 costs 120 EUR."),
    (PRICES, "PX-1250 costs 25.00 USD."), (PRICES, "The PX-1300 is 120 mm long."),
    (PRICES, "The red part is PX-1250."), (PRICES, "The unit price of PX-1250 is 31.50 EUR."),
    (PRICES, "The green part PX-1300 has a unit price of 24.90 EUR."),
    (PRICES, "The blue part PX-1250 with a length of 90 mm costs 25 EUR."),
    (PRICES, "PX-1250 is blue and PX-1300 is green."),
    (PRICES, "The unit price of PX-1250 is 24.90 EUR and that of PX-1300 is 25.00 EUR."),
    (FEES, "The fee for night mooring in 2025 is 14."), (FEES, "In 2026 day mooring costs 14."),
    (FEES, "The fee for night mooring in 2025 is 9."),
    (FEES, "The winter berth costs 160 in 2025."),
    (LEAVE, "Parental leave is 5 days."), (LEAVE, "Study leave needs 8 weeks of notice."),
    (PEOPLE, "Ben Ruiz lives in Lagos."), (PEOPLE, "Ada Okafor is 38."),
    (PEOPLE, "Ben Ruiz is 41 years old."),
]  # fmt: skip


@pytest.mark.parametrize(("table", "said"), RIGHT)
def test_what_a_row_says_is_supported(table: str, said: str):
    assert support(said, table).score >= 0.5


@pytest.mark.parametrize(("table", "said"), WRONG)
def test_what_another_row_or_column_says_is_not(table: str, said: str):
    assert support(said, table).score < 0.5


def test_a_price_asked_for_is_that_of_its_row():
    asked = "What is the unit price of PX-1250?"
    assert support("25.00 EUR", PRICES, question=asked).score > 0.9
    assert support("24.90 EUR", PRICES, question=asked).score < 0.5


def test_a_units_name_is_told_from_a_word():
    header = "| Part | Unit price EUR | Length (mm) | Days | Min | Max (m) | Share % | Mass in kg |"
    assert read_header(header).units == (
        "", "euro", "millimetr", "day", "", "metr", "percent", "kilogram",
    )  # fmt: skip


def test_a_later_piece_of_a_table_has_its_header_as_a_heading():
    rows = "| PX-1250 | blue | 25.00 |\n| PX-1300 | red | 24.90 |"
    head = "Part | Colour | Unit price EUR"
    asked = "What is the unit price of PX-1250?"
    source = read_source(rows, context=head, header=head)
    right, wrong = (find_evidence(it, source, question=asked) for it in ("25 EUR", "24.90 EUR"))
    assert right.score > 0.9 and wrong.score < 0.5
    passage = Passage("p", "a.md", 0, len(rows), rows, "s", "Prices", headings=("Prices", head))
    assert cite("25.00 EUR", [passage], question=asked).support > 0.9
    assert cite("24.90 EUR", [passage], question=asked).support < 0.5


@given(st.lists(st.sampled_from(["|", "\n", "a", "12 EUR", "\\|", "---", " ", "No.", "x-1"])))
def test_any_table_is_read(parts: list[str]):
    text = "".join(parts)
    found = support("a costs 12 EUR.", text)
    assert 0 <= found.start <= found.end <= len(text) and 0 <= found.score <= 1
