"""Number formats of spreadsheets: what a person sees of a value (ECMA-376 part 1, 18.8.31)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache

from graft.library.readers.dateformat import date_text
from graft.library.readers.tables import cell_text

BUILTIN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 5: "$#,##0;($#,##0)", 6: "$#,##0;($#,##0)",
    7: "$#,##0.00;($#,##0.00)", 8: "$#,##0.00;($#,##0.00)", 9: "0%", 10: "0.00%", 11: "0.00E+00",
    12: "# ?/?", 13: "# ??/??", 14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy",
    18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd hh:mm",
    **dict.fromkeys([*range(27, 32), 36, *range(50, 55), 57, 58], "yyyy-mm-dd"),
    **dict.fromkeys([32, 33, 34, 35, 55, 56], "h:mm:ss"),
    37: "#,##0;(#,##0)", 38: "#,##0;(#,##0)", 39: "#,##0.00;(#,##0.00)",
    40: "#,##0.00;(#,##0.00)", 41: "#,##0;(#,##0);-", 42: "$#,##0;($#,##0);$-",
    43: "#,##0.00;(#,##0.00);-", 44: "$#,##0.00;($#,##0.00);$-", 45: "mm:ss", 46: "[h]:mm:ss",
    47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
}  # fmt: skip
"""Formats that files name by number alone. Dates that follow the viewer's region are ISO dates."""

_TOKEN = re.compile(
    r'"([^"]*)"?|\\(.)|_(?:.|$)|\*(?:.|$)|\[([^\]]*)\]|(General)|(E[+-])|(AM/PM|A/P)'
    r"|(y+|m+|d+|h+|s+|e+|g+|b+)(?![a-z])|([0#?])|(.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)(-?[\d.]+(?:E[+-]?\d+)?)", re.IGNORECASE)
_GROUPS = ("", "text", "escaped", "bracket", "general", "exponent", "noon", "date", "digit", "sign")

Token = tuple[str, str]
"""A kind ("text", "digit", "sign", "date", "elapsed", "noon", "exponent", "general"), its text."""


@dataclass(frozen=True)
class Section:
    """One part of a format between semicolons: its tokens, and the condition that it is for."""

    tokens: tuple[Token, ...]
    condition: tuple[str, Decimal] | None = None

    @property
    def is_date(self) -> bool:
        """Whether it shows a point in time or a duration."""
        return any(kind in ("date", "elapsed", "noon") for kind, _ in self.tokens)

    def fits(self, value: Decimal) -> bool:
        """Return whether a value meets the section's condition."""
        sign, bound = self.condition or ("=", value)
        order = (value > bound) - (value < bound)
        return order in {"<": (-1,), ">": (1,), "=": (0,), "<=": (-1, 0), ">=": (1, 0)}.get(
            sign, (-1, 1)
        )


def shown_number(value: float | Decimal, code: str, *, since_1904: bool = False) -> str:
    """Return a number as its format shows it; a code that cannot be read shows it as it is.

    >>> [shown_number(0.075, "0.0%"), shown_number(1234.5, '"$"#,##0.00'), shown_number(7, "000")]
    ['7.5%', '$1,234.50', '007']
    >>> shown_number(46096, "dd.mm.yyyy"), shown_number(1.5, "[h]:mm"), shown_number(2.25, "# ?/?")
    ('15.03.2026', '36:00', '2 1/4')
    """
    try:
        number = value if isinstance(value, Decimal) else Decimal(repr(value))
    except InvalidOperation:
        return str(value)
    if not number.is_finite() or abs(number.adjusted()) > 320:
        return cell_text(float(number))
    sections = parse_format(code)
    section, number = _chosen(sections, number)
    if section is None or any(kind == "general" for kind, _ in section.tokens):
        return "".join(
            cell_text(float(number)) if kind == "general" else text
            for kind, text in (section.tokens if section else (("general", ""),))
        )
    if section.is_date:
        shown = date_text(number, section.tokens, since_1904=since_1904)
        return cell_text(float(number)) if shown is None else " ".join(shown.split())
    return " ".join(_number(number, list(section.tokens)).split())


@lru_cache(maxsize=512)
def parse_format(code: str) -> tuple[Section, ...]:
    """Return the sections of a format code; those for text are left out."""
    sections: list[Section] = []
    tokens: list[Token] = []
    condition = None
    for found in _TOKEN.finditer(code):
        group, text = _GROUPS[found.lastindex or 0], found[found.lastindex or 0]
        if group == "sign" and text == ";":
            sections.append(Section(tuple(tokens), condition))
            tokens, condition = [], None
        elif group == "bracket":
            if compared := _CONDITION.fullmatch(text):
                condition = (compared[1], Decimal(compared[2]))
            elif text.startswith("$"):
                tokens.append(("text", text[1:].partition("-")[0]))
            elif re.fullmatch(r"h+|m+|s+", text, re.IGNORECASE):
                tokens.append(("elapsed", text.lower()))
        elif group == "escaped":
            tokens.append(("text", text))
        elif group == "":
            tokens.append(("text", " " if found.group().startswith("_") else ""))
        else:
            tokens.append((group, text.lower() if group == "date" else text))
    sections.append(Section(tuple(tokens), condition))
    if len(sections) > 1 and any(text == "@" for _, text in sections[-1].tokens):
        sections.pop()
    return tuple(sections[:3])


