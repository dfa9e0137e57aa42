"""Condition: the tree behind a Where: comparisons joined by and, or, not."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

Literal: TypeAlias = str | Decimal | date

ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
WORDS = ("and", "or", "not", "in", "has")


@dataclass(frozen=True)
class Compare:
    """A field against one literal; `operator` is one of ORDERS, or "~" with a glob as the text."""

    field: str
    operator: str
    literal: Literal


@dataclass(frozen=True)
class OneOf:
    """A field that equals one of several literals."""

    field: str
    literals: tuple[Literal, ...]


@dataclass(frozen=True)
class Has:
    """A field that a document has, and that is not empty."""

    field: str


@dataclass(frozen=True)
class Not:
    """What the inner condition is not true of."""

    inner: Condition


@dataclass(frozen=True)
class Every:
    """All of two or more conditions."""

    inner: tuple[Condition, ...]


@dataclass(frozen=True)
class Some:
    """At least one of two or more conditions."""

    inner: tuple[Condition, ...]


Condition: TypeAlias = Compare | OneOf | Has | Not | Every | Some


def is_true(condition: Condition, values: Mapping[str, str]) -> bool:
    """Return whether a condition is true of a document with these fields."""
    match condition:
        case Not(inner):
            return not is_true(inner, values)
        case Every(inner):
            return all(is_true(each, values) for each in inner)
        case Some(inner):
            return any(is_true(each, values) for each in inner)
        case Has(name):
            return bool(values.get(name))
        case OneOf(name, literals):
            return name in values and any(_compare("=", values[name], each) for each in literals)
        case Compare(name, sign, literal):
            return name in values and _compare(sign, values[name], literal)


def _compare(sign: str, value: str, literal: Literal) -> bool:
    if isinstance(literal, str):
        return fnmatchcase(value, literal) if sign == "~" else ORDERS[sign](value, literal)
    read = read_number(value) if isinstance(literal, Decimal) else read_day(value)
    return read is not None and ORDERS[sign](read, literal)


def read_number(text: str) -> Decimal | None:
    """Return the number that a text is, exactly as it is written, None where it is none."""
    found = re.fullmatch(r"\s*([+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?)\s*", text)
    return Decimal(found[1]) if found else None


def read_day(text: str) -> date | None:
    """Return the day of an ISO date or time, as it is written there, None where it is none."""
    try:
        return datetime.fromisoformat(text.strip()).date()
    except ValueError:
        return None


def fields_in(condition: Condition) -> Iterator[str]:
    """Yield the name of every field that a condition asks about."""
    match condition:
        case Not(inner):
            yield from fields_in(inner)
        case Every(inner) | Some(inner):
            for each in inner:
                yield from fields_in(each)
        case Compare(name) | OneOf(name) | Has(name):
            yield name


def as_text(condition: Condition, around: str = "") -> str:
    """Return a condition as text, in parentheses where what is around it would read it apart."""
    match condition:
        case Compare(name, sign, literal):
            return f"{_name(name)} {sign} {_literal(literal)}"
        case OneOf(name, literals):
            return f"{_name(name)} in ({', '.join(map(_literal, literals))})"
        case Has(name):
            return f"has {_name(name)}"
        case Not(inner):
            return f"not {as_text(inner, 'not')}"
        case Every(inner) | Some(inner):
            word = "and" if isinstance(condition, Every) else "or"
            text = f" {word} ".join(as_text(each, word) for each in inner)
            return f"({text})" if around and (around, word) != ("or", "and") else text


def _literal(literal: Literal) -> str:
    return quoted(literal) if isinstance(literal, str) else str(literal)


def _name(name: str) -> str:
    return name if is_name(name) else quoted(name)


def is_name(text: str) -> bool:
    """Return whether a field's name may stand without quotes."""
    return re.fullmatch(r"[^\W\d][\w.-]*", text) is not None and text.lower() not in WORDS


def quoted(text: str) -> str:
    """Return a text in double quotes."""
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
