"""Maker: one way to make questions from a document, found by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from graft.core.document import Document, Passage
from graft.core.errors import ConfigError
from graft.core.seam import Seam
from graft.examples.drafts import Draft

Drafting = Callable[[Document, Sequence[Passage], Random], Iterator[Draft]]
"""What there is to ask about in one document, one draft after the other, drawn by chance."""


@dataclass(frozen=True)
class Maker:
    """One way to make questions.

    `drafts` yields what one document can be asked, lazily: no more is taken than is wanted. A draft
    that has its question and its answer costs no model call; of one that has not, a model asks, and
    a reader answers. `share` is how many of the questions are of this maker, beside the shares of
    the others, unless `[examples.makers]` says otherwise.
    """

    name: str
    about: str
    share: float
    drafts: Drafting


MAKERS: Seam[Maker] = Seam("a maker", "graft.examples.makers", "graft.makers", Maker)


def shares_of(said: Mapping[str, float]) -> dict[str, float]:
    """Return the share of every maker that has one: what is said of it, else its own.

    Raises ConfigError for a name that no maker has, or where nothing is left.

    >>> shares_of({"reason": 0})["condition"] == MAKERS.named("condition").share
    True
    """
    for name in said:
        MAKERS.named(name)
    shares = {name: said.get(name, maker.share) for name, maker in MAKERS.all().items()}
    if not any(shares.values()):
        raise ConfigError(
            "examples.makers leaves every maker without a share: give one more than 0"
        )
    return {name: share for name, share in shares.items() if share}
