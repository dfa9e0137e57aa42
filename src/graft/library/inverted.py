"""Inverted: a segmentation's full text, sorted once and mapped from the disk by who comes next.

It is made of the tables and may go at any time: a process that does not find it sorts anew. The
newest of an older version stays too, so that of a version that changed little it is regrown.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft.library.analyse import ANALYSER
from graft.library.fulltext import FullText
from graft.library.manifest import TableState

FOLDER = "fulltext"

KEPT_FROM = 20_000
"""Passages from which it is kept: fewer are sorted in .2 s."""

REGROWN = 0.1
"""The share of passages that may be new where an older full text is regrown."""

ADDRESSES = "addresses"
ARRAYS = ("terms", "starts", "passages", "weights", "counts", "lengths")


Kept = tuple[FullText, NDArray[np.uint64]]
"""A full text, its arrays mapped, and the addresses of its passages' rows."""


def name_of(passages: TableState, segmentation: str) -> str:
    """Return the folder of one segmentation of a state of the passages table."""
    return f"{passages.name}-v{passages.version}-{segmentation}"


def load(library: Path, name: str, size: int) -> FullText | None:
    """Return a kept full text of `size` passages, its arrays mapped; None where there is none."""
    found = _load(library / FOLDER / name)
    return found[0] if found and len(found[0].lengths) == size else None


def older(library: Path, passages: TableState, segmentation: str) -> Kept | None:
    """Return the newest full text of an older version of the passages table, if one was kept."""
    for _, path in reversed(_versions(library, passages.name, segmentation)):
        if found := _load(path):
            return found
    return None


def _versions(library: Path, table: str, segmentation: str) -> list[tuple[int, Path]]:
    """Return the versions of a table whose full text is kept, oldest first."""
    found = []
    for path in (library / FOLDER).glob(f"{table}-v*-{segmentation}"):
        number = path.name.removeprefix(f"{table}-v").partition("-")[0]
        found += [(int(number), path)] if number.isdigit() else []
    return sorted(found)


def _load(folder: Path) -> Kept | None:
    try:
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        arrays = {
            each: np.load(folder / f"{each}.npy", mmap_mode="r").view(np.ndarray)
            for each in (*ARRAYS, ADDRESSES)
        }
    except (OSError, ValueError):  # not there, or cut off while it was written
        return None
    if about.get("analyser", 1) != ANALYSER:
        return None
    if about["lengths"] != {each: len(array) for each, array in arrays.items()}:
        return None
    addresses = arrays.pop(ADDRESSES)
    return FullText(shift=int(about["shift"]), **arrays), addresses


def save(library: Path, name: str, text: FullText, addresses: NDArray[np.uint64]) -> None:
    """Keep a full text, whole or not at all; where the folder takes no files nothing is kept.

    `addresses` are those of the passages' rows in their table.
    """
    target = library / FOLDER / name
    building = target.with_name(f".{secrets.token_hex(8)}")
    with suppress(OSError):
        try:
            building.mkdir(parents=True)
            arrays = {each: getattr(text, each) for each in ARRAYS} | {ADDRESSES: addresses}
            for each, array in arrays.items():
                np.save(building / f"{each}.npy", array)
            lengths = {each: len(array) for each, array in arrays.items()}
            about = {"shift": text.shift, "analyser": ANALYSER, "lengths": lengths}
            (building / "about.json").write_text(json.dumps(about), encoding="utf-8")
            if _load(target) is None:  # damaged, or by an older version of Graft
                shutil.rmtree(target, ignore_errors=True)
            building.rename(target)
            # Sorted while a purge threw the table away: what it said is to go too.
            if not (library / f"{name.rpartition('-v')[0]}.lance").exists():
                shutil.rmtree(target)
        finally:
            shutil.rmtree(building, ignore_errors=True)


def clean(library: Path, used: Collection[TableState]) -> None:
    """Throw away what was sorted of states of the passages table that nobody reads any more.

    Of tables that are still there, the newest of each segmentation stays.
    """
    begins = [name_of(state, "") for state in used]
    for table in {state.name for state in used}:
        cuts = {path.name.rpartition("-")[2] for path in (library / FOLDER).glob(f"{table}-v*")}
        newest = [_versions(library, table, cut)[-1:] for cut in cuts]
        begins += [path.name for some in newest for _, path in some]
    for path in (library / FOLDER).glob("*"):
        if not path.name.startswith(tuple(begins)):
            shutil.rmtree(path, ignore_errors=True)
