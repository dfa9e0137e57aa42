"""name: which thing it is that is described, asked the other way round."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from random import Random

from graft.core.document import Document, Passage
from graft.examples.clauses import base_of, third_person
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
_SIGNATURE = re.compile(r"@?[\w.]+ ?\(.*\)(?: ?-+> ?[\w ]+)?$|@\w+ decorator|.* -+> ", re.DOTALL)
_KIND = re.compile(
    r"(?:[A-Z][a-z-]+ (?:(?!an?\b|the\b)[a-z-]+ ){0,2})?"
    r"(?i:class|subclass|decorator|manager|factory|object|formatter|handler|error|exception|"
    r"iterator|generator|interface|wrapper|function|method|descriptor|view|adapter|finder|loader|"
    r"reader|writer|container|dictionary|mapping) (?:for|to|that|which|used|implementing|of)\b.+"
)
"""A docstring that begins with what its subject is: "Context manager to ...", "Base class for"."""
_CUT = re.compile(r"\b(?:containing|of|with|to|from|by|as|and|or)$")
"""How a question ends whose last words stood in brackets."""
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
    heading = _heading(passage)
    below = _first_below(passage, heading[1]) if heading else None
    if not heading or not below:
        return
    name = in_code(passage.headings[-1])
    raw = passage.text[slice(*below)]
    if statement_of(raw, passage) is None:
        return
    text = plain(raw)
    of, _, short = name.rpartition(".")
    does = _does(text, is_class=short[:1].isupper())
    if not does:
        return
    thing = "class" if short[:1].isupper() else "function"
    asks = f"What in {of}" if of and does[0] == "is" else f"Which {thing}{of and ' of ' + of}"
    statement = Statement(f"{name} {text} {text}", name.partition(".")[0], "", passage.text)
    question = sound(f"{asks} {' '.join(does)}", name, statement)
    if question and not _CUT.search(question) and short.lower() not in question.lower().split():
        span = (heading[0], below[1])
        yield draft_about(document, passage, span, question=f"{question}?", answer=name)


def _first_below(passage: Passage, start: int) -> tuple[int, int] | None:
    """Return the first sentence from `start` on that is no signature."""
    below = (span for span in sentences(passage.text) if span[0] >= start)
    return next((s for s in below if not _SIGNATURE.match(passage.text, *s)), None)


def _does(text: str, *, is_class: bool) -> tuple[str, str] | None:
    """Return what a docstring's first sentence says that its subject does or is, and the rest.

    >>> _does("Merge sorted inputs, and yield one", is_class=False)
    ('merges', 'sorted inputs')
    >>> _does("Context manager that does nothing", is_class=False)
    ('is', 'a context manager that does nothing')
    """
    first, _, rest = text.partition(" ")
    rest = re.split(r", (?:and|or|but|which|if|so)\b|\. ", rest)[0]
    said = first.lower()
    if said == "raised" and is_class:
        return "is", f"raised {rest}"
    if first in {"A", "An"} and is_class:
        return "is", f"{said} {rest}"
    verb = third_person(first) or (said if base_of(said) else "")
    noun = rest.startswith(("of ", "(")) or (is_class and said in {"help", "object", "base"})
    if not verb or noun:
        return ("is", f"{_article(said)} {said} {rest}") if _KIND.match(text) else None
    rest = _AND_VERB.sub(lambda also: f"and {third_person(also[1]) or also[1]}", rest)
    return verb, rest


def _article(word: str) -> str:
    return "an" if re.match(r"[aeio]|u(?!s|ni)", word) else "a"


def _heading(passage: Passage) -> tuple[int, int] | None:
    """Return where a passage's own heading stands that is a name in code."""
    if not passage.headings or not in_code(passage.headings[-1]):
        return None
    found = re.search(
        rf"^#+ .*{re.escape(passage.headings[-1])}[^\n]*$", passage.text, re.MULTILINE
    )
    return found.span() if found else None


NAME = Maker("name", "which thing it is that is described", 1.0, names)
