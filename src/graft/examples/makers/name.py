"""name: which thing it is that is described, asked the other way round."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from random import Random

from graft.core.document import Document, Passage
from graft.examples.clauses import third_person
from graft.examples.drafts import Draft, draft_about
from graft.examples.maker import Maker
from graft.examples.statements import Statement, by_rule, in_code, plain, sound, statement_of
from graft.measures.sentences import sentences
from graft.measures.words import content

_DEFINED = re.compile(
    r"^(?:An? |The )?(?P<s>[\w`'’. -]{3,45}?)(?: \([^()]{1,40}\))? (?P<aux>is|are) "
    r"(?P<x>(?P<article>an?|the|any) [^;:—]{28,150})$"
)
_NO_TERM = re.compile(
    r"(?:it|this|that|these|those|they|he|she|there|here|which|what|one|both|each|all|another|"
    r"other|"
    r"in|if|when|for|to|as|on|at|with|by|not|example|result|purpose|reason|goal|idea|point|problem|"
    r"difference|advantage|answer|default|main|first|second|third|last|next|latter|former|you|we|"
    r"only|most|main|same|name|value|type|proposed|solution|following|motivation|question)\b.*|"
    r".* (?:of|in|for|to|and|or|that|which|with|is|are|on|from|by|as|at|was|were|has|have|when|"
    r"if)\b.*",
    re.IGNORECASE,
)
_AND_VERB = re.compile(r"\band ([a-z]+)(?= (?:an?|the|its?|them|all|each|every|whether)\b)")
_TELLS = re.compile(r" (?:that|which|of|for|used|in|where)\b")
_NO_DEFINITION = re.compile(
    r"(?:an?|the|any) (?:good|bad|great|common|little|bit|lot|few|new|number|same|most|best|only|"
    r"first|second|following|case|fact|one|way|problem|mistake|result|reason|default|part|very|"
    r"simple|different|important|useful|key|non)\b|.*\b(?:example of)\b"
)


def ask(statement: Statement) -> Iterator[tuple[str, str]]:
    """Yield what a definition asks for: the name of what it defines.

    >>> list(ask(Statement("A sidecar is a container that runs beside the main one of a pod")))
    [('What is a container that runs beside the main one of a pod called', 'sidecar')]
    """
    found = _DEFINED.match(statement.text)
    if not found or _NO_TERM.fullmatch(found["s"]) or _NO_DEFINITION.match(found["x"]):
        return
    if len(found["s"].split()) > 4:
        return
    x = re.sub(r", (?:which|and|but|so|where|that)\b.*", "", found["x"])
    if "," in x or len(content(x)) < 4 or not _TELLS.search(x) or found["aux"] == "are":
        return
    if found["article"] == "the":
        yield f"What {found['aux']} {x}", found["s"]
    else:
        yield f"What is {x} called", found["s"]


def names(document: Document, passages: Sequence[Passage], draw: Random) -> Iterator[Draft]:
    """Yield questions for the function or class that a section describes, then for what is defined.

    A docstring that begins "Merge sorted inputs" asks which function merges sorted inputs; the
    answer stands in the heading, and the gold spans both.
    """
    order = list(passages)
    draw.shuffle(order)
    for passage in order:
        yield from _described(document, passage)
    yield from by_rule(ask)(document, passages, draw)


def _described(document: Document, passage: Passage) -> Iterator[Draft]:
    heading, spans = _heading(passage), sentences(passage.text)
    if not heading or not spans:
        return
    below = [span for span in spans if span[0] >= heading[1]][:1]
    if not below:
        return
    name = in_code(passage.headings[-1])
    raw = passage.text[slice(*below[0])]
    if statement_of(raw, passage) is None:
        return
    text = plain(raw)
    first, _, rest = text.partition(" ")
    short = name.rsplit(".", 1)[-1]
    kind = "class" if short[:1].isupper() else "function"
    of = f" of {name.rsplit('.', 1)[0]}" if "." in name else ""
    rest = re.split(r", (?:and|or|but|which|if|so)\b|\. ", rest)[0]
    verb = third_person(first)
    if verb and (kind == "function" or first.lower() not in {"help", "object", "base"}):
        rest = _AND_VERB.sub(lambda also: f"and {third_person(also[1]) or also[1]}", rest)
        question = f"Which {kind}{of} {verb} {rest}"
    elif first in {"A", "An"} and kind == "class":
        question = f"Which class{of} is {first.lower()} {rest}"
    else:
        return
    statement = Statement(f"{name} {text} {text}", name.partition(".")[0], "", passage.text)
    question = sound(question, name, statement)
    if question and short.lower() not in question.lower().split():
        span = (heading[0], below[0][1])
        yield draft_about(document, passage, span, question=f"{question}?", answer=name)


def _heading(passage: Passage) -> tuple[int, int] | None:
    """Return where a passage's own heading stands that is a name in code."""
    if not passage.headings or not in_code(passage.headings[-1]):
        return None
    found = re.search(
        rf"^#+ .*{re.escape(passage.headings[-1])}[^\n]*$", passage.text, re.MULTILINE
    )
    return found.span() if found else None


NAME = Maker("name", "which thing it is that is described", 1.0, names)
