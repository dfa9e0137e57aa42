"""Measure: a named value that scores cases; config, tables, report, gate and docs read it.

Graft's own stand in `measures/values/`, those of a package behind the entry-point group
`graft.measures`. A family is measures that differ in a depth, such as nDCG@10 and nDCG@20: those
depths that every evaluation takes are values too, and any other is made when it is named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from graft.core.case import Case, Need
from graft.core.seam import Seam

Score = Callable[[Sequence[Case]], NDArray[np.float64]]
"""Returns `(n,)` float64 for n cases; NaN where the measure does not apply."""


@dataclass(frozen=True)
class Measure:
    """What a score is called, how it is shown, where it is defined, and how it is taken.

    `heading` stands in the report, `short` above a column in a terminal, where every letter
    counts (it may be broken by a line end). `paper` is whose definition is followed; `about` says
    in one sentence what it tells. `score` is given only cases that hold all that it `needs`; the
    first of these is what a system has to give (answers, or rankings) for it to be taken at all.
    `compared` measures are those whose differences are shown. Where a terminal is too narrow,
    what has the highest `spare` goes first. `bounds` are the least and the most that a score can
    be: an interval of one without is made of what was seen alone, and is too narrow where a rare
    score lies far out.
    """

    name: str
    heading: str
    short: str
    paper: str
    about: str
    needs: tuple[Need, ...]
    score: Score = field(repr=False)
    lower_is_better: bool = False
    compared: bool = False
    spare: int = 0
    bounds: tuple[float, float] | None = None


@dataclass(frozen=True)
class MeasureFamily:
    """Measures called NAME@N, each made by `at`: N is a depth, or with `decimals` any number."""

    name: str
    at: Callable[..., Measure] = field(repr=False)
    decimals: bool = False

    def member(self, name: str) -> Measure | None:
        """Return the measure of a name such as "nDCG@20", or None if it is none of these."""
        number = r"([0-9]+(?:\.[0-9]+)?)" if self.decimals else r"([1-9][0-9]*)"
        match = re.fullmatch(f"{re.escape(self.name)}@{number}", name)
        if match is None:
            return None
        return self.at(float(match[1]) if self.decimals else int(match[1]))


def each(score: Callable[[Case], float]) -> Score:
    """Return the score of a list of cases from the score of one.

    >>> words = Measure(
    ...     "words", "Words", "words", "none", "How many words an answer has.", ("answer",),
    ...     each(lambda case: len(case.answer.text.split())),
    ... )
    """

    def scores(cases: Sequence[Case]) -> NDArray[np.float64]:
        return np.array([score(case) for case in cases], dtype=np.float64)

    return scores


_PLACE = ("graft.measures.values", "graft.measures")
MEASURES: Seam[Measure] = Seam("a measure", *_PLACE, Measure, beside=MeasureFamily)
FAMILIES: Seam[MeasureFamily] = Seam("a family of measures", *_PLACE, MeasureFamily, beside=Measure)


RENAMED = {"citation_precision": "right_citations", "citation_recall": "gold_cited"}
"""What measures were called: settings and evaluations of before name them so."""


def name_now(name: str) -> str:
    """Return what the measure of a name is called now; a package may have taken the old name.

    >>> name_now("citation_recall"), name_now("support")
    ('gold_cited', 'support')
    """
    return RENAMED.get(name, name) if name not in MEASURES.all() else name


def measure_named(name: str) -> Measure:
    """Return the measure of a name. Raises ConfigError, naming the nearest, when there is none."""
    if name not in MEASURES.all():
        for family in FAMILIES.all().values():
            if found := family.member(name):
                return found
    return MEASURES.named(name)


def measures_taken(further: Iterable[str] = ()) -> list[Measure]:
    """Return every measure, in the order of their columns, and `further` ones of any depth."""
    named = dict.fromkeys([*MEASURES.all(), *further])
    return [measure_named(name) for name in named]


def measures_in_order(names: Iterable[str]) -> list[Measure]:
    """Return the measures of these names in the order of their columns.

    Names that stand for no measure now (their package is gone) are left out.
    """
    wanted = dict.fromkeys(names)
    own = [measure for name, measure in MEASURES.all().items() if name in wanted]
    made = [f.member(n) for n in wanted if n not in MEASURES.all() for f in FAMILIES.all().values()]
    return [*own, *(measure for measure in made if measure is not None)]
