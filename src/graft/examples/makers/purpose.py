"""purpose: how something is done, what it is used for and what it is done for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graft.examples.clauses import PRONOUNS, clause, clause_on, is_imperative
from graft.examples.maker import Maker
from graft.examples.statements import Statement, by_rule

_TO = re.compile(r"^(?:In order to|To) (?P<x>[a-z][^,;:—]{6,110}), (?P<y>[^;:—]{8,180})$")
_NO_DOING = re.compile(
    r"^(?:be|this|that|these|date|summarize|recap|the|a|some|begin|an|conclude)\b"
)
_DOES = re.compile(
    r"^(?:you(?:'ll)? (?:can|should|must|may|need to|have to|could|will need to) |you )"
)
_USED = re.compile(
    r"^(?P<y>[^,;:—]{3,70}?) (?P<aux>is|are|was|were|can be|may be) (?P<adverb>\w+ly |often |"
    r"also )?"
    r"used (?P<x>(?:to|for|as) [^;:—]{6,140})$"
)
_SO_THAT = re.compile(r"^(?P<y>[^,;:—]{8,140}?),? (?P<x>(?:so that|in order to) [^;:—]{8,140})$")
_BY_DOING = re.compile(r"^(?P<y>[^,;:—]{8,110}?) (?P<x>by (?:\w+ly )?[a-z]+ing [^;:—]{4,140})$")
_PRONOUN = re.compile(rf"(?:{PRONOUNS})\b", re.I)


def ask(statement: Statement) -> Iterator[tuple[str, str]]:
    """Yield questions on how something is done, and for what.

    >>> list(ask(Statement("To list the pods of a node, run kubectl get pods with a selector")))
    [('How do you list the pods of a node', 'run kubectl get pods with a selector')]
    """
    text = statement.text
    if (found := _TO.match(text)) and not _NO_DOING.match(found["x"]):
        told = _DOES.sub("", found["y"])
        if is_imperative(told) or told != found["y"]:
            yield f"How do you {found['x']}", told
        return
    if (found := _USED.match(text)) and not _PRONOUN.match(found["y"]):
        name = statement.lowered(found["y"])
        if clause_on(name, f"{name} {found['aux']} used here"):
            first, _, more = found["aux"].partition(" ")
            asked = " ".join(part for part in (f"What {first}", name, more, "used for") if part)
            yield asked, found["x"]
        return
    for pattern, lead in ((_SO_THAT, "Why"), (_BY_DOING, "How")):
        if found := pattern.match(text):
            parts = clause(statement.lowered(found["y"]))
            if parts is not None and not _PRONOUN.match(parts.subject):
                if lead == "How" and re.search(r"\b(?:not|followed|preceded|caused)$", found["y"]):
                    continue
                yield f"{lead} {parts.asked}", found["x"]
            return


PURPOSE = Maker("purpose", "how something is done, what it is used for", 1.5, by_rule(ask))
