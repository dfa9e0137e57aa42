"""Where: a condition on a document's metadata, read from text and printed back to it.

    year >= 2023 and team in ("legal", "hr") and not (media_type = "application/pdf")
    id ~ "hr/*" or has reviewed or "Fee 2025" < 12.5 or valid_until > 2026-01-31

A literal says how a field is compared: a number with fields that are numbers, a date with fields
that are ISO dates or times (by their day), text in quotes with the text as it stands. A field that
a document lacks, or that is not what the literal is, matches no comparison, `!=` included:
`not team = "legal"` is also true of documents without a team.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from graft.core.condition import (
    ORDERS,
    WORDS,
    Compare,
    Condition,
    Every,
    Has,
    Literal,
    Not,
    OneOf,
    Some,
    as_text,
    fields_in,
    is_name,
    is_true,
    quoted,
    read_day,
    read_number,
)
from graft.core.errors import InputError, nearest

OPERATORS = (*ORDERS, "~", "in")
ELSEWHERE = {
    "==": "=", "===": "=", "is": "=", "equals": "=", "<>": "!=", "!": "not", "&": "and",
    "&&": "and", "|": "or", "||": "or", "like": "~", "glob": "~", "matches": "~", "=~": "~",
    "=<": "<=", "=>": ">=",
}  # fmt: skip
"""What other languages call an operator, and what it is here."""

DEEPEST = 50
"""How deep parentheses and `not` may stand in each other: reading is recursive."""


@dataclass(frozen=True)
class Where:
    """A condition on `id`, `title`, `media_type` and metadata keys; `str` gives what it reads.

    >>> where = parse_where('year >= 2023 and not team = "legal"')
    >>> where.matches({"year": "2024", "team": "hr"}), where.matches({"year": "last"})
    (True, False)
    >>> str(where)
    'year >= 2023 and not team = "legal"'
    """

    condition: Condition

    def matches(self, values: Mapping[str, str]) -> bool:
        """Return whether it is true of a document with these fields."""
        return is_true(self.condition, values)

    @property
    def fields(self) -> frozenset[str]:
        """The names of all fields that it asks about."""
        return frozenset(fields_in(self.condition))

    def __str__(self) -> str:
        return as_text(self.condition)


FIELDS = frozenset({"id", "title", "media_type"})
"""What every document has beside its metadata."""


def fields_of(id: str, title: str, media_type: str, metadata: Mapping[str, str]) -> dict[str, str]:
    """Return a document's fields, as `Where.matches` takes them; a metadata key hides none."""
    return {**metadata, "id": id, "title": title, "media_type": media_type}


def parse_where(text: str) -> Where:
    """Read a condition. Raises InputError, with the position and what to write.

    >>> parse_where("year == 2023")
    Traceback (most recent call last):
    graft.core.errors.InputError: cannot read the condition 'year == 2023' at character 6: there \
is no operator '==': write =
    """
    return Where(_Parser(text).whole())


TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
        |(?P<bare>[\w.+-][\w.:+-]*)
        |(?P<bracket>[(),])
        |(?P<sign>[=!<>~&|]+)
    )""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class _Token:
    """One word of the text: its kind (a group of TOKEN, or "end"), and where it starts."""

    kind: str
    text: str
    start: int


