"""reason: why something is so, what causes it and what comes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graft.examples.clauses import PRONOUNS, clause
from graft.examples.maker import Maker
from graft.examples.statements import Statement, by_rule

_BECAUSE = re.compile(
    r"^(?P<y>[^,;:—]{8,160}?),? (?P<x>(?:because|due to|owing to|as a result of|thanks to) "
    r"[^;:—]{6,160})$"
)
_FIRST = re.compile(
    r"^(?P<x>(?:Because|Due to|As a result of|Owing to) [^,;:—]{6,140}), (?P<y>[^;:—]{8,160})$"
)
_CAUSED = re.compile(
    r"^(?P<y>[^,;:—]{4,90}?) (?P<aux>is|are|was|were|can be|may be|is usually|is often) caused by "
    r"(?P<x>[^;:—]{4,140})$"
)
_CAUSES = re.compile(
    r"^(?P<s>[^,;:—]{4,90}?) (?:(?P<aux>can|may|might|could) )?(?:also |often |sometimes )?"
    r"(?P<verb>causes?|leads? to|results? in|contributes? to) (?P<x>[^;:—]{4,120})$"
)
_PRONOUN = re.compile(
    rf"(?:{PRONOUNS}|not|some|other)\b|.*\b(?:that|which|who|and)$",
    re.I,
)
_TWO = re.compile(r",? (?:and|but) (?:is|are|was|were|has|have|can|may|consume)\b")
_NOT_ONLY = re.compile(r".*\b(?:not|just|only|simply|partly|mostly|mainly|or|and|is|are|was|were)$")


def ask(statement: Statement) -> Iterator[tuple[str, str]]:
    """Yield questions on reasons, causes and effects.

    >>> list(ask(Statement("Measles is caused by a virus of the paramyxovirus family")))
    [('What causes measles', 'a virus of the paramyxovirus family')]
    """
    text = statement.text
    found = _BECAUSE.match(text) or _FIRST.match(text)
    if found and not _NOT_ONLY.match(found["y"]):
        parts = clause(statement.lowered(found["y"]))
        if parts is None or _PRONOUN.match(parts.subject):
            return
        if not re.search(r"\b(?:which|who|where)\b", parts.rest):
            yield f"Why {parts.asked}", found["x"]
        return
    if (found := _CAUSED.match(text)) and not _PRONOUN.match(found["y"]):
        if clause(f"{statement.lowered(found['y'])} is caused here") is None:
            return
        yield f"What causes {statement.lowered(found['y'])}", _TWO.split(found["x"])[0]
    elif (found := _CAUSES.match(text)) and not _PRONOUN.match(found["s"]):
        parts = clause(statement.lowered(text))
        verb = re.sub(r"s\b", "", found["verb"], count=1)
        if parts is not None and (found["aux"] or parts.verb == verb.split()[0]):
            subject = statement.lowered(found["s"])
            auxiliary = found["aux"] or parts.auxiliary
            if len(subject.split()) <= 9 and parts.subject == subject:
                yield f"What {auxiliary} {subject} {verb}", _TWO.split(found["x"])[0]


REASON = Maker("reason", "why, what causes, what comes of it", 1.5, by_rule(ask))
