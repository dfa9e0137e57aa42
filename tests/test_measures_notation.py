"""A value is the same however it is written, and another value is another."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.measures.notation import ascii_digits
from graft.measures.quantity import quantities, read_words
from graft.measures.support import support

SAME = [
    ("The rate rose by 7,5 % in May.", "The rate rose by 7.5 per cent in May."),
    ("The rate is 7.5 pct in all.", "The rate is 7.5% in all."),
    ("The office opens at 9:30.", "The office opens at 09:30."),
    ("The office opens at 9.30 am.", "The office opens at 09:30."),
    ("The office opens at 9 a.m.", "The office opens at 09:00."),
    ("The office closes at 17:00.", "The office closes at 5 pm."),
    ("The office closes at 14h30.", "The office closes at 2:30 PM."),
    ("The bolt is 12mm long.", "The bolt is 12 mm long."),
    ("The motor takes 12kWh a day.", "The motor takes 12 kWh a day."),
    ("Water boils at 100 °C here.", "Water boils at 100 degrees Celsius here."),
    ("The lease ends on 14 May 2024.", "The lease ends on 2024-05-14."),
    ("The lease ends on May 14th, 2024.", "The lease ends on 14.05.2024."),
    ("The lease ends on 14 May 2024.", "The lease ends on 14/05/2024."),
    ("The lease ends on 14 May 2024.", "The lease ends on 05/14/2024."),
    ("合同于2024年5月14日签订。", "合同于2024-05-14签订。"),
    ("It holds 1 250 seats.", "It holds 1,250 seats."),
    ("It holds 1\u202f250 seats.", "It holds 1'250 seats."),
    ("The fee is 1.250,00 EUR.", "The fee is 1250 EUR."),
    ("The limit is 1.250.000 EUR.", "The limit is 1,250,000 EUR."),
    ("The fee is 24.90 EUR a month.", "The fee is €24.9 a month."),
    ("It takes 1.5 days to dry.", "It takes 1½ days to dry."),
    ("It holds ٣٠ seats.", "It holds 30 seats."),
    ("छुट्टी १२ दिन की है।", "छुट्टी 12 दिन की है।"),
    ("It holds ５ seats.", "It holds five seats."),
    ("员工可以结转5天假期。", "员工可以结转五天假期。"),
    ("共有十二人参加。", "共有12人参加。"),
    ("价格是三万元。", "价格是30,000元。"),
    ("See section 4 on leave.", "See Section IV on leave."),
    ("Article 9 covers refunds.", "Article IX covers refunds."),
]
OTHER = [
    ("The office opens at 9:30.", "The office opens at 21:30."),
    ("The office opens at 9:45.", "The office opens at 9:30."),
    ("The office closes at 17:00.", "The office closes at 5 am."),
    ("The lease ends on 15 May 2024.", "The lease ends on 2024-05-14."),
    ("The lease ends on 14 June 2024.", "The lease ends on 2024-05-14."),
    ("It holds 1 250 seats.", "It holds 1,520 seats."),
    ("The rate is 75% in May.", "The rate is 7,5% in May."),
    ("员工可以结转十天假期。", "员工可以结转五天假期。"),
    ("十天", "员工可以结转五天假期。"),
    ("第三章规定", "第二章规定"),
    ("छुट्टी १३ दिन की है।", "छुट्टी 12 दिन की है।"),
    ("Article 8 covers refunds.", "Article IX covers refunds."),
    ("Python 3.1 is needed for this.", "Python 3.10 is needed for this."),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_a_value_is_the_same_however_it_is_written(one: str, other: str):
    assert support(one, other).score > 0.75
    assert support(other, one).score > 0.75


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_another_value_is_not_supported(one: str, other: str):
    assert support(one, other).score < 0.5
    assert support(other, one).score < 0.5


@pytest.mark.parametrize(
    "text",
    ["part I saw", "vitamin C", "the mix", "十分重要", "统一规定", "192.168.1.1", "05/06/2024"],
)
def test_what_may_mean_another_thing_stays(text: str):
    assert all(
        word.key == word.written.lower() or word.key in {"5", "6", "2024"}
        for word in read_words(text)
    )


@given(st.dates(date(1000, 1, 1), date(2999, 12, 31)))
def test_a_date_is_read_in_every_form(day: date):
    spelt = {word.key for word in read_words(f"{day.day} {day:%B} {day.year}")}
    for written in (
        f"{day:%Y-%m-%d}", f"{day.day}.{day.month}.{day.year}", f"{day:%d.%m.%Y}",
        f"{day.year}年{day.month}月{day.day}日", f"{day:%B} {day.day}, {day.year}",
    ):  # fmt: skip
        assert {word.key for word in read_words(written)} == spelt


@given(st.integers(0, 10**9))
def test_a_number_is_read_in_every_form(number: int):
    for mark in (",", "\u00a0", "\u202f", "'", " "):
        written = f"{number:,}".replace(",", mark)
        assert [one.value for one in quantities(read_words(f"x {written}."))] == [str(number)]
    arabic = str(number).translate({48 + i: 0x660 + i for i in range(10)})
    assert [one.value for one in quantities(read_words(arabic))] == [str(number)]


@given(st.text())
def test_digits_keep_their_places(text: str):
    assert len(ascii_digits(text)) == len(text)
    for word in read_words(text):
        assert 0 <= word.start <= word.end <= len(text) and word.key


def test_a_numeral_alone_is_found_as_it_is_written():
    text = "The film was made during World War II in Rome. Article IX is on refunds."
    assert support("II", text, question="In which World War was the film made?").score > 0.5
    assert support("World War 2", text).score > 0.75
