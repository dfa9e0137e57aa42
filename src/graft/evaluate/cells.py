"""Cells: which generator, shown which context, so that each part's share can be told.

The generator is the base, the base with worked examples in its prompt ("few-shot"), or a run's;
the context is none, what was retrieved, or the gold evidence. A run's cell has a name, and the
name says the context: NAME is asked without passages, rag+NAME with what was retrieved, and
NAME/gold, NAME/retrieved or NAME/none with that. Few-shot is a control: much of what a small
model gains by tuning is the form of an answer, and a form can also be shown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from graft.core.errors import InputError, nearest
from graft.evaluate.result import Plan

ContextName = Literal["none", "retrieved", "gold"]
CONTEXTS: tuple[ContextName, ...] = get_args(ContextName)

BASE, FEW_SHOT = "base", "few-shot"
"""The generators that are no run's."""


@dataclass(frozen=True)
class Cell:
    """One system: a generator (`BASE`, `FEW_SHOT` or a run's name) and what it is shown."""

    name: str
    generator: str
    context: ContextName


_BARE = (Cell("base", BASE, "none"), Cell("rag", BASE, "retrieved"))
_CONTROLS = (Cell("rag+few-shot", FEW_SHOT, "retrieved"), Cell("base/gold", BASE, "gold"))


def cell_named(name: str) -> Cell:
    """Return the cell that a name stands for. Raises InputError for one that stands for none.

    >>> cell_named("rag+ft").context, cell_named("ft").context, cell_named("ft/gold").generator
    ('retrieved', 'none', 'ft')
    """
    generator, slash, context = name.partition("/")
    taken = {"rag", FEW_SHOT, *(cell.name for cell in (*_BARE, *_CONTROLS))}
    if not re.fullmatch(r"[\w.+-]+", generator) or generator in taken:
        raise InputError(
            f"{name!r} can be no name of a run's cell: write NAME (asked without passages), "
            f"rag+NAME (with what was retrieved) or NAME/gold, and not {', '.join(sorted(taken))}"
        )
    if slash and context not in CONTEXTS:
        near = nearest(context, CONTEXTS, likeness=0.0)
        raise InputError(f"{name!r} names no context, did you mean '{generator}/{near}'?")
    shown: ContextName = context if slash else _home(generator)  # type: ignore[assignment]
    return Cell(_name(generator, shown), generator, shown)


def cells_of(names: Sequence[str], *, few_shot: bool = True) -> tuple[Cell, ...]:
    """Return the cells to ask: the base's, those that are named, and what they are held against.

    First the four that a user asks about, then the control of style, then the rest: a run that is
    named without a context is shown every context.

    >>> [cell.name for cell in cells_of(["ft"])]
    ['base', 'rag', 'ft', 'rag+few-shot', 'base/gold', 'ft/retrieved', 'ft/gold']
    """
    named = sorted(map(cell_named, names), key=lambda cell: CONTEXTS.index(cell.context))
    whole = [cell_named(name).generator for name in names if "/" not in name]
    rest = [Cell(_name(g, c), g, c) for g in whole for c in CONTEXTS]
    cells = dict.fromkeys([*_BARE, *named, *_CONTROLS, *rest])
    return tuple(cell for cell in cells if few_shot or cell.generator != FEW_SHOT)


def pairs_of(cells: Sequence[Cell]) -> tuple[tuple[str, str], ...]:
    """Return the differences that are reported: what each part adds to the others.

    Each run is held against the base and the control that are shown the same; rag+NAME against
    NAME, shown nothing and shown the same; and runs of one context against each other in turn.
    """
    there = [cell.name for cell in cells]
    runs = [cell for cell in cells if cell.generator not in (BASE, FEW_SHOT)]
    closed, open_ = (
        [cell.name for cell in runs if cell.context == context and "/" not in cell.name]
        for context in ("none", "retrieved")
    )
    pairs = [("base", "rag")]
    pairs += [("base", name) for name in closed]
    for name in open_:
        alone = name.removeprefix("rag+")
        pairs += [("rag", name), ("rag+few-shot", name), (alone, name)]
        pairs += [(f"{alone}/retrieved", name)]
    pairs += [pair for names in (closed, open_) for pair in pairwise(names)]
    return tuple((a, b) for a, b in pairs if a in there and b in there)


def plan_of(cells: Sequence[Cell], about: str = "") -> Plan:
    """Return what is read off cells: what each part adds, and which questions moved by tuning.

    Those lead that a reader looks at first: the base's, and the named ones in their own context.
    """
    leading = [c.name for c in cells if c.generator != FEW_SHOT and "/" not in c.name]
    grounded = [name for name in leading if name.startswith("rag+")]
    changed = ("rag", grounded[0]) if grounded else ("base", "rag")
    return Plan(about, pairs_of(cells), changed=changed, leading=tuple(leading))


def _home(generator: str) -> ContextName:
    return "retrieved" if generator.startswith("rag+") else "none"


def _name(generator: str, context: ContextName) -> str:
    return generator if context == _home(generator) else f"{generator}/{context}"
