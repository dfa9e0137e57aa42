"""Decline: how to tell that a model did, how to say it, and from which support on to answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from graft.core.document import Passage
from graft.core.errors import InputError
from graft.measures.sentences import sentences

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
    """What one threshold does: the share of right answers kept and of wrong ones declined."""

    threshold: float
    kept: float
    declined: float

    @property
    def value(self) -> float:
        """The mean of both shares, so that neither kind counts more for being frequent."""
        return (self.kept + self.declined) / 2


@dataclass(frozen=True)
class FittedThreshold:
    """A threshold with its balanced value on the data, and the whole curve.

    `enough` is False when there were too few answers of one kind to fit on; then `threshold` is
    the default.
    """

    threshold: float
    value: float
    curve: tuple[ThresholdPoint, ...]
    enough: bool


def fit_threshold(
    supports: Sequence[float], right: Sequence[bool], *, default: float = 0.5, smallest: int = 5
) -> FittedThreshold:
    """Return the decline threshold with the best balanced value on development answers.

    `right` says of each answer whether it should be shown; answers to unanswerable questions
    never should. Give answers made with the threshold at 0, without those where the model itself
    declined. Of thresholds that do equally well the lowest is taken. With fewer than `smallest`
    right or wrong answers the default stays. Raises InputError when the lengths differ.

    >>> fit_threshold([0.9, 0.8, 0.3, 0.2], [True, True, False, False], smallest=2).threshold
    0.55
    """
    if len(supports) != len(right):
        raise InputError(f"{len(supports)} supports were given for {len(right)} labels: pair them")
    good = [s for s, keep in zip(supports, right, strict=True) if keep]
    bad = [s for s, keep in zip(supports, right, strict=True) if not keep]
    levels = sorted(set(supports))
    # Thresholds between two levels, rounded so that a release's file stays readable.
    middles = [_between(low, high) for low, high in pairwise(levels)]
    curve = tuple(_point(t, good, bad) for t in dict.fromkeys([0.0, *middles, 1.0]))
    if len(good) < smallest or len(bad) < smallest:
        return FittedThreshold(default, _point(default, good, bad).value, curve, False)
    best = max(curve, key=lambda point: (point.value, -point.threshold))
    return FittedThreshold(best.threshold, best.value, curve, True)


def _between(low: float, high: float) -> float:
    middle = (low + high) / 2
    for digits in (2, 3, 4, 6):
        if low < round(middle, digits) <= high:
            return round(middle, digits)
    return middle


def _point(threshold: float, good: Sequence[float], bad: Sequence[float]) -> ThresholdPoint:
    kept = sum(s >= threshold for s in good) / len(good) if good else 1.0
    declined = sum(s < threshold for s in bad) / len(bad) if bad else 1.0
    return ThresholdPoint(threshold, kept, declined)


def _first(text: str) -> str:
    return _plain(text[slice(*sentences(text)[0])]) if _plain(text) else ""


def _plain(text: str) -> str:
    lower = text.lower().replace("’", "'")
    lower = re.sub(r"\bcan't\b", "cannot", re.sub(r"\b(\w+)n't\b", _spell_out, lower))
    return " ".join(lower.split()).strip(" .!\"'*")


def _spell_out(match: re.Match[str]) -> str:
    return {"ca": "cannot", "wo": "will not"}.get(match[1], f"{match[1]} not")
