"""Notation: a pipeline as one line of text, read into the tree it stands for and written back.

    line  = sum { ">>" sum }          one stage after the other
    sum   = term { "+" term }         one fusion of all
    term  = [ number "*" ] piece { "%" count }
    piece = name | "(" line ")"

As in Python, and as in the algebra of `Stage`: * and % bind before +, and + before >>.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from pydantic import BaseModel

from graft.core.context import Context
from graft.core.errors import ConfigError, InputError
from graft.core.search import Search
from graft.retrieve.stage import Chain, First, Fuse, Stage, Weighted, sum_of

TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[^\W\d]\w*)|(?P<sign>>>|[+*%()])|\S"
)

MOST = 100
"""Parentheses and cuts in a line; nobody writes more, and each takes a call of Python's."""


@dataclass(frozen=True)
class Named(Stage):
    """A stage that is only named; `line.build` puts the real one in its place.

    `at` is where the name begins in its line.
    """

    name: str
    at: int = field(default=0, compare=False)

    def __call__(self, searches: Sequence[Search], ctx: Context) -> list[Search]:
        raise InputError(f"the stage '{self.name}' is only named: build the pipeline first")


def parse(text: str) -> Stage:
    """Return the tree of a line, its stages by name alone.

    Raises ConfigError that says where it cannot be read, what stands there and what to write.

    >>> parse("dense+.7*bm25 >> rerank%10") == (
    ...     Named("dense") + 0.7 * Named("bm25") >> Named("rerank") % 10)
    True
    """
    reader = _Reader(text)
    tree = reader.line()
    if reader.kind:
        reader.fail("'>>', '+', '%' or the end", "join two stages with '>>' or '+'")
    return tree


def written(tree: Stage, tables: Mapping[str, BaseModel] | None = None) -> str:
    """Return the line of a tree: `parse(written(tree)) == tree`.

    With `tables`, each stage shows its settings behind its name.

    >>> written(parse("(dense)+0.70*bm25%5>>(rerank)"))
    'dense + 0.7 * bm25 % 5 >> rerank'
    """
    return _Written(tables or {}).line(tree)


class _Reader:
    """Reads a line from left to right, one token ahead: `token`, which is of a `kind`, begins `at`.

    The end has neither.
    """

    def __init__(self, text: str) -> None:
        self.text, self.nested = text, 0
        self.tokens = TOKEN.finditer(text)
        self.kind, self.token, self.at = "", "", 0
        self.next()

    def next(self) -> str:
        """Go to the next token and return the one before it."""
        past, found = self.token, next(self.tokens, None)
        self.kind = (found.lastgroup or "other") if found else ""
        self.token, self.at = (found.group(), found.start()) if found else ("", len(self.text))
        return past

    def fail(self, expected: str, advice: str) -> NoReturn:
        got = repr(self.token) if self.kind else "the end"
        raise ConfigError(
            f"the pipeline {self.text!r} has {got} at character {self.at + 1}, where {expected} "
            f"was expected: {advice}"
        )

    def line(self) -> Stage:
        stage = self.sum()
        while self.token == ">>":
            self.next()
            stage = stage >> self.sum()
        return stage

    def sum(self) -> Stage:
        at = self.at
        terms = [self.term()]
        while self.token == "+":
            self.next()
            terms.append(self.term())
        if len(terms) == 1:
            if isinstance(terms[0], Weighted):
                raise ConfigError(
                    f"the pipeline {self.text!r} has a weight at character {at + 1} where nothing "
                    "is summed: take it out, or add a stage, as in 'dense + 0.7 * bm25'"
                )
            return terms[0]
        try:
            return sum_of(terms)
        except InputError as error:
            raise ConfigError(f"the pipeline {self.text!r} cannot be used: {error}") from error

    def term(self) -> Stage | Weighted:
        weight = None
        if self.kind == "number":
            written_as = self.next()
            weight = float(written_as)
            if weight == 0 and re.search("[1-9]", written_as.lower().partition("e")[0]):
                raise ConfigError(
                    f"the pipeline {self.text!r} has a weight too near to 0: raise it"
                )
            if self.token != "*":
                self.fail("'*'", "a number is a weight, as in '0.7 * bm25'")
            self.next()
        stage: Stage | Weighted = self.piece()
        if weight is not None:
            if weight == float("inf"):
                raise ConfigError(f"the pipeline {self.text!r} has a weight without end: lower it")
            stage = weight * stage
        while self.token in ("%", "*"):
            if self.token == "*":
                self.fail("'>>', '+' or '%'", "a weight stands before its stage: '0.7 * bm25'")
            self.nest()
            if not re.fullmatch("0*[1-9][0-9]{0,8}", self.token):
                self.fail("a number of hits", "write how many are kept, as in 'rerank % 10'")
            stage = stage % int(self.next())
        return stage

    def piece(self) -> Stage:
        if self.kind == "name":
            at = self.at
            return Named(self.next(), at)
        if self.token != "(":
            named = "names have no hyphen: " if self.token == "-" else ""
            self.fail("a stage", f"{named}write its name, as in 'follow_up >> dense + bm25'")
        self.nest()
        inside = self.line()
        if self.token != ")":
            self.fail("')'", "close what was opened")
        self.next()
        return inside

    def nest(self) -> None:
        """Go behind a sign that puts one stage within another."""
        self.nested += 1
        if self.nested > MOST:
            self.fail("a shorter line", f"use '(' and '%' at most {MOST} times")
        self.next()


@dataclass(frozen=True)
class _Written:
    tables: Mapping[str, BaseModel]

    def line(self, tree: Stage) -> str:
        if isinstance(tree, Chain):
            return " >> ".join(self.sum(stage) for stage in tree.stages)
        return self.sum(tree)

    def sum(self, tree: Stage) -> str:
        if isinstance(tree, Fuse):
            return " + ".join(self.term(term) for term in tree.terms)
        return self.piece(tree)

    def term(self, term: Weighted) -> str:
        # A sum within a sum is kept together by its factor.
        if term.weight == 1 and not isinstance(term.stage, Fuse):
            return self.piece(term.stage)
        number = repr(float(term.weight)).removesuffix(".0")
        return f"{number} * {self.piece(term.stage)}"

    def piece(self, tree: Stage) -> str:
        if isinstance(tree, First):
            return f"{self.piece(tree.stage)} % {tree.count}"
        if isinstance(tree, Chain | Fuse):
            return f"({self.line(tree)})"
        table = self.tables.get(tree.name)
        settings = table.model_dump(mode="json", exclude_defaults=True).items() if table else ()
        shown = ", ".join(f"{key}={value}" for key, value in settings)
        return f"{tree.name}({shown})" if shown else tree.name
