"""Weights: what each leg of a fusion counts, as a run of `graft tune fusion` keeps it."""

from __future__ import annotations

import json
from pathlib import Path

from graft.core.errors import FormatError

WEIGHTS = "weights.json"


def load_weights(folder: Path) -> dict[str, float]:
    """Return the weight of each leg from a run's folder. Raises FormatError when it has none."""
    try:
        read = json.loads((folder / WEIGHTS).read_text(encoding="utf-8"))
        return {name: float(read[name]) for name in ("dense", "bm25")}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise FormatError(
            f"{folder} holds no fusion weights ({error}): name a run of `graft tune fusion`"
        ) from error
