"""choice: which of several things, where a sentence or a list names them all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from random import Random

from graft.core.document import Document, Passage
from graft.examples.clauses import PRONOUNS, clause
from graft.examples.drafts import Draft, draft_about
from graft.examples.holding import holds
from graft.examples.maker import Maker
from graft.examples.statements import Statement, by_rule, finished, plain, topic_of

_ITEM = r"[^,;:—]{2,45}"
_LISTED = rf"{_ITEM}(?:, {_ITEM})*,? (?:and|or) {_ITEM}"
_CAN_BE = re.compile(
    r"^(?P<s>[^,;:—]{3,70}?) (?P<aux>can|may|must|should|could|will) be "
    rf"(?:one of|either|any of|any one of)? ?(?P<x>{_LISTED})$"
)
_INCLUDE = re.compile(
    rf"^(?P<s>[^,;:—]{{3,80}}?) (?:may |can |often |also |usually )?"
    rf"(?:include|are|were)(?: the)?,? (?P<x>{_ITEM}, {_LISTED})$"
)
_INCLUDES = re.compile(
    rf"^(?P<s>[^,;:—]{{3,70}}?) (?:includes|comprises|consists of|is composed of|is made up of) "
    rf"(?P<x>{_ITEM}, {_LISTED})$"
)
_SUCH_AS = re.compile(rf"^(?P<y>[^,;:—]{{8,110}}?),? (?:such as|including) (?P<x>{_LISTED})$")
_LEAD_IN = re.compile(
    r"^(?:The following (?P<a>[a-z][a-z -]{2,40}?) (?P<verb>(?:is|are|can be|may be|must be|"
    r"will be|"
    r"have been) [a-z][\w ]{2,60})|(?P<b>[A-Z][\w -]{3,60}?) (?:includes?|are)(?: the following)?"
    r"(?: [a-z]+)?|There are (?:\w+ )?(?P<c>[a-z -]{3,40}s(?: of [\w -]{2,40})?)):$"
)
_LIST = re.compile(r"^(?:[-*+•] .{2,70}\n?){2,7}$", re.MULTILINE)
_PRONOUN = re.compile(
    rf"(?:{PRONOUNS}|you|some|other|others|examples|"
    r"certain|common|many|most|several|various)\b",
    re.I,
)
_ADJECTIVE = re.compile(
    r"(?:not|\w+ed|\w+ing|\w+en|in|on|at|to|all|also|very|too|more|less|\w+able|\w+al|\w+ly|"
    r"\w+ive)\b"
)
_PLURAL = re.compile(r"(?:[a-z]+(?<!s)s|people|children|criteria)\b", re.IGNORECASE)


def ask(statement: Statement) -> Iterator[tuple[str, str]]:
    """Yield questions that are answered by what a sentence enumerates.

    >>> list(ask(Statement("The level of a record can be debug, info or error")))
    [('What can the level of a record be', 'debug, info or error')]
    """
    text = statement.text
    if found := _CAN_BE.match(text):
        subject = statement.lowered(found["s"])
        several = "," in found["x"] and not re.match(r"[a-z]+(?:ed|en)\b", found["x"])
        said = clause(f"{subject} {found['aux']} be it")
        if said and several and not _PRONOUN.match(subject):
            yield f"What {found['aux']} {subject} be", found["x"]
    elif found := _INCLUDES.match(text):
        subject = statement.lowered(found["s"])
        if clause(f"{subject} includes it") and not _PRONOUN.match(subject):
            yield f"What does {subject} include", found["x"]
    elif found := _INCLUDE.match(text):
        subject = re.sub(r"^the ", "", statement.lowered(found["s"]))
        head = re.split(r" (?:of|for|in|to|that|from|with|on)\b", subject)[0].split()[-1]
        if (
            clause(f"{subject} are here")
            and _PLURAL.fullmatch(head)
            and not _PRONOUN.match(subject)
        ) and (re.search(r"\binclude\b", text) or not _ADJECTIVE.match(found["x"])):
            yield f"What are the {subject}", found["x"]
    elif found := _SUCH_AS.match(text):
        yield from _such_as(statement, found)


def _such_as(statement: Statement, found: re.Match[str]) -> Iterator[tuple[str, str]]:
    """Ask for the examples of what a verb has as its object: "supports formats such as a and b"."""
    parts = clause(statement.lowered(found["y"]))
    if parts is None or not parts.verb or _PRONOUN.match(parts.subject):
        return
    thing = parts.rest.split(f"{parts.verb} ", 1)[-1].split()
    kind = [
        w for w in thing if w.lower() not in {"a", "an", "the", "other", "various", "many", "some"}
    ]
    loose = set(kind) & {"to", "of", "and", "in", "with", "for", "by", "as", "or"}
    if 1 <= len(kind) <= 3 and _PLURAL.fullmatch(kind[-1]) and not loose:
        asked = f"{' '.join(kind)} {parts.auxiliary} {parts.subject} {parts.verb}"
        yield f"Which {asked}", found["x"]


def listed(document: Document, passages: Sequence[Passage], draw: Random) -> Iterator[Draft]:
    """Yield what is asked by lines that lead into a list, answered by its items, then the rest."""
    for passage in passages:
        for lead, items, span in _lists(passage.text):
            raw = passage.text[slice(*span)]
            answer = ", ".join(items)
            statement = Statement(
                plain(f"{lead} {answer} {lead}"), topic_of(passage), "", passage.text
            )
            question = finished(_of_list(lead), answer, statement)
            if question and holds(raw, answer):
                yield draft_about(document, passage, span, question=question, answer=answer)
    yield from by_rule(ask)(document, passages, draw)


def _of_list(lead: str) -> str:
    found = _LEAD_IN.match(lead)
    if not found:
        return ""
    if found["a"]:
        return f"Which {found['a']} {found['verb']}"
    name = found["b"] or found["c"]
    name = re.sub(r"^(?:The|Some) ", "", name)
    if _PRONOUN.match(name) or not _PLURAL.search(name.split(" of ")[0].split(" for ")[0][-12:]):
        return ""
    return f"What are the {name[:1].lower()}{name[1:]}"


def _lists(text: str) -> Iterator[tuple[str, list[str], tuple[int, int]]]:
    """Yield the line before each short list, its items, and where both stand."""
    for found in _LIST.finditer(text):
        start = text.rfind("\n", 0, max(found.start() - 2, 0)) + 1
        lead = text[start : found.start()].strip()
        items = [plain(line) for line in found[0].strip().splitlines()]
        if lead.endswith(":") and all(1 <= len(item.split()) <= 7 for item in items):
            yield plain(lead), items, (start, found.end())


CHOICE = Maker("choice", "which of several things", 1.0, listed)
