"""outcome: what a thing returns, raises, defaults to and requires, and when it does."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graft.examples.clauses import PRONOUNS, clause, clause_on
from graft.examples.maker import Maker
from graft.examples.statements import Statement, by_rule

_IF = r"(?P<word>if|when|unless|whenever)"
_RETURNS = re.compile(
    rf"^(?:(?P<s>[^,;:—]{{2,60}}?) (?:will )?)?(?i:returns?) (?P<y>[^,;:—]{{2,90}}?),? {_IF} "
    r"(?P<x>[^,;:—]{6,110})(?:, (?:or|and|otherwise|else)\b.*)?$"
)
_IF_RETURNS = re.compile(
    r"^If (?P<x>[^,;:—]{6,110}), (?:then )?(?P<s>[^,;:—]{2,60}?) (?:will )?returns? "
    r"(?P<y>[^,;:—]{2,90})$"
)
_RAISES = re.compile(
    rf"^(?:(?P<s>[^,;:—]{{2,60}}?) (?:will )?)?(?i:raises?) (?:an? |the )?(?P<y>[\w.]*[A-Z][\w.]+)"
    rf"(?: exception| error)?,? {_IF} (?P<x>[^,;:—]{{6,110}})$"
)
_IS_RAISED = re.compile(
    rf"^(?:An? |The )?(?P<y>[\w.]*[A-Z][\w.]+)(?: exception| error)? (?:is|will be) raised,? {_IF} "
    r"(?P<x>[^,;:—]{6,110})$"
)
_DEFAULTS = re.compile(
    r"^(?P<s>[^,;:—]{2,60}?),?(?: which)? defaults to (?P<y>[^,;:—]{1,60})(?:,.*)?$"
)
_DEFAULT_IS = re.compile(
    r"^(?:The|Its) default (?:value )?(?:of|for) (?P<s>[^,;:—]{2,60}?) is (?P<y>[^,;:—]{1,60})$"
)
_REQUIRES = re.compile(
    r"^(?P<s>[^,;:—]{3,70}?) (?P<verb>requires?|needs?|depends? on|consists? of|produces?|"
    r"replaces?|inherits? from|supports?|accepts?) (?P<y>[^;:—]{4,110})$"
)
_PRONOUN = re.compile(rf"(?:{PRONOUNS}|you|if|when)\b", re.I)


def ask(statement: Statement) -> Iterator[tuple[str, str]]:
    """Yield questions on what comes back, what is raised, and what is assumed.

    >>> list(ask(Statement("Return None if the queue is empty", named="jobs.next")))[0]
    ('What does jobs.next return if the queue is empty', 'None')
    """
    text = statement.text
    if found := _RAISES.match(text) or _IS_RAISED.match(text):
        subject = _subject(found.groupdict().get("s") or "", statement)
        if subject and found["word"] != "unless":
            yield f"Which exception does {subject} raise {found['word']} {found['x']}", found["y"]
            yield f"When does {subject} raise {found['y']}", f"{found['word']} {found['x']}"
        elif found["word"] != "unless":
            yield f"Which exception is raised {found['word']} {found['x']}", found["y"]
    elif found := _RETURNS.match(text) or _IF_RETURNS.match(text):
        subject = _subject(found["s"] or "", statement)
        word = found.groupdict().get("word") or "if"
        if subject and word != "unless":
            yield f"What does {subject} return {word} {found['x']}", found["y"]
            yield f"When does {subject} return {found['y']}", f"{word} {found['x']}"
    elif found := _DEFAULT_IS.match(text) or _DEFAULTS.match(text):
        subject = statement.lowered(found["s"])
        if not _PRONOUN.match(subject) and len(subject.split()) <= 7:
            yield f"What is the default of {subject}", found["y"]
    elif found := _REQUIRES.match(text):
        yield from _required(statement, found)


def _required(statement: Statement, found: re.Match[str]) -> Iterator[tuple[str, str]]:
    subject = statement.lowered(found["s"])
    parts = clause_on(subject, statement.lowered(statement.text))
    if parts is None or _PRONOUN.match(subject) or not parts.verb:
        return
    if found["y"].startswith("to "):
        return
    verb = " ".join([parts.verb, *found["verb"].split()[1:]])
    yield f"What {parts.auxiliary} {subject} {verb}", found["y"]


def _subject(said: str, statement: Statement) -> str:
    """Return who returns or raises: what is said, or the name that the section has."""
    if not said:
        return statement.named
    parts = clause(f"{statement.lowered(said)} returns it")
    if parts is None or parts.auxiliary != "does" or _PRONOUN.match(said):
        return ""
    return parts.subject


OUTCOME = Maker("outcome", "what is returned, raised, assumed or required", 1.0, by_rule(ask))
