"""Named: the question that the name of a function, class or option asks by itself."""

from __future__ import annotations

import re

_NAME = re.compile(r"`?((?:--?)?[A-Za-z_]\w*(?:[._-]\w+)*)`?(\([^()]*\))?")
_CODE = re.compile(r"[._()]|^--?\w|[a-z][A-Z]|\d")
_SAYS_WHAT_IT_IS = re.compile(
    r"(?:a|an|the|this|these|each|every|any|all|some|one|class|subclass|superclass|abstract|base|"
    r"common|generic|special|\S+ (?:is|are|was|were|has|have|can|may|must))\b",
    re.IGNORECASE,
)


def named_question(heading: str, sentence: str) -> str:
    """Return what a heading that is a name in code asks of the sentence below it; "" for others.

    No model is needed for it, and none asks it better. A heading in plain words is not a name.

    >>> named_question("heapq.merge", "Merge multiple sorted inputs into a single one.")
    'What does heapq.merge do?'
    >>> named_question("copy.Error", "The exception that copying raises.")
    'What is copy.Error?'
    >>> named_question("Leave days", "Each year has thirty of them.")
    ''
    """
    found = _NAME.fullmatch(heading.strip())
    if not found or not _CODE.search(heading.strip("`. ")):
        return ""
    name = found[1]
    return f"What is {name}?" if _SAYS_WHAT_IT_IS.match(sentence) else f"What does {name} do?"
