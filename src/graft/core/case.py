"""Case: one question put to one system, with all that came of it; what a measure scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from graft.core.answer import Answer
from graft.core.example import Example

Need = Literal["answer", "evidence", "reference", "gold", "ranking", "judged"]
"""What a measure may need of a case: an answer; that it was shown passages; accepted answers;
gold; a ranking; and judged ids, one of them relevant."""


@dataclass(frozen=True)
class Case:
    """A question, and what one system made of it.

    `ranking` holds the ids that it ranked, best first, or None where it ranked nothing; `judged`
    maps ids of the same kind (documents or passages) to grades, and what is not in it is not
    relevant. A `closed` question was asked without passages, so nothing could be cited. `seconds`
    is its share of the wall time of the batch that it was asked in.
    """

    example: Example
    answer: Answer | None = None
    ranking: tuple[str, ...] | None = None
    judged: Mapping[str, int] = field(default_factory=dict)
    closed: bool = False
    seconds: float = 0.0

    def has(self, need: Need) -> bool:
        """Return whether it holds what a measure needs.

        >>> Case(Example("e", "Who?", ("a smith",))).has("reference")
        True
        """
        match need:
            case "answer":
                return self.answer is not None
            case "evidence":
                return self.answer is not None and not self.closed
            case "reference":
                return self.example.answerable and bool(self.example.answers)
            case "gold":
                return bool(self.example.gold)
            case "ranking":
                return self.ranking is not None
            case "judged":
                return any(grade > 0 for grade in self.judged.values())
