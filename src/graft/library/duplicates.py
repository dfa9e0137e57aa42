"""Documents that say the same: exact and near duplicates, gathered into groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import compress
from typing import Literal

from graft.core.unions import Unions
from graft.measures.similarity import Signature, Signatures

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


def duplicate_groups(items: Iterable[tuple[str, Signature]], threshold: float = 0.9) -> list[Group]:
    """Return the groups of two or more among (id, signature) items, in their first item's order.

    Similarities are exact for texts of fewer than 256 different shingles and estimated beyond
    (`measures.similarity.Signatures`). Groups are closed under links: a and c may be less alike
    than `threshold` when b is near both. An empty text is a duplicate of none.

    >>> from graft.measures.similarity import signature
    >>> texts = {"a": "One two three.", "b": "One  two THREE.", "c": "Something else"}
    >>> duplicate_groups((id, signature(text)) for id, text in texts.items())
    [Group(kind='exact', ids=('a', 'b'), similarity=1.0)]
    """
    ids: list[str] = []
    copies: dict[str, list[int]] = {}
    signatures = Signatures()
    for place, (id, one) in enumerate(items):
        ids.append(id)
        if not one.plain:
            continue
        same = copies.setdefault(one.plain, [])
        same.append(place)
        if len(same) == 1:
            signatures.add(one)
    return _clusters(ids, list(copies.values()), signatures, threshold)


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
