"""Access: who may see what an example was made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from graft.core.example import OWNER_ALONE, Example
from graft.examples.split import documents_of


def with_access(
    examples: Iterable[Example], access: Mapping[str, Sequence[str]]
) -> tuple[Example, ...]:
    """Return the examples with the access of their documents; `access` is that of each document.

    Who is named may see all of an example's documents. Where no one name may (one is for sales
    and one for the works council), it is the owner's alone: `OWNER_ALONE`.

    >>> asked = Example("1", "Who is paid most?", group="pay.md")
    >>> with_access([asked], {"pay.md": ["hr", "board"], "open.md": []})[0].access
    ('board', 'hr')
    """
    return tuple(
        replace(example, access=common(access.get(id, ()) for id in documents_of(example)))
        for example in examples
    )


def common(each: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Return who may see all of several things, given who may see each; no name is everyone.

    >>> common([["hr", "board"], [], ["hr"]]), common([[], []]), common([["hr"], ["it"]])
    (('hr',), (), ('',))
    """
    closed = [frozenset(names) for names in each if names]
    if not closed:
        return ()
    return tuple(sorted(frozenset.intersection(*closed))) or OWNER_ALONE
