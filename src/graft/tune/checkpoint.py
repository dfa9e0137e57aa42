"""Checkpoint: where a training stands, so that one that was killed goes on to the bit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from graft.core.errors import FormatError
from graft.core.files import drop_stale, flush
from graft.core.hashing import value_hash
from graft.core.installed import installed_versions
from graft.core.recipe import Recipe
from graft.tune.data import DataRow

SECONDS = 60.0
"""Between two writes: one of an encoder's 22 million weights and AdamW's moments takes .5 s."""


@dataclass(frozen=True)
class Checkpoint:
    """One file, replaced whole; it is written when `every` seconds have gone by since the last."""

    path: Path
    every: float = SECONDS

    def load(self) -> dict[str, Any] | None:
        """Return what was saved last, or None when there is nothing to go on from.

        Raises FormatError for a file that is damaged.
        """
        if not self.path.is_file():
            return None
        try:
            found: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
        except (OSError, EOFError, RuntimeError, ValueError, UnpicklingError) as error:
            raise FormatError(
                f"the checkpoint {self.path} is damaged ({type(error).__name__})"
            ) from error
        return found

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace what was saved before: a kill at any instant leaves the one or the other."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        torch.save(dict(state), partial)
        flush([partial])
        partial.replace(self.path)
        flush([self.path.parent])

    def remove(self) -> None:
        """Throw it away: the run it was for is written."""
        self.path.unlink(missing_ok=True)


def checkpoint_of(
    folder: Path, recipe: Recipe, rows: Iterable[DataRow], *, now: float
) -> Checkpoint:
    """Return the checkpoint of one tuning in a folder of them.

    It is named by the recipe, what it is trained on, and this software. Those of other tunings that
    are older than `STALE_DAYS`, `now` in seconds since the epoch, are thrown away.
    """
    key = value_hash([recipe.to_dict(), [asdict(row) for row in rows], installed_versions()])
    drop_stale(folder.glob("*"), now=now)
    return Checkpoint(folder / f"{recipe.part}-{key[:16]}.pt")
