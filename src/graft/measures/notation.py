"""Notation: one way of writing for the many in which a number, a date or a time is written.

`1 250`, `1'250`, `1.250,00` and `١٢٥٠` are 1250; `2024-05-14` is 14 May 2024; `09:30` and `9.30 am`
are 9:30; 五 before a counter is 5, and so is V after "section". What may mean two things
(05/06/2024, 1.250) stays as it is written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from graft.measures.words import MONTH_NAMES, UNSPACED

_MONTHS = tuple(map(str.capitalize, MONTH_NAMES.split()))
_HAN = "零〇一二两兩三四五六七八九十百千万萬亿億"
_HAN_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "兩": 2}
_HAN_TIMES = {"十": 10, "百": 100, "千": 1000}
_HAN_LARGE = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_COUNTER = (
    r"(?:天|日|月|年|个|個|小时|小時|时|時|分钟|分鐘|秒|元|块|塊|圆|円|岁|歲|次|页|頁|人|名|位|条|條|章|节|節"
    r"|度|米|公里|公斤|斤|克|吨|噸|台|件|份|张|張|周|週|倍|层|層|号|號|期|本|杯|箱|步|级|級|项|項|部|所|家|国"
    r"|か月|ヶ月|時間|分間|回|歳|階|円)"
)
_FRACTIONS = {"½": ".5", "¼": ".25", "¾": ".75"}
_SIGNS = {"٫": ".", "٬": ",", "％": "%", "٪": "%", "：": ":", "．": ".", "，": ","}
_CLOCK = r"(?<![\d.,:])\d{1,2}"
_NOON = r"(?:[apAP]\.[mM]\.|[apAP][mM]\b)"
WRITTEN = re.compile(
    r"(?<![A-Za-z0-9_-])(?P<iso>\d{4}-\d{2}-\d{2}(?![\d-])(?:T(?=\d))?)"
    r"|(?<![\w.])(?P<dotted>\d{1,2}\.\s?\d{1,2}\.\s?\d{4})(?![\w-])"
    r"|(?<![\w/])(?P<slashed>\d{1,2}/\d{1,2}/\d{4})(?![\w/])"
    r"|(?P<east>(?:\d{4}年)?\d{1,2}月\d{1,2}日)"
    rf"|(?P<clock>{_CLOCK}:\d{{2}}(?::\d{{2}})?(?![\d:])(?:\s?{_NOON})?"
    rf"|{_CLOCK}(?:\.\d{{2}})?\s?(?:{_NOON}|Uhr\b|o['’]clock\b)"
    rf"|{_CLOCK}h\d{{2}}\b|(?<![\d.,])0\d{{3}} ?(?:hours|hrs)\b)"
    r"|(?<![\d.,])(?P<grouped>\d{1,3}"
    r"(?:(?:[ \u00a0\u2009\u202f]\d{3})+|(?:['’]\d{3})+)(?:[.,]\d+)?)"
    r"(?![\d,'’]|\.\d)"
    r"|(?<![\d.,])(?P<comma>\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2,}|\d+,\d{1,2}|0,\d+)"
    r"(?![\d,]|\.\d|[^\W\d_]{1,2}\d)"
    r"|(?P<fraction>\d*\s?[½¼¾])"
    rf"|(?<![{_HAN}])(?P<han>(?:\d+(?:\.\d+)?[万萬亿億千百]|[{_HAN}]+)(?={_COUNTER}|[万萬亿億]))"
    rf"|(?<=第)(?P<ordinal>[{_HAN}]+)"
    rf"|(?P<plain>\d+(?:[.,]\d+)*)(?=[{UNSPACED}])"
    r"|(?P<degrees>°\s?(?:C|F)\b|[℃℉]|\bdegrees? (?:Celsius|centigrade|Fahrenheit|C\b|F\b))"
    r"|(?P<percent>\b(?:per cent|pct)\b)"
)
_ROMAN = re.compile(r"(?=[IVXLC])C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})", re.IGNORECASE)
_NUMBERED = frozenset(
    """section chapter part article annex appendix title volume book phase type stage schedule act
    scene war figure table step clause module unit paragraph para sec art ch vol fig no level class
    category grade tier exhibit attachment division lesson abschnitt kapitel teil artikel""".split()  # noqa: SIM905
)
_HEADED = re.compile(r"(?:^|\n)[ \t]*#{1,6}[ \t]*\Z")


def ascii_digits(text: str) -> str:
    """Return a text of the same length with the digits of all scripts as 0 to 9.

    >>> ascii_digits("٣٠ % of ５"), ascii_digits("१२٫५")
    ('30 % of 5', '12.5')
    """
    if text.isascii():
        return text
    return "".join(c if c.isascii() else _digit(c) for c in text)


def rewritten(match: re.Match[str]) -> Iterator[str]:
    """Yield the words that a match of `WRITTEN` means, in one notation."""
    kind, said = match.lastgroup, match[0]
    numbers = [int(n) for n in re.findall(r"\d+", said)]
    if kind == "iso":
        yield from _date(said, numbers[2], numbers[1], numbers[0])
    elif kind == "dotted":
        yield from _date(said, *numbers)
    elif kind == "slashed":
        day, month, year = numbers
        if (day > 12) == (month > 12):
            yield from map(str, numbers)
        else:
            yield from _date(said, max(day, month), min(day, month), year)
    elif kind == "east":
        yield from _date(said, numbers[-1], numbers[-2], *numbers[:-2])
    elif kind == "clock":
        yield _clock(said, numbers)
    elif kind == "grouped":
        yield re.sub(r"[ \u00a0\u2009\u202f'’]", "", said).replace(",", ".")
    elif kind == "comma":
        whole = said.replace(".", "")
        yield whole.replace(",", ".")
    elif kind == "fraction":
        yield (said[:-1].strip() or "0") + _FRACTIONS[said[-1]]
    elif kind in {"han", "ordinal"}:
        yield _han(said)
    elif kind == "degrees":
        yield "fahrenheit" if said[-1] in "F℉" or "Fahr" in said else "celsius"
    elif kind == "percent":
        yield "percent"
    else:
        yield said


def roman(text: str, start: int, written: str, before: str) -> str:
    """Return what a word counts as a Roman numeral of a section, or the word.

    `before` is the word before it. A single C, D, L or M is a letter.

    >>> roman("section IV", 8, "IV", "section"), roman("the IV", 4, "IV", "the")
    ('4', 'IV')
    """
    if not _ROMAN.fullmatch(written) or (len(written) == 1 and written not in "IVX"):
        return written
    named = before.lower().removesuffix("s") in _NUMBERED
    named = named and (written != "I" or before[0].isupper())
    if not (named or (written.isupper() and _HEADED.search(text, max(0, start - 20), start))):
        return written
    values = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}[c] for c in written.upper()]
    following = [*values[1:], 0]
    return str(sum(-v if v < n else v for v, n in zip(values, following, strict=True)))


def half_of_day(written: str) -> str:
    """Return which half of the day a time as written is in: "am", "pm", or "" where it leaves that.

    A time written in 24 hours has a mark behind it: 9:30 may mean 9:30 pm, but not 21:30.
    """
    lower = written.lower()
    if noon := re.search(r"([ap])\.?m", lower):
        return f"{noon[1]}m"
    hours = int(lower[:2]) if lower[1:2].isdigit() else int(lower[0])
    if hours > 12:
        return "pm24"
    return "am24" if lower[0] == "0" else ""


def plain_decimal(key: str) -> str:
    """Return a number without the zeros that end its decimals.

    >>> plain_decimal("24.90"), plain_decimal("3.0"), plain_decimal("1.2.0")
    ('24.9', '3', '1.2.0')
    """
    if key.count(".") != 1 or not key.endswith("0"):
        return key
    return key.rstrip("0").removesuffix(".")


def _digit(char: str) -> str:
    value = unicodedata.decimal(char, None)
    if value is not None:
        return str(value)
    return {"٫": ".", "٬": ",", "％": "%", "٪": "%", "：": ":", "．": ".", "，": ","}.get(
        char, char
    )


def _date(said: str, day: int, month: int, *year: int) -> Iterator[str]:
    if 1 <= month <= 12 and 1 <= day <= 31:
        yield from (str(day), _MONTHS[month - 1], *map(str, year))
    else:
        yield from re.findall(r"\d+", said)


def _clock(said: str, numbers: list[int]) -> str:
    if numbers[0] >= 100 or (said[0] == "0" and re.match(r"\d{4}", said)):
        numbers = [int(said[:2]), int(said[2:4])]
    hours, minutes = numbers[0], numbers[1] if len(numbers) > 1 else 0
    if hours > 24 or minutes > 59:
        return ":".join(re.findall(r"\d+", said))
    seconds = f":{numbers[2]:02}" if len(numbers) > 2 else ""
    return f"{(hours - 1) % 12 + 1}:{minutes:02}{seconds}"


def _han(said: str) -> str:
    """A number in Chinese characters, or digits with one of ten thousand or more behind them."""
    digits = re.match(r"[\d.]+", said)
    if digits:
        times = _HAN_LARGE.get(said[-1]) or _HAN_TIMES[said[-1]]
        return f"{float(digits[0]) * times:.10g}"
    if all(c in _HAN_DIGITS for c in said):
        return str(int("".join(str(_HAN_DIGITS[c]) for c in said)))
    total = part = digit = 0
    for c in said:
        if c in _HAN_DIGITS:
            digit = _HAN_DIGITS[c]
        elif c in _HAN_TIMES:
            part, digit = part + (digit or 1) * _HAN_TIMES[c], 0
        else:
            total, part, digit = (total + part + digit or 1) * _HAN_LARGE[c], 0, 0
    return str(total + part + digit)
