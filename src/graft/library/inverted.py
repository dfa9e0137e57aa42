"""Inverted: a segmentation's full text, sorted once and mapped from the disk by who comes next.

It is made of the tables and may go at any time: a process that does not find it sorts anew.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import numpy as np

from graft.library.fulltext import FullText
from graft.library.manifest import TableState

FOLDER = "fulltext"

KEPT_FROM = 20_000
"""Passages from which it is kept: fewer are sorted in .2 s."""

ARRAYS = ("terms", "starts", "passages", "weights", "counts", "lengths")


def name_of(passages: TableState, segmentation: str) -> str:
    """Return the folder of one segmentation of a state of the passages table."""
    return f"{passages.name}-v{passages.version}-{segmentation}"


def load(library: Path, name: str, size: int) -> FullText | None:
    """Return a kept full text of `size` passages, its arrays mapped; None where there is none."""
    folder = library / FOLDER / name
    try:
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        arrays = {
            each: np.load(folder / f"{each}.npy", mmap_mode="r").view(np.ndarray) for each in ARRAYS
        }
    except (OSError, ValueError):  # not there, or cut off while it was written
        return None
    told = {each: len(array) for each, array in arrays.items()}
    if about["lengths"] != told or told["lengths"] != size:
        return None
    return FullText(shift=int(about["shift"]), **arrays)


def save(library: Path, name: str, text: FullText) -> None:
    """Keep a full text, whole or not at all; where the folder takes no files nothing is kept."""
    target = library / FOLDER / name
    building = target.with_name(f".{secrets.token_hex(8)}")
    with suppress(OSError):
        try:
            building.mkdir(parents=True)
            for each in ARRAYS:
                np.save(building / f"{each}.npy", getattr(text, each))
            about = {
                "shift": text.shift, "lengths": {each: len(getattr(text, each)) for each in ARRAYS}
            }  # fmt: skip
            (building / "about.json").write_text(json.dumps(about), encoding="utf-8")
            building.rename(target)
        finally:
            shutil.rmtree(building, ignore_errors=True)


def clean(library: Path, used: Collection[TableState]) -> None:
    """Throw away what was sorted of states of the passages table that nobody reads any more."""
    begins = tuple(name_of(state, "") for state in used)
    for path in (library / FOLDER).glob("*"):
        if not path.name.startswith(begins):
            shutil.rmtree(path, ignore_errors=True)
