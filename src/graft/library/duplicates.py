"""Documents that say the same: exact and near duplicates, gathered into groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import compress
from typing import Literal

from graft.core.hashing import text_hash
from graft.core.unions import Unions
from graft.measures.similarity import Signatures, normalize_text

HEADS = 64
"""Groups that one text is compared with in a bucket, so that a crowded bucket stays linear."""


@dataclass(frozen=True)
class Group:
    """Documents that are copies of each other, in the order they came.

    An "exact" group holds texts that are equal but for case, spaces and Unicode form; in a "near"
    one every text is linked to another one of the group. `similarity` is its weakest link's
    Jaccard similarity over runs of three words: 1 when exact.
    """

    kind: Literal["exact", "near"]
    ids: tuple[str, ...]
    similarity: float


def duplicate_groups(items: Iterable[tuple[str, str]], threshold: float = 0.9) -> list[Group]:
    """Return the groups of two or more among (id, text) items, in the order of their first item.

    No text is kept: memory is at most 2.5 KiB an item. Similarities are exact for texts of fewer
    than 256 different shingles and estimated beyond (`measures.similarity.Signatures`). Groups
    are closed under links: a and c may be less alike than `threshold` when b is near both. An
    empty text is a duplicate of none.

    >>> items = [("a", "One two three."), ("b", "One  two THREE."), ("c", "Something else")]
    >>> duplicate_groups(items)
    [Group(kind='exact', ids=('a', 'b'), similarity=1.0)]
    """
    return _group(items, threshold)[1]


def groups(items: Iterable[tuple[str, str]], threshold: float = 0.9) -> dict[str, str]:
    """Return for every id the id of the first member of its group, itself if it has no copies.

    Splits keep what shares a group on one side.

    >>> groups([("a", "one two"), ("b", "One two"), ("c", "other")])
    {'a': 'a', 'b': 'a', 'c': 'c'}
    """
    ids, found = _group(items, threshold)
    cluster = {id: id for id in ids}
    for group in found:
        cluster.update(dict.fromkeys(group.ids, group.ids[0]))
    return cluster


def _group(items: Iterable[tuple[str, str]], threshold: float) -> tuple[list[str], list[Group]]:
    ids: list[str] = []
    copies: dict[str, list[int]] = {}
    signatures = Signatures()
    for place, (id, text) in enumerate(items):
        ids.append(id)
        plain = normalize_text(text)
        if not plain:
            continue
        same = copies.setdefault(text_hash(plain), [])
        same.append(place)
        if len(same) == 1:
            signatures.add(plain)
    return ids, _clusters(ids, list(copies.values()), signatures, threshold)


def _clusters(
    ids: list[str], copies: list[list[int]], signatures: Signatures, threshold: float
) -> list[Group]:
    """Join the distinct texts (`copies` holds the places of each) that are near-duplicates."""
    joined: Unions[int] = Unions()
    weakest = [1.0] * len(copies)
    for bucket in signatures.buckets(threshold):
        heads: list[int] = []
        for text in bucket.tolist():
            root = joined.find(text)
            others = [head for head in heads if joined.find(head) != root]
            near = signatures.may_reach(threshold, others, text) if others else ()
            for head in compress(others, near):
                here, there = joined.find(text), joined.find(head)
                if here == there:
                    continue
                score = signatures.similarity(head, text)
                if score >= threshold:
                    joined.join(here, there)
                    weakest[min(here, there)] = min(weakest[here], weakest[there], score)
            root = joined.find(text)
            if len(heads) < HEADS and all(joined.find(head) != root for head in heads):
                heads.append(text)
    members = defaultdict(list)
    for text, places in enumerate(copies):
        members[joined.find(text)].extend(places)
    found = []
    for root, places in members.items():
        if len(places) > 1:
            kind: Literal["exact", "near"] = "exact" if len(copies[root]) == len(places) else "near"
            names = tuple(ids[place] for place in sorted(places))
            found.append((min(places), Group(kind, names, weakest[root])))
    return [group for _, group in sorted(found, key=lambda pair: pair[0])]
