"""amount: how many, how long, what percentage, when, and by whom."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graft.examples.candidates import MONTH
from graft.examples.clauses import PRONOUNS, clause, clause_on, participle_is_past
from graft.examples.maker import Maker
from graft.examples.statements import Statement, by_rule

_NUMBER = (
    r"(?:(?:about|around|approximately|some|nearly|almost|over|more than|less than|fewer than|"
    r"at least|at most|up to|only|an estimated) )?"
    r"(?:\d[\d.,]*(?: (?:hundred|thousand|million|billion))?|two|three|four|five|six|seven|eight|"
    r"nine|ten|eleven|twelve|twenty|thirty|forty|fifty)"
)
_UNITS = "seconds|minutes|hours|days|weeks|months|years|decades"
_THINGS = (
    rf"(?!(?:{_UNITS})\b(?! of)|(?:of|percent|times|degrees|others?|pages|more|other|"
    rf"additional|such|January|[A-Z])\b)[a-z]+s(?: of [a-z]+(?: [a-z]+(?=[.,;]|$))?)?"
)
_SUBJECT = re.compile(
    rf"^(?P<n>{_NUMBER}) (?P<things>(?:[a-z]+ )?{_THINGS}|people|men|women|children) "
    r"(?P<rest>(?:is|are|was|were|have|had|can|live|lived|work|worked|died|attended|took|came|use|"
    r"used|belong|exist|voted|received|served) [^;:—]{4,120})$",
    re.IGNORECASE,
)
_PERCENT = re.compile(
    r"^(?P<n>(?:(?:about|around|approximately|nearly|almost|over|more than|less than|up to|only) )?"
    r"\d[\d.,]*(?: ?%| percent)) of (?P<rest>[^;:—]{10,140})$",
    re.IGNORECASE,
)
_OBJECT = re.compile(
    rf"^(?P<s>.{{3,70}}?) (?P<verb>has|have|had|contains?|contained|includes?|included|takes?|"
    rf"employs?|employed|serves?|served|covers?|operates?|operated|owns?|receives?|received|"
    rf"earns?|won|sold|allows?|"
    rf"supports?|provides?|keeps?|holds?|needs?|requires?) (?P<n>{_NUMBER}) "
    rf"(?P<things>(?:[a-z]+ )?{_THINGS}|people|men|women|children)\b(?P<rest>[^,;:—]{{0,100}})"
)
_LASTS = re.compile(
    rf"^(?P<y>[^,;:—]{{8,110}}?) (?P<x>for (?P<n>{_NUMBER}) (?:{_UNITS}))(?P<rest>[^,;:—]{{0,60}})$"
)
_DATE = (
    rf"(?:in (?:{MONTH},? )?(?:1\d|20)\d\d|on (?:\d{{1,2}} {MONTH}|{MONTH} \d{{1,2}})"
    r"(?:,? (?:1\d|20)\d\d)?)"
)
_DATED = re.compile(
    rf"^(?P<y>[^;:—]{{8,120}}?),? (?P<x>{_DATE})(?P<rest>(?: (?:by|at|as|with|under|after|when|to) "
    r"[^,;:—]{2,60})?)$"
)
_NO_DATED = re.compile(r"\d| (?:and|but|until|from|since|in|on)$")
_DATE_FIRST = re.compile(rf"^(?P<x>{_DATE}), (?P<y>[^,;:—]{{8,140}})$", re.IGNORECASE)
_BY_WHOM = re.compile(
    r"^(?P<s>[^,;:—]{3,80}?) (?P<aux>was|were) (?:\w+ly )?(?P<v>[a-z]+) (?P<rest>[^,;:—]{0,50}?)"
    r"by (?P<x>(?:[A-Z][\w.’'-]+ ){1,3}[A-Z][\w’'-]+)(?P<more>(?: (?:in|on|at|and) [^,;:—]+)?)$"
)
_PLACE = re.compile(
    r"^(?P<s>[^,;:—]{3,70}?) (?P<aux>is|are|was|were) (?P<v>located|situated|held|buried|born|"
    r"stored|published|headquartered) (?P<x>(?:in|on|at|near) [^;:—]{3,80})$"
)
_PRONOUN = re.compile(rf"(?:{PRONOUNS}|you|one)\b", re.I)


def ask(statement: Statement) -> Iterator[tuple[str, str]]:
    """Yield questions for a number, a date, a person or a place.

    >>> list(ask(Statement("Five days of leave are carried over to the next year")))
    [('How many days of leave are carried over to the next year', 'Five')]
    >>> list(ask(Statement("The bridge over the river was opened in 1884")))
    [('When was the bridge over the river opened', 'in 1884')]
    """
    text = statement.text
    yield from _counted(statement)
    if (found := _LASTS.match(text)) and (parts := _parts(statement, found["y"])):
        yield f"How long {parts}{found['rest']}", f"{found['n']} {found['x'].split()[-1]}"
    if found := _DATE_FIRST.match(text) or _DATED.match(text):
        rest = found.groupdict().get("rest") or ""
        parts, loose = _parts(statement, found["y"]), _NO_DATED.search(found["y"])
        if parts and not loose:
            yield f"When {parts}{rest}", found["x"]
    if found := _BY_WHOM.match(text):
        subject = statement.lowered(found["s"])
        told = clause_on(subject, f"{subject} was {found['v']} here")
        loose = _PRONOUN.match(subject) or re.search(r"\d", found["more"])
        if told and participle_is_past(found["v"]) and not loose:
            yield f"Who {found['v']} {subject} {found['rest']}".rstrip(), found["x"]
    if found := _PLACE.match(text):
        subject = statement.lowered(found["s"])
        told = clause_on(subject, f"{subject} {found['aux']} {found['v']} here")
        if told and not _PRONOUN.match(subject):
            yield f"Where {found['aux']} {subject} {found['v']}", found["x"]


def _counted(statement: Statement) -> Iterator[tuple[str, str]]:
    text = statement.text
    if found := _SUBJECT.match(text):
        rest = found["rest"]
        yield f"How many {found['things']} {rest}", found["n"]
    elif found := _PERCENT.match(text):
        if clause(found["rest"]) is not None:
            yield f"What percentage of {found['rest']}", found["n"]
    elif found := _OBJECT.match(text):
        subject = statement.lowered(found["s"])
        parts = clause_on(subject, statement.lowered(text))
        loose = _PRONOUN.match(subject) or re.match(r" (?:and|or|than|per|more)\b", found["rest"])
        if parts and parts.verb and not loose and len(subject) > 3:
            rest = re.split(r" (?:and|but|which|that)\b", found["rest"])[0]
            asked = f"{parts.auxiliary} {subject} {parts.verb}{rest}"
            yield f"How many {found['things']} {asked}", found["n"]


def _parts(statement: Statement, text: str) -> str:
    parts = clause(statement.lowered(text))
    return parts.asked if parts and not _PRONOUN.match(parts.subject) else ""


AMOUNT = Maker("amount", "how many, how long, when, who, where", 1.5, by_rule(ask))
