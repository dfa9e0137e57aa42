"""Conditions on metadata: what they mean, that they survive printing, and how errors read."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.core.condition import ORDERS, Compare, Condition, Every, Has, Not, OneOf, Some
from graft.core.errors import InputError
from graft.core.where import DEEPEST, Where, fields_of, parse_where

DOCUMENT = fields_of(
    "hr/leave.md", "Leave [2024]", "text/markdown",
    {
        "year": "2024", "rate": " 7.50 ", "team": "legal", "valid": "2024-05-01T23:30:00+02:00",
        "Fee 2025": "12", "not": "x", "empty": "", "id": "hidden", "quote": 'a "b" \\ c',
        "version": "1.10", "day": "20240501", "sign": "-3e2",
    },
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("year >= 2023", True),
        ("year = 2024.0", True),
        ("year < 300", False),  # numbers, not texts: "2024" < "300" is true
        ('year < "300"', True),
        ("rate = 7.5", True),
        ('rate = "7.5"', False),
        ("version = 1.1 and version != 1.09", True),
        ('version = "1.1"', False),
        ("sign = -300", True),
        ("sign<-299.5", True),
        ("team = 3", False),  # what is no number matches no comparison of numbers
        ("team != 3", False),
        ("not team = 3", True),
        ("missing != 3", False),
        ('not missing = "x"', True),
        ("valid = 2024-05-01", True),  # by the day that is written there
        ("valid > 2024-04-30 and valid <= 2024-05-01", True),
        ("year = 2024-01-01", False),
        ("day = 2024-05-01", True),
        ('team in ("hr", "legal")', True),
        ('team not in ("hr", "legal")', False),
        ("year in (1, 2024)", True),
        ("year in ('2023', 2024-01-01)", False),
        ('id ~ "hr/*"', True),  # a metadata key called id hides nothing
        ('id ~ "HR/*"', False),
        ('title ~ "*[[]2024]"', True),
        ('media_type = "text/markdown"', True),
        ('"Fee 2025" < 12.5', True),
        ('"not" = "x"', True),
        ("has team and not has missing and not has empty", True),
        (r'quote = "a \"b\" \\ c"', True),
        ("""team = 'legal' AND NOT (year = 1 OR year = 2)""", True),
        # and binds more tightly than or, not more tightly than both
        ("year = 2024 or year = 1 and year = 2", True),
        ("(year = 2024 or year = 1) and year = 2", False),
        ("not year = 1 and year = 2024", True),
        ("\n year\t=\n2024 ", True),
    ],
)
def test_a_condition_means_what_it_says(text: str, right: bool) -> None:
    where = parse_where(text)
    assert where.matches(DOCUMENT) is right
    assert parse_where(str(where)) == where


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("", 1, "year >= 2023"),
        ("year == 2023", 6, "no operator '==': write ="),
        ("year <> 2023", 6, "no operator '<>': write !="),
        ("year =< 2023", 6, "no operator '=<': write <="),
        ('team like "l*"', 6, "no operator 'like': write ~"),
        ('team inn ("l")', 6, "no operator 'inn': write in"),
        ("year = 1 && year = 2", 10, "join conditions with and"),
        ("year = 1 year = 2", 10, "join conditions with and, or"),
        ("team = legal", 8, 'write text in quotes, "legal"'),
        ("valid > 2024-02-30", 9, "no date"),
        ("size = 5mm", 8, '"5mm"'),
        ("n = nan", 5, '"nan"'),
        ("n = ١٢", 5, "no number"),
        ("year", 5, "write one of = != < <= > >= ~ in"),
        ("year =", 7, "got 'the end'"),
        ("2023 <= year", 1, "got '2023': write a field"),
        ("id ~ 12", 6, '"12*"'),
        ('team in "a"', 9, 'write a list, as in ("a", "b")'),
        ('team in ("a" "b")', 14, "write , between values"),
        ("team in ()", 10, "no number"),
        ("(year = 1", 10, "write ) to close"),
        ("year = 1)", 9, "join conditions"),
        ('team = "legal', 8, "never closed"),
        ("team = “legal”", 8, "cannot stand here: quote"),
        ("has", 4, "got 'the end'"),
        ("not", 4, "got 'the end'"),
        ("year = 1 and", 13, "got 'the end'"),
        ("and year = 1", 1, "got 'and'"),
        ("a not = 1", 7, "write not before the field"),
        ("(" * (DEEPEST + 1) + "a = 1", DEEPEST + 1, "nested more than"),
        ("not " * 5000 + "a = 1", 4 * DEEPEST + 1, "nested more than"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, place: int, told: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_where(text)
    message = str(caught.value)
    assert f"at character {place}: " in message and told in message and "\n" not in message


NAMES = st.text(min_size=1) | st.sampled_from(["year", "not", "In", "a-b.c", "2x", "é", '"', "\\"])
LITERALS = (
    st.text()
    | st.dates()
    | st.decimals(allow_nan=False, allow_infinity=False).filter(
        lambda n: abs(n.adjusted()) < 900 and len(n.as_tuple().digits) < 50
    )
    | st.integers(-(10**9), 10**9).map(Decimal)
)
LEAVES: st.SearchStrategy[Condition] = (
    st.builds(Compare, NAMES, st.sampled_from(list(ORDERS)), LITERALS)
    | st.builds(Compare, NAMES, st.just("~"), st.text())
    | st.builds(OneOf, NAMES, st.lists(LITERALS, min_size=1, max_size=3).map(tuple))
    | st.builds(Has, NAMES)
)


def joined(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(Not, inner) | st.builds(Every, several) | st.builds(Some, several)


TREES = st.recursive(LEAVES, joined, max_leaves=12)
VALUES = st.dictionaries(
    st.sampled_from(["year", "team", "é"]),
    st.sampled_from(["2024", "legal", "", "2024-05-01", "-1"]) | st.text(),
)


@given(TREES, VALUES)
def test_what_is_printed_is_read_back_as_the_same(tree: Condition, values: dict[str, str]) -> None:
    where = Where(tree)
    again = parse_where(str(where))
    assert again == where and hash(again) == hash(where)
    assert again.matches(values) is where.matches(values)


@given(st.text(alphabet="ab1\"'()<>=!~,. \\-", max_size=30) | st.text(max_size=30))
def test_any_text_is_read_or_refused_in_one_sentence(text: str) -> None:
    try:
        where = parse_where(text)
    except InputError as error:
        assert "at character" in str(error)
    else:
        assert parse_where(str(where)) == where


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(-500, 500))
def test_dates_compare_as_days(day: date, offset: int) -> None:
    values = {"at": f"{day + timedelta(offset)}T10:00:00Z"}
    for sign, compare in ORDERS.items():
        right: Any = compare(day + timedelta(offset), day)
        assert parse_where(f"at {sign} {day}").matches(values) is right


def test_a_condition_knows_its_fields_and_can_be_a_key() -> None:
    where = parse_where('a = 1 and not (has b or "c d" in ("x"))')
    assert where.fields == {"a", "b", "c d"}
    assert {where: 1}[parse_where(str(where))] == 1
