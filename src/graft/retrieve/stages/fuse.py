"""fuse: the settings of what + makes of several legs, and the weights that a run fitted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import Field

from graft.core.errors import ConfigError, FormatError
from graft.core.table import Table
from graft.retrieve.fuse import RRF_K
from graft.retrieve.kind import Parts, StageKind
from graft.retrieve.stage import Fuse

WEIGHTS = "weights.json"
"""The file of a run of `graft tune fusion`: what each leg counts, by its name."""


class FuseTable(Table):
    k: int = Field(RRF_K, ge=1)
    """The constant of reciprocal rank fusion (Cormack et al., SIGIR 2009)."""
    run: str = ""
    """A run of `graft tune fusion` (runs/ID), whose weights count in place of the line's."""


KIND = StageKind("fuse", FuseTable, None)


def settled(fuse: Fuse, legs: Sequence[str], table: FuseTable, parts: Parts) -> Fuse:
    """Return a sum with its constant, and at the weights that a run fitted for its legs.

    `legs` names the leaf in each of its terms, "" for one with several. A run's weights count in
    the sum of just the legs it was fitted for; a sum of others keeps its own. Raises ConfigError
    for a sum of some of them and of others.
    """
    fuse = replace(fuse, k=table.k)
    if not table.run:
        return fuse
    fitted = load_weights(parts.folder(table.run))
    if not set(legs) & set(fitted):
        return fuse
    if set(legs) != set(fitted):
        raise ConfigError(
            f"retrieve.stages.fuse.run is {table.run!r}, which weighs "
            f"{', '.join(sorted(fitted))}, and the pipeline sums "
            f"{', '.join(leg or 'a sum' for leg in legs)}: fit one for these with `graft tune "
            "fusion`, or take it out"
        )
    return replace(fuse, weights=tuple(fitted[leg] for leg in legs))


def load_weights(folder: Path) -> dict[str, float]:
    """Return the weight of each leg from a run's folder. Raises FormatError when it has none."""
    try:
        read = json.loads((folder / WEIGHTS).read_text(encoding="utf-8"))
        return {str(name): float(weight) for name, weight in read.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise FormatError(
            f"{folder} holds no fusion weights ({error}): name a run of `graft tune fusion`"
        ) from error
