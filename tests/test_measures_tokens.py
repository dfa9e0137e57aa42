"""Signs that carry meaning keep answers apart, and ways of writing that do not, do not."""

from __future__ import annotations

import pytest

from graft.measures.text import exact_match, token_f1
from graft.measures.tokens import answer_tokens, folded

APART = {
    "names": (
        "C C++ C#", "g g++", "notepad notepad++", "F F#", "A A+ A- A*", "O+ O- O",
        "Na Na+", "Ca2 Ca2+", "Cl Cl-", "node.js nodejs",
        "os.path ospath", "main.c main.h mainc", ".env env", ".NET NET", "foo_bar foobar",
        "__init__ init", "--flag flag", "-v v", "*args args **kwargs", "@property property",
        "#define define", "$HOME HOME", "&str str", "a/b ab", "/etc etc", "~/x x", "a->b a.b",
        "std::vector std.vector", "me@host.org mehostorg", "x=y xy", "x|y xy", "c:\\x cx",
    ),
    "numbers": (
        "3.11 31.1 311", "v1.2.3 v12.3 v1.23 123", "0.5 5 .5", "10:30 1030", "3:16 31:6",
        "1990-2000 19902000", "1-2 12 -12", "-5 5 +5", "1e-5 1e5", "3,14 314 31,4", "1,2,3 123",
        "192.168.1.1 192.16.81.1", "1/2 12", "<5 >5 <=5 5", "10² 102", "5½ 51/2",
        "2020-01-05 20200105",
    ),
    "amounts": (
        "50% 50 5.0%", "$3 3 €3 £3", "3.5% 35%", "-$5 $5", "US$3 $3 A$3", "5°C 5°F 5", "٥٪ ٥",
        "12‰ 12%",
    ),
    "operators": (
        "+= -= =", "== = === !=", "-> => <-", "&& & ||", "<< < <=", "() [] {}", "? ! .", "** *",
        ":: :", "\"\" ''", "// /", "%", "@ #", "~ ^",
    ),
    "expressions": ("x|+=|1 x|=|1 x|-=|1", "a|==|b a|!=|b a|b", "2|*|3 2|**|3 2|+|3"),
}  # fmt: skip
"""Texts of which no two are equal; "|" stands for a space in expressions."""

ALIKE = {
    "ends of sentences": (
        "C++|C++.|(C++)|`C++`|**C++**|\"C++\",", "3.11|3.11.|(3.11)|3.11,|“3.11”", "+=|`+=`|(+=).",
        "?|`?`|the ?", "()|`()`",
        "node.js|Node.js!|node.js?", "50%|50%.|(50%),", "-5|-5.|−5|–5|(-5)", "--flag|--flag,",
        "print|print()|print().|`print()`", "foo_bar|FOO_BAR.|*foo_bar*", "5|5.|5!|$5$",
        "x^2|$x^2$|x²", "yes|*yes*|**Yes.**|- yes|* yes|# Yes",
    ),
    "thousands": (
        "1000|1,000|1'000|1’000|1_000|1\u00a0000|1\u202f000|１，０００",
        "1000000|1,000,000|10,00,000", "12345.67|12,345.67", "$1000|$1,000|1,000 $|$ 1000", 
        "-1000|-1,000|−1,000", "1000%|1,000 %", "٤٠٠٠|٤٬٠٠٠|4,000",
    ),
    "amounts": (
        "50%|50 %|٥٠٪|５０％|%50", "$3|$ 3|3$|3 $", "€3|3 €|3€", "5°C|5 °C|5℃", ">5|> 5",
        "$3m|$ 3m|3m$",
    ),
    "as SQuAD": (
        "well-known|wellknown|well‐known", "don't|dont|don’t|don´t", "U.S.|US|u.s", "e.g.|eg|E.G.",
        "Ph.D.|PhD", "M.Sc.|MSc", "U.S.-led|usled", "COVID-19|covid19", "18-year-old|18yearold",
        "Tom & Jerry|Tom Jerry", "p.m.|pm", "the cat|a cat|cat", "'90s|90s|’90s", "AT&T|ATT",
    ),
    "forms": (
        "Straße|STRASSE|strasse", "Ｐｙｔｈｏｎ|python", "ﬁle|file", "ﾃｽﾄ|テスト",
        "Σίσυφος|ΣΊΣΥΦΟΣ", "H₂O|H2O", "3.14|3·14|३.१४|٣٫١٤", "naïve|nai\u0308ve",
        "half\u00adway|halfway", "Java™|Java", "F♯|F#",
    ),
    "other punctuation": (
        "भारत|भारत।|“भारत”", "القاهرة|القاهرة،|القاهرة؟|«القاهرة»", "Москва|«Москва».|„Москва“",
        "Qué|¿Qué?", "北京|北京。|「北京」|《北京》|北 京", "ไทย|ไทย๚", "မြန်မာ|မြန်မာ။",
        "ខ្មែរ|ខ្មែរ។", "彼得·潘|彼得潘", "כן|״כן״",
    ),
}  # fmt: skip
"""Ways of writing one answer, between "|"."""


@pytest.mark.parametrize("kind", APART)
def test_signs_that_carry_meaning_keep_answers_apart(kind: str) -> None:
    for line in APART[kind]:
        texts = [text.replace("|", " ") if kind == "expressions" else text for text in line.split()]
        for one in texts:
            equal = [two for two in texts if exact_match(one, [two])]
            assert equal == [one], (one, equal)


@pytest.mark.parametrize("kind", ALIKE)
def test_one_answer_may_be_written_in_many_ways(kind: str) -> None:
    for line in ALIKE[kind]:
        first, *others = line.split("|")
        for other in others:
            assert exact_match(other, [first]) == 1.0, (answer_tokens(first), answer_tokens(other))


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ("北京", "北京市", 4 / 5),  # Chinese: two of two and three characters
        ("東京タワー", "タワー", 6 / 8),  # Japanese
        ("กรุงเทพ", "เทพ", 6 / 9),  # Thai: six characters, a vowel sign is none of its own
        ("ວຽງຈັນ", "ຈັນ", 4 / 7),  # Lao
        ("ភ្នំពេញ", "ពេញ", 4 / 6),  # Khmer
        ("ရန်ကုန်", "ကုန်", 4 / 6),  # Burmese
        ("iPhone 15手机", "手机 iPhone", 6 / 7),  # mixed: two characters and two words
        ("नई दिल्ली", "दिल्ली", 2 / 3),  # Hindi: words with their marks
        ("مدينة القاهرة", "القاهرة", 2 / 3),  # Arabic
        ("город Москва", "Москва", 2 / 3),  # Cyrillic
        ("서울 특별시", "서울", 2 / 3),  # Korean has spaces
    ],
)
def test_scripts_without_spaces_share_characters_and_others_words(
    one: str, two: str, expected: float
) -> None:
    assert token_f1(one, [two]) == token_f1(two, [one]) == pytest.approx(expected)


def test_what_shares_nothing_scores_nothing() -> None:
    for one, two in (("50%", "60%"), ("$3", "$4"), ("53°N", "66°N"), ("C++", "C#"), ("日", "月")):
        assert token_f1(one, [two]) == 0.0


def test_folding_leaves_ascii_but_for_case() -> None:
    text = "".join(map(chr, range(128)))
    assert folded(text) == text.lower()
