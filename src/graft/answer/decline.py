"""Decline: how to tell that a model did, how to say it, and from which support on to answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from graft.core.clustered import standard_error
from graft.core.document import Passage
from graft.core.errors import InputError
from graft.measures.sentences import sentences

Values = NDArray[np.float64]

NAMED = 3
"""Titles that a decline names; of more it gives the number."""

_THE = r"(?:(?:the|this|these|those|provided|given|any|retrieved) )*"
_PASSAGES = (
    rf"{_THE}(?:passages?|excerpts?|(?:provided|given|retrieved) (?:context|information)"
    r"|(?:context|information) (?:provided|given|above))(?: (?:provided|given|above))?"
)
_SORRY = r"(?:based on .{0,60}, |i'm sorry,? |i am sorry,? |sorry,? |unfortunately,? |but )*"
_NONE = r"(?:there is )?(?:no|not enough|insufficient|not any)"
_LEFT_OUT = (
    r"(?:(?:it|this|the answer) )?(?:is )?not "
    r"(?:mentioned|stated|specified|given|provided|found|available|known)"
)


def _at_start(*patterns: str) -> re.Pattern[str]:
    return re.compile(f"^{_SORRY}(?:{'|'.join(patterns)})")


_DECLINES = _at_start(
    rf"(?:{_PASSAGES}|{_THE}context) (?:do|does|did) not "
    r"(?:say|state|mention|specify|indicate|provide|contain|answer|hold|include|give|tell)\b",
    r"i (?:do not|cannot|could not|am not able to|am unable to) "
    r"(?:know|find|answer|determine|tell|see|provide|have)\b",
    rf"{_NONE} (?:information|mention|evidence|answer)\b.* (?:in|by|from) {_PASSAGES}\b",
    rf"{_LEFT_OUT} (?:in|by) {_PASSAGES}$",
    r"(?:there is )?(?:not enough|insufficient) information$",
    r"(?:the answer is )?(?:unanswerable|no answer|n/a)$",
)
# What a document may say as well: "No evidence of harm was found."
_HEDGES = _at_start(
    rf"{_THE}(?:information|documents?|texts?|sources?)(?: (?:provided|given|above))? "
    r"(?:do|does|did) not (?:say|state|mention|specify|indicate|provide|contain|answer)\b",
    rf"{_NONE} (?:information|mention|evidence|answer)\b",
    r"(?:(?:it|this|the question|the answer) )?(?:cannot|could not) be "
    r"(?:determined|answered|found)\b",
    rf"{_LEFT_OUT}(?: (?:in|by) {_THE}(?:context|information|documents?|texts?|sources?))?$",
    r"(?:the answer is )?unknown$",
)


def is_decline(text: str, decline: str = "") -> bool:
    """Return whether an answer says at its start that it has none, and can mean nothing else.

    `decline` is what the template asks for in that case; other ways of speaking of oneself or of
    the passages count too. An empty text is a decline.

    >>> is_decline("The passages don't say who.", "The passages do not say.")
    True
    >>> is_decline("No evidence of harm was found.")
    False
    """
    first = _first(text)
    return not first or first == _plain(decline) or _DECLINES.search(first) is not None


def may_decline(text: str) -> bool:
    """Return whether an answer reads like a decline, but may be what a document says.

    >>> may_decline("No evidence of harm was found."), may_decline("Five days.")
    (True, False)
    """
    return _HEDGES.search(_first(text)) is not None


def decline_text(question: str, passages: Sequence[Passage]) -> str:
    """Return what to say instead of an answer: the question, and where it was looked for.

    Documents are named by title, or by id where they have none.

    >>> decline_text("Who pays?", [Passage("p", "pay.md", 0, 1, "x", "s", title="Pay")])
    'I looked for “Who pays?” and found no answer that the documents bear out (looked at: Pay).'
    """
    titles = list(dict.fromkeys(p.title or p.document_id for p in passages))
    asked = " ".join(question.split())
    if not titles:
        return f"I looked for “{asked}” and found no passage that deals with it."
    named = ", ".join(titles[:NAMED])
    if len(titles) > NAMED:
        named += f" and {len(titles) - NAMED} more"
    return (
        f"I looked for “{asked}” and found no answer that the documents bear out "
        f"(looked at: {named})."
    )


@dataclass(frozen=True)
class ThresholdPoint:
    """What one threshold does, of all answers: how many it shows, and how many of those are wrong.

    `coverage` is the share shown, `risk` the share of wrong ones among these (0 of none), and
    `utility` the mean worth: 1 for a right answer shown, -cost for a wrong one, 0 for none.
    """

    threshold: float
    coverage: float
    risk: float
    utility: float


@dataclass(frozen=True)
class FittedThreshold:
    """A threshold, what it gained over showing all in cross-validation, and the whole curve.

    `enough` is False when there were too few answers of one kind to fit on; then `threshold` is
    the default.
    """

    threshold: float
    gain: float
    standard_error: float
    curve: tuple[ThresholdPoint, ...]
    enough: bool

    def risk_at(self, coverage: float) -> float:
        """Return the risk where as few answers are shown as are `coverage` of all, or more.

        >>> fitted = fit_threshold([0.9, 0.8, 0.3, 0.2] * 5, [True, True, False, False] * 5)
        >>> fitted.risk_at(1.0), fitted.risk_at(0.5)
        (0.5, 0.0)
        """
        able = [point for point in self.curve if point.coverage >= coverage]
        return min(able, key=lambda point: point.coverage).risk if able else 0.0


FOLDS = 10
"""Parts of the development answers of which each is judged by the threshold of the others."""


def fit_threshold(
    supports: Sequence[float],
    right: Sequence[bool],
    *,
    groups: Sequence[str] = (),
    cost: float = 1.0,
    default: float = 0.5,
    smallest: int = 5,
) -> FittedThreshold:
    """Return the support from which on development answers are best shown, by their utility.

    This is selective prediction (abstention) with its risk and coverage: El-Yaniv and Wiener 2010.
    `right` says of each answer whether it should be shown; answers to unanswerable questions
    never should. Give answers made with the threshold at 0, without those where the model itself
    declined. A wrong answer shown costs `cost`. The threshold is what is best on all, if fitting
    gains more than one standard error over showing all, on `groups` (documents) that it was not
    fitted on (Breiman et al. 1984's rule); else it is 0. With fewer than `smallest` right or wrong
    answers the default stays. Raises InputError when the lengths differ.

    >>> supports, right = [0.9, 0.8, 0.3, 0.2] * 5, [True, True, False, False] * 5
    >>> fit_threshold(supports, right).threshold
    0.55
    """
    return fit_best(
        [supports], right, groups=groups, cost=cost, default=default, smallest=smallest
    )[1]


def fit_best(
    columns: Sequence[Sequence[float]],
    right: Sequence[bool],
    *,
    groups: Sequence[str] = (),
    cost: float = 1.0,
    default: float = 0.5,
    smallest: int = 5,
) -> tuple[int, FittedThreshold]:
    """Return which of several confidences in the same answers is best to decide by, and from where.

    As `fit_threshold`, with the column chosen together with its threshold: on the documents of the
    other folds too, so that the best of several has no more luck than one. Where declining does
    not gain, or there is too little to fit on, it is the first.
    """
    if wrong := [len(column) for column in columns if len(column) != len(right)]:
        raise InputError(f"{wrong[0]} supports were given for {len(right)} labels: pair them")
    scores = [np.array(column, dtype=np.float64) for column in columns]
    worth = np.where(np.array(right, dtype=bool), 1.0, -cost)
    thresholds = [_thresholds(column) for column in scores]
    if min(int((worth > 0).sum()), int((worth <= 0).sum())) < smallest:
        return 0, FittedThreshold(default, 0.0, 0.0, _curve(thresholds[0], scores[0], worth), False)
    owners = list(groups) or [f"{i:09}" for i in range(len(worth))]
    fold_of = {name: i % FOLDS for i, name in enumerate(sorted(set(owners)))}
    folds = np.array([fold_of[name] for name in owners])
    gains = np.zeros(len(worth))
    for fold in range(FOLDS):
        out = folds == fold
        at, best = _best_of(thresholds, scores, worth, ~out)
        gains[out] = np.where(scores[at][out] >= best, worth[out], 0.0) - worth[out]
    gain, error = float(gains.mean()), standard_error(gains, owners)
    every = np.ones(len(worth), dtype=bool)
    at, best = _best_of(thresholds, scores, worth, every) if gain > error else (0, 0.0)
    return at, FittedThreshold(best, gain, error, _curve(thresholds[at], scores[at], worth), True)


def _thresholds(scores: Values) -> list[float]:
    """Return thresholds between two levels, rounded so that a release's file stays readable."""
    middles = [_between(low, high) for low, high in pairwise(sorted(set(scores.tolist())))]
    return list(dict.fromkeys([0.0, *middles, 1.0]))


def _curve(
    thresholds: Sequence[float], scores: Values, worth: Values
) -> tuple[ThresholdPoint, ...]:
    return tuple(_point(threshold, scores, worth) for threshold in thresholds)


def _best_of(
    thresholds: Sequence[Sequence[float]],
    scores: Sequence[Values],
    worth: Values,
    among: NDArray[np.bool_],
) -> tuple[int, float]:
    """Return the column and threshold of the highest utility among some, the first of several."""
    found = [
        _best(tried, column[among], worth[among])
        for tried, column in zip(thresholds, scores, strict=True)
    ]
    utility = [
        worth[among][column[among] >= best].sum()
        for best, column in zip(found, scores, strict=True)
    ]
    at = int(np.argmax(utility))
    return at, found[at]


def _best(thresholds: Sequence[float], scores: Values, worth: Values) -> float:
    """Return the threshold of the highest utility, of several the lowest."""
    utility = [float(worth[scores >= t].sum()) for t in thresholds]
    return thresholds[int(np.argmax(utility))]


def _between(low: float, high: float) -> float:
    middle = (low + high) / 2
    for digits in (2, 3, 4, 6):
        if low < round(middle, digits) <= high:
            return round(middle, digits)
    return middle


def _point(threshold: float, scores: Values, worth: Values) -> ThresholdPoint:
    shown = worth[scores >= threshold]
    if not len(worth):
        return ThresholdPoint(threshold, 0.0, 0.0, 0.0)
    risk = float((shown <= 0).mean()) if len(shown) else 0.0
    return ThresholdPoint(threshold, len(shown) / len(worth), risk, float(shown.sum()) / len(worth))


def _first(text: str) -> str:
    return _plain(text[slice(*sentences(text)[0])]) if _plain(text) else ""


def _plain(text: str) -> str:
    lower = text.lower().replace("’", "'")
    lower = re.sub(r"\bcan't\b", "cannot", re.sub(r"\b(\w+)n't\b", _spell_out, lower))
    return " ".join(lower.split()).strip(" .!\"'*")


def _spell_out(match: re.Match[str]) -> str:
    return {"ca": "cannot", "wo": "will not"}.get(match[1], f"{match[1]} not")