class _Parser:
    """Reads: some = every {"or" every}; every = one {"and" one}; one = "not" one | "(" some ")"."""

    def __init__(self, text: str) -> None:
        self.source = text
        self.depth = 0
        self.tokens = list(self._split())
        self.tokens.reverse()

    def whole(self) -> Condition:
        found = self._some()
        if self._next.kind != "end":
            word = ELSEWHERE.get(self._next.text, "and, or")
            self._refuse(f"{self._next.text!r} cannot stand here: join conditions with {word}")
        return found

    def _split(self) -> Iterator[_Token]:
        end = len(self.source.rstrip())
        at = 0
        while at < end:
            found = TOKEN.match(self.source, at)
            if found is None:
                at += len(self.source[at:]) - len(self.source[at:].lstrip())
                wrong = self.source[at]
                closed = "is never closed: write it again at the end of the text"
                told = closed if wrong in "\"'" else "cannot stand here: quote names and text"
                self._refuse(f"{wrong!r} {told}", at)
            kind = str(found.lastgroup)
            yield _Token(kind, found[kind], found.start(kind))
            at = found.end()
        yield _Token("end", "the end", end)

    def _some(self) -> Condition:
        return self._joined("or", Some, self._every)

    def _every(self) -> Condition:
        return self._joined("and", Every, self._one)

    def _joined(
        self, word: str, made: type[Every] | type[Some], part: Callable[[], Condition]
    ) -> Condition:
        found = [part()]
        while self._take(word):
            found.append(part())
        return made(tuple(found)) if len(found) > 1 else found[0]

    def _one(self) -> Condition:
        self.depth += 1
        if self.depth > DEEPEST:
            self._refuse(f"it is nested more than {DEEPEST} deep: write it with fewer parentheses")
        found: Condition
        if self._take("not"):
            found = Not(self._one())
        elif self._take("("):
            found = self._some()
            if not self._take(")"):
                self._refuse(f"got {self._next.text!r}: write ) to close the parenthesis")
        else:
            found = Has(self._field()) if self._take("has") else self._comparison()
        self.depth -= 1
        return found

    def _comparison(self) -> Condition:
        name = self._field()
        negated = self._take("not")
        if self._take("in"):
            literals = self._list()
            return Not(OneOf(name, literals)) if negated else OneOf(name, literals)
        sign = self._next.text
        if negated:
            self._refuse(f"got {sign!r}: write not before the field, as in not year = 2023")
        if sign not in OPERATORS or self._next.kind == "text":
            self._refuse(self._no_operator(sign))
        self.tokens.pop()
        place = self._next
        literal = self._read_literal()
        if sign == "~" and not isinstance(literal, str):
            self._refuse(f'~ takes a pattern in quotes: write "{place.text}*"', place.start)
        return Compare(name, sign, literal)

    def _no_operator(self, sign: str) -> str:
        if self._next.kind in ("end", "text", "bracket") or sign.lower() in WORDS:
            return f"got {sign!r} after a field: write one of {' '.join(OPERATORS)}"
        near = ELSEWHERE.get(sign.lower()) or nearest(sign, OPERATORS, likeness=0.0)
        return f"there is no operator {sign!r}: write {near}"

    def _list(self) -> tuple[Literal, ...]:
        if not self._take("("):
            self._refuse(f'got {self._next.text!r} after in: write a list, as in ("a", "b")')
        found = [self._read_literal()]
        while self._take(","):
            found.append(self._read_literal())
        if not self._take(")"):
            self._refuse(f"got {self._next.text!r} in a list: write , between values, ) at its end")
        return tuple(found)

    def _field(self) -> str:
        token = self._next
        if token.kind == "text":
            name = _unquoted(token.text)
        elif token.kind == "bare" and is_name(token.text):
            name = token.text
        else:
            example = 'a field and what it is compared with, as in year >= 2023 or "my key" = "x"'
            self._refuse(f"got {token.text!r}: write {example}")
        self.tokens.pop()
        return name

    def _read_literal(self) -> Literal:
        token = self._next
        literal: Literal | None = None
        if token.kind == "text":
            literal = _unquoted(token.text)
        elif token.kind == "bare":
            dated = re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", token.text)
            literal = read_day(token.text) if dated else read_number(token.text)
        if literal is None:
            shown = quoted(token.text) if token.kind == "bare" else '"text"'
            self._refuse(
                f"got {token.text!r}, which is no number and no date such as 2026-01-31: write "
                f"text in quotes, {shown}"
            )
        self.tokens.pop()
        return literal

    @property
    def _next(self) -> _Token:
        return self.tokens[-1]

    def _take(self, word: str) -> bool:
        """Return whether the next token is this word or bracket, and pass it by if so."""
        taken = self._next.kind in ("bare", "bracket") and self._next.text.lower() == word
        if taken:
            self.tokens.pop()
        return taken

    def _refuse(self, told: str, at: int | None = None) -> NoReturn:
        place = self._next.start if at is None else at
        raise InputError(
            f"cannot read the condition {self.source!r} at character {place + 1}: {told}"
        )


def _unquoted(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.DOTALL)
