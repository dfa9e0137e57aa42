"""Manifest: what one published version of the library consists of; the pointer says which is it.

library/published        the number of the version in use: replacing it is the only commit
library/manifests/N.json the tables of version N with their versions, counts and digests
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from graft.core.errors import FormatError
from graft.core.files import write_atomic
from graft.core.hashing import value_hash
from graft.core.space import Coded, Space
from graft.library.analyse import ANALYSER, ENGLISH

FORMAT = 3
"""The manifest format this Graft writes; it reads older ones too, and a newer one is refused.
Since 2 a space says how its codes are compared, since 3 the library which analyser made its
postings."""


@dataclass(frozen=True)
class TableState:
    """One LanceDB table at one version, with the set digest of its rows' keys."""

    name: str
    version: int
    rows: int = 0
    digest: str = ""


@dataclass(frozen=True)
class Coding:
    """How a large space is searched: among how many candidates, found by which codes.

    `asked` is the setting, `kind` what it came to; "float32" compares every vector. `recall` is
    recall@10 against exact search, measured over `rows`; `tail` were added since, `deleted` taken
    away.
    """

    asked: Coded
    kind: Coded
    candidates: int
    recall: float
    rows: int
    tail: int = 0
    deleted: int = 0

    @property
    def changed(self) -> int:
        """How many rows came and went since it was measured."""
        return self.tail + self.deleted


@dataclass(frozen=True)
class SpaceState:
    """A space, its table, and its codes if it is large enough to have some.

    `filled` names the index outside the library that held all of it when it was published.
    """

    space: Space
    table: TableState
    coding: Coding | None = None
    filled: str = ""


@dataclass(frozen=True)
class Cut:
    """One segmentation: how many passages it has, and the set digest of their ids."""

    rows: int
    digest: str


@dataclass(frozen=True)
class Manifest:
    """A version of the library; version 0 is the empty one that no file describes."""

    version: int = 0
    created: float = 0.0
    documents: TableState | None = None
    passages: TableState | None = None
    spaces: tuple[SpaceState, ...] = ()
    segmentations: Mapping[str, Cut] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=lambda: {"documents": 0, "passages": 0})
    stop_words: tuple[str, ...] = ENGLISH
    analyser: int = ANALYSER

    @property
    def tables(self) -> tuple[TableState, ...]:
        """Return the states of all its tables."""
        own = (self.documents, self.passages)
        return (*(t for t in own if t is not None), *(s.table for s in self.spaces))


def set_digest(keys: Iterable[str]) -> str:
    """Return a digest of a set of keys that does not depend on their order.

    >>> set_digest(["a", "b"]) == set_digest(["b", "a"]) != set_digest(["a"])
    True
    """
    return f"{sum(map(key_digest, keys)) % (1 << 128):032x}"


def key_digest(key: str) -> int:
    """Return what one key adds to the digest of its set."""
    return int.from_bytes(blake2b(key.encode(), digest_size=16).digest(), "big")


def published(folder: Path) -> int:
    """Return the number of the published version, 0 before the first.

    Raises FormatError when the pointer holds no number.
    """
    try:
        text = (folder / "published").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return 0
    if not text.isdigit():
        raise FormatError(
            f"{folder / 'published'} holds {text[:40]!r} where a version number was expected: "
            "write the highest number in manifests/ there, or delete the folder and ingest anew"
        )
    return int(text)


def read_manifest(folder: Path, version: int) -> Manifest:
    """Return the manifest of a version.

    Raises FormatError when it is missing or damaged, or a newer Graft wrote it.
    """
    if version == 0:
        return Manifest()
    path = _path(folder, version)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        number = int(data["format"])
        if number > FORMAT:
            raise FormatError(
                f"{path} has format {number} and this Graft reads up to {FORMAT}: update Graft"
            )
        if data.pop("digest") != value_hash(data):
            raise ValueError("its digest does not fit its content")
        return _decode(data)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(
            f"{path} cannot be read ({error}): restore it from a backup, or delete {folder} "
            "and ingest anew"
        ) from error


def publish_manifest(folder: Path, manifest: Manifest) -> None:
    """Write a manifest, then make it the published one: the commit point."""
    data = {"format": FORMAT, **asdict(manifest)}
    # Through JSON once, so that the digest is of what a reader will parse.
    data = json.loads(json.dumps(data))
    text = json.dumps({**data, "digest": value_hash(data)}, indent=1)
    write_atomic(_path(folder, manifest.version), text)
    write_atomic(folder / "published", f"{manifest.version}\n")


def manifest_versions(folder: Path) -> list[int]:
    """Return the numbers of all manifests on disk, published or not."""
    return sorted(int(p.stem) for p in (folder / "manifests").glob("*.json") if p.stem.isdigit())


def remove_manifest(folder: Path, version: int) -> None:
    """Delete a manifest."""
    _path(folder, version).unlink(missing_ok=True)


def _path(folder: Path, version: int) -> Path:
    return folder / "manifests" / f"{version}.json"


def _decode(data: dict[str, Any]) -> Manifest:
    own = {name: data[name] and TableState(**data[name]) for name in ("documents", "passages")}
    return Manifest(
        version=data["version"],
        created=data["created"],
        spaces=tuple(
            SpaceState(
                Space(**entry["space"]),
                TableState(**entry["table"]),
                Coding(**entry["coding"]) if entry.get("coding") else None,
                entry.get("filled", ""),
            )
            for entry in data["spaces"]
        ),
        segmentations={id: Cut(**cut) for id, cut in data["segmentations"].items()},
        counts=data["counts"],
        stop_words=tuple(data["stop_words"]),
        analyser=data.get("analyser", 1),
        **own,
    )
