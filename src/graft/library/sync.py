"""Sync: what an ingest has to do so that the library mirrors the paths it was given."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Seen:
    """A document that stands in a source now; `fingerprint` is of its bytes and its reader."""

    id: str
    fingerprint: str
    source: str


@dataclass(frozen=True)
class Plan:
    """Ids by what is to be done with them; `clashes` keep what is stored.

    A clash is an id that is seen in one root while the library, or another root, has it already:
    (id, the root that keeps it, the root that was left out); both are one when it repeats an id.
    """

    added: tuple[str, ...]
    updated: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]
    clashes: tuple[tuple[str, str, str], ...] = ()


def plan(
    stored: Mapping[str, tuple[str, str]],
    seen: Iterable[Seen],
    *,
    roots: Collection[str],
    unread: Collection[str] = (),
) -> Plan:
    """Compare what is stored, id to (fingerprint, source), with what is seen now.

    Only documents of the `roots` named now may be removed: leave out a root that cannot be read.
    `unread` are ids whose files are there but could not be read: what is stored of them stays.

    >>> stored = {"a.md": ("1", "docs"), "b.md": ("2", "docs"), "z.md": ("9", "other")}
    >>> seen = [Seen("a.md", "1", "docs"), Seen("c.md", "3", "docs")]
    >>> done = plan(stored, seen, roots={"docs"})
    >>> done.added, done.updated, done.removed, done.unchanged
    (('c.md',), (), ('b.md',), ('a.md',))
    """
    added, updated, unchanged, clashes = [], [], [], []
    owner: dict[str, str] = {}
    for item in seen:
        held = stored.get(item.id)
        if item.id in owner:
            clashes.append((item.id, owner[item.id], item.source))
            continue
        if held is not None and held[1] != item.source and held[1] not in roots:
            clashes.append((item.id, held[1], item.source))
            continue
        owner[item.id] = item.source
        if held is None:
            added.append(item.id)
        elif held == (item.fingerprint, item.source):
            unchanged.append(item.id)
        else:
            updated.append(item.id)
    stays = owner.keys() | set(unread)
    removed = [id for id, (_, source) in stored.items() if source in roots and id not in stays]
    return Plan(
        tuple(added), tuple(updated), tuple(sorted(removed)), tuple(unchanged), tuple(clashes)
    )
