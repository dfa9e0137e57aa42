"""contrast: how one thing differs from another, and what stands instead of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graft.examples.clauses import PRONOUNS, clause, clause_on, is_plural
from graft.examples.maker import Maker
from graft.examples.statements import Statement, by_rule

_UNLIKE = re.compile(
    r"^(?:Unlike|In contrast to|As opposed to|Compared to|Compared with) (?P<a>[^,;:—]{2,60}), "
    r"(?P<y>[^;:—]{10,180})$"
)
_INSTEAD = re.compile(
    r"^(?P<y>[^,;:—]{10,130}?),? (?P<word>instead of|rather than) (?P<a>[^,;:—]{3,90})$"
)
_THAN = re.compile(
    r"^(?P<s>[^,;:—]{3,80}?) (?P<aux>is|are|was|were) (?P<more>(?:much |far |slightly |\d+ times )?"
    r"(?:(?:more|less) [a-z]+|[a-z]{3,}er)) than (?P<x>[^,;:—]{3,90})$"
)
_WHEREAS = re.compile(r"^(?P<y>[^,;:—]{10,120}), (?:whereas|while|but) (?P<z>[^,;:—]{10,120})$")
_NOT_COMPARED = frozenset(
    "other rather number under after over ever never however together".split()  # noqa: SIM905
)
_PRONOUN = re.compile(rf"(?:{PRONOUNS}|you|some|others?|most|many)\b", re.I)


def ask(statement: Statement) -> Iterator[tuple[str, str]]:
    """Yield questions that compare.

    >>> list(ask(Statement("Unlike a list, a tuple cannot be changed after it was made")))
    [('How does a tuple differ from a list', 'cannot be changed after it was made')]
    """
    text = statement.text
    if found := _UNLIKE.match(text):
        parts = clause(found["y"])
        if parts is not None and not _PRONOUN.match(parts.subject):
            auxiliary = _do(parts.subject, parts.auxiliary)
            told = found["y"][len(parts.subject) :].strip()
            yield f"How {auxiliary} {parts.subject} differ from {found['a']}", told
    elif found := _INSTEAD.match(text):
        yield from _instead(statement, found)
    elif found := _THAN.match(text):
        name = statement.lowered(found["s"])
        parts = clause_on(name, statement.lowered(text))
        word = found["more"].split()[-1]
        if parts and word not in _NOT_COMPARED and not _PRONOUN.match(name):
            yield f"What {found['aux']} {name} {found['more']} than", found["x"]
    elif found := _WHEREAS.match(text):
        one, other = clause(statement.lowered(found["y"])), clause(found["z"])
        if not one or not other or any(map(_PRONOUN.match, (one.subject, other.subject))):
            return
        if one.auxiliary == other.auxiliary and one.rest != other.rest:
            auxiliary = _do(other.subject, other.auxiliary)
            told = found["z"][len(other.subject) :].strip()
            yield f"How {auxiliary} {other.subject} differ from {one.subject}", told


def _instead(statement: Statement, found: re.Match[str]) -> Iterator[tuple[str, str]]:
    parts = clause(statement.lowered(found["y"]))
    if parts is None or not parts.verb or _PRONOUN.match(parts.subject):
        return
    thing = parts.rest.split(f"{parts.verb} ", 1)[-1]
    if re.match(r"(?:an?|the|its|their|two|one|all|[A-Z`_])", thing) and len(thing.split()) <= 8:
        asked = f"What {parts.auxiliary} {parts.subject} {parts.verb}"
        yield f"{asked} {found['word']} {found['a']}", thing


def _do(subject: str, auxiliary: str) -> str:
    many = auxiliary in {"are", "were", "do", "have"} or (
        is_plural(subject) and auxiliary not in {"is", "was", "does", "has"}
    )
    return "do" if many else "does"


CONTRAST = Maker("contrast", "how things differ, what stands instead", 1.0, by_rule(ask))
