"""About: what an evaluation was of, and how it is read; about.json beside its rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from graft.core.errors import FormatError
from graft.core.measure import name_now
from graft.evaluate.compare import Sampling
from graft.evaluate.gate import Terms
from graft.evaluate.result import Plan


@dataclass(frozen=True)
class LossCurve:
    """One training's losses: (step, loss) points for train and for dev."""

    name: str
    train: tuple[tuple[int, float], ...]
    dev: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Cost:
    """What one step took: seconds of wall time, and the most memory in bytes (0 unknown)."""

    step: str
    seconds: float
    bytes: int = 0
    note: str = ""


@dataclass(frozen=True)
class LeftOut:
    """A question that no system was asked, as `run` was trained on one that it repeats.

    `by` is "words" or "meaning", and `similarity` what it is by that; `documents` are those that
    both questions are about.
    """

    split: str
    id: str
    question: str
    run: str
    trained_id: str
    trained: str
    similarity: float
    by: str
    documents: tuple[str, ...] = ()


@dataclass(frozen=True)
class About:
    """What was asked, of which systems, and what is read off the rows.

    `systems` says of each what it is (its run, release, context, the digest of its settings);
    `plans` what is compared in each split; `terms` what the gate judges by; `asked` is the hash of
    all that was asked of all systems, empty where nothing was. `created` is in
    seconds since the epoch. `makers` says how many of the questions in each split each maker made.
    The rest is what a report shows beside the figures.
    """

    id: str
    title: str
    command: str
    created: float
    library_version: int
    sampling: Sampling
    plans: Mapping[str, Plan]
    asked: str = ""
    systems: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    runs: Mapping[str, str] = field(default_factory=dict)
    example_set: str = ""
    terms: Terms | None = None
    seconds: float = 0.0
    versions: Mapping[str, str] = field(default_factory=dict)
    curves: tuple[LossCurve, ...] = ()
    costs: tuple[Cost, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)
    makers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    lineage: tuple[tuple[str, str], ...] = ()


_FORM = TypeAdapter(About)


def to_json(about: About) -> str:
    """Return it as the text of about.json."""
    return _FORM.dump_json(about, indent=2).decode() + "\n"


def from_json(text: str) -> About:
    """Return what a text of about.json says.

    Raises FormatError for one of the first version, whose evaluations kept no rows, and for a
    damaged one.
    """
    try:
        told: dict[str, Any] = json.loads(text)
        if told.get("format") == 1:
            raise FormatError(
                f"evaluation {told['id']} was made by the first version of Graft, which kept a "
                "report and no rows: evaluate again"
            )
        return _named_now(_FORM.validate_python(told))
    except (ValidationError, ValueError, AttributeError) as error:
        raise FormatError(f"an about.json is damaged ({error}): evaluate again") from error


def _named_now(about: About) -> About:
    """Return it with the measures that it names as they are called now."""
    plans = {
        split: replace(plan, measures=tuple(map(name_now, plan.measures)))
        for split, plan in about.plans.items()
    }
    terms = about.terms and replace(
        about.terms,
        improve=tuple(map(name_now, about.terms.improve)),
        guard=tuple(map(name_now, about.terms.guard)),
    )
    return replace(about, plans=plans, terms=terms)
