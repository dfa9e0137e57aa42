"""Curves: what a training loop saw at each step, kept as CSV so that anything can plot them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

from graft.core.errors import FormatError


@dataclass(frozen=True)
class CurvePoint:
    """One optimizer step (1-based; 0 is the look at dev before training).

    Losses are means a token (generator) or an example (retriever, reranker), in nats. `dev_loss`
    is None at steps that did not look at dev, `train_loss` None at step 0. `seconds` counts from
    the start of training.
    """

    step: int
    train_loss: float | None
    dev_loss: float | None
    learning_rate: float
    tokens_per_second: float
    seconds: float


def to_csv(points: Iterable[CurvePoint]) -> str:
    """Return the points as CSV with a header; what was not measured is an empty cell.

    >>> print(to_csv([CurvePoint(1, 0.5, None, 1e-4, 250.0, 2.0)]).splitlines()[1])
    1,0.5,,0.0001,250.0,2.0
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, [f.name for f in fields(CurvePoint)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(point) for point in points)
    return text.getvalue()


def from_csv(text: str) -> tuple[CurvePoint, ...]:
    """Return the points of `to_csv`'s text. Raises FormatError when it is damaged.

    >>> from_csv(to_csv([CurvePoint(0, None, 1.5, 0.0, 0.0, 0.1)]))[0].dev_loss
    1.5
    """
    try:
        return tuple(
            CurvePoint(
                int(row["step"]),
                _optional(row["train_loss"]),
                _optional(row["dev_loss"]),
                float(row["learning_rate"]),
                float(row["tokens_per_second"]),
                float(row["seconds"]),
            )
            for row in csv.DictReader(io.StringIO(text))
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"the loss curves are damaged ({error!r}): tune again") from error


def _optional(cell: str) -> float | None:
    return float(cell) if cell else None