def _chosen(sections: tuple[Section, ...], number: Decimal) -> tuple[Section | None, Decimal]:
    """Return the section for a number, and the number that it shows: most show no sign."""
    if any(section.condition for section in sections):
        for place, section in enumerate(sections):
            last = place == len(sections) - 1 and section.condition is None
            if last or (section.condition and section.fits(number)):
                signed = number < 0 and section.condition and section.condition[0] in "<>"
                negative = signed and section.condition is not None and section.condition[1] <= 0
                return section, abs(number) if negative and place < 2 else number
            if section.condition is None and (number > 0 if place == 0 else number < 0):
                return section, abs(number)
        return None, number
    if number < 0 and len(sections) > 1:
        return sections[1], -number
    if number == 0 and len(sections) > 2:
        return sections[2], number
    return sections[0], number


def _number(number: Decimal, tokens: list[Token]) -> str:
    if not any(kind == "digit" for kind, _ in tokens):
        shown = "".join(cell_text(float(number)) if t == "@" else t for _, t in tokens)
        return "-" + shown if number < 0 and shown.strip() and "@" not in shown else shown
    number = number.scaleb(2 * sum(t == "%" and k == "sign" for k, t in tokens))
    slash = next((i for i, t in enumerate(tokens) if t == ("sign", "/")), None)
    if slash is not None and any(kind == "digit" for kind, _ in tokens[:slash]):
        return _fraction(number, tokens, slash)
    last = max(i for i, (kind, _) in enumerate(tokens) if kind == "digit")
    while last + 1 < len(tokens) and tokens[last + 1] == ("sign", ","):
        number = number.scaleb(-3)
        del tokens[last + 1]
    power = next((i for i, (kind, _) in enumerate(tokens) if kind == "exponent"), None)
    if power is not None:
        return _scientific(number, tokens, power)
    shown = _decimal(abs(number), tokens)
    return "-" + shown if number < 0 and re.search(r"[1-9]", shown) else shown


def _decimal(number: Decimal, tokens: list[Token]) -> str:
    """Return a number that is not negative in its placeholders, with the signs between them."""
    point = next((i for i, t in enumerate(tokens) if t == ("sign", ".")), len(tokens))
    places = sum(kind == "digit" for kind, _ in tokens[point:])
    rounded = number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _context())
    whole, _, rest = f"{rounded:f}".partition(".")
    return _whole(whole.lstrip("0"), tokens[:point]) + _rest(rest, tokens[point:])


def _whole(digits: str, tokens: list[Token]) -> str:
    places = [i for i, (kind, _) in enumerate(tokens) if kind == "digit"]
    first, last = (places[0], places[-1]) if places else (len(tokens), -1)
    grouped = ("sign", ",") in tokens[first:last]
    out: list[str] = []
    count = 0
    for i in reversed(range(len(tokens))):
        kind, text = tokens[i]
        if kind != "digit":
            out += [] if (kind, text) == ("sign", ",") and first < i < last else [text]
            continue
        taken = digits if i == first else digits[-1:]
        digits = "" if i == first else digits[:-1]
        for digit in reversed(taken or ("0" if text == "0" else "")):
            out += [","] if grouped and count and count % 3 == 0 else []
            out.append(digit)
            count += 1
    if not places:
        out.append(digits)
    return "".join(reversed(out))


def _rest(digits: str, tokens: list[Token]) -> str:
    needed = [text == "0" for kind, text in tokens if kind == "digit"]
    keep = len(digits.rstrip("0"))
    keep = max([keep, *(i + 1 for i, wanted in enumerate(needed) if wanted)])
    out, place = [], 0
    for kind, text in tokens:
        if kind == "digit":
            out.append(digits[place] if place < keep else "")
            place += 1
        elif (kind, text) != ("sign", ".") or place or keep or not needed:
            out.append(text)
    return "".join(out)


def _scientific(number: Decimal, tokens: list[Token], power: int) -> str:
    mantissa, exponent = tokens[:power], tokens[power:]
    point = next((i for i, t in enumerate(mantissa) if t == ("sign", ".")), len(mantissa))
    wide = max(1, sum(kind == "digit" for kind, _ in mantissa[:point]))
    places = sum(kind == "digit" for kind, _ in mantissa[point:])
    size = number.adjusted() // wide * wide if wide > 1 else number.adjusted()
    size = 0 if number == 0 else size
    scaled = abs(number).scaleb(-size)
    if scaled.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _context()) >= 10**wide:
        size, scaled = size + wide, scaled.scaleb(-wide)
    plus = "+" if exponent[0][1].endswith("+") else ""
    digits = sum(kind == "digit" for kind, _ in exponent)
    tail = "".join(text for kind, text in exponent[1:] if kind != "digit")
    shown = f"{_decimal(scaled, mantissa)}E{'-' if size < 0 else plus}{abs(size):0{digits}d}{tail}"
    return "-" + shown if number < 0 else shown


def _fraction(number: Decimal, tokens: list[Token], slash: int) -> str:
    after = "".join(text for _, text in tokens[slash + 1 :])
    fixed = re.match(r"\s*([1-9]\d*)", after)
    before = "".join(text if kind == "digit" else " " for kind, text in tokens[:slash])
    groups = before.split()
    size = abs(Fraction(number))
    limit = 10 ** max(1, min(7, len(re.sub(r"[^0#?]", "", after)))) - 1
    near = (
        Fraction(round(size * int(fixed[1])), int(fixed[1]))
        if fixed
        else size.limit_denominator(limit)
    )
    whole = int(near) if len(groups) > 1 else 0
    part = near - whole
    under = int(fixed[1]) if fixed else part.denominator
    over = int(part * under)
    lead = "".join(text for kind, text in tokens[:slash] if kind == "text").strip()
    shown = f"{over}/{under}" if over or len(groups) < 2 else ""
    told = " ".join(filter(None, [str(whole) if whole or not shown else "", shown]))
    return f"{'-' if number < 0 and near else ''}{lead}{told}"


def _context() -> Context:
    """Enough digits for what a format can ask of a float."""

    return Context(prec=700)
