"""What every leaf does alike: it searches all texts at once and merges them by rank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from graft.core.context import Context
from graft.core.protocols import Ranked
from graft.core.search import Filter, Hit, Search, Variant
from graft.retrieve.fuse import contribute, fuse_ranks

BATCH = 512
"""Texts searched for at once, so that a cancel is heard between."""


@dataclass(frozen=True)
class Lookup:
    """Parallel columns for one call of the store: what to look for and who may see what.

    `passages` says of each text whether it reads like a passage rather than a question.
    """

    texts: list[str]
    passages: list[bool]
    allowed: list[Filter]
    principals: list[frozenset[str] | None]


def search_leaf(
    searches: Sequence[Search], name: str, find: Callable[[Lookup], list[Ranked]], ctx: Context
) -> list[Search]:
    """Return the searches with the hits that `find` brings, in few calls for all of them.

    The rankings of a search's query and of the variants that are for this leaf become one by
    reciprocal rank fusion at their weights. A search whose query cannot be searched for gets an
    `error`; one that has an error stays as it is.
    """
    checked = [s if s.error else replace(s, error=_problem(s)) for s in searches]
    wanted = [() if s.error else _variants(s, name) for s in checked]
    rows = [(s, v) for s, variants in zip(checked, wanted, strict=True) for v in variants]
    found = iter([r for batch in ctx.batches(rows, BATCH) for r in find(_lookup(batch))])
    return [
        search if search.error else _fill(search, name, [(v, next(found)) for v in variants])
        for search, variants in zip(checked, wanted, strict=True)
    ]


def _variants(search: Search, leaf: str) -> tuple[Variant, ...]:
    """Return what to look for: the query and variants for this leaf, of equal ones the heaviest."""
    kept: dict[tuple[str, str], Variant] = {}
    for variant in (Variant(search.query), *search.variants):
        meant = variant.weight > 0 and (not variant.leaves or leaf in variant.leaves)
        if meant and variant.text.strip() and _encodes(variant.text):
            held = kept.setdefault((variant.kind, variant.text), variant)
            if variant.weight > held.weight:
                kept[variant.kind, variant.text] = variant
    return tuple(kept.values())


def _lookup(rows: Sequence[tuple[Search, Variant]]) -> Lookup:
    return Lookup(
        [variant.text for _, variant in rows],
        [variant.kind == "passage" for _, variant in rows],
        [search.filter for search, _ in rows],
        [search.principals for search, _ in rows],
    )


def _problem(search: Search) -> str:
    if not search.query.strip():
        return "the query is empty: ask for something in at least one word"
    if not _encodes(search.query):
        return "the query holds half of a surrogate pair, which is no character: remove it"
    return ""


def _encodes(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _fill(search: Search, name: str, found: Sequence[tuple[Variant, Ranked]]) -> Search:
    lists = [[Hit(id, document, float(score)) for id, document, score in r] for _, r in found]
    weights = [variant.weight for variant, _ in found]
    merged = lists[0] if len(lists) == 1 else fuse_ranks(lists, weights)
    plural = "phrasing" if len(lists) == 1 else "phrasings"
    line = f"{name}: {len(merged)} hits for {len(lists)} {plural}"
    return replace(search, hits=contribute(merged, name), trace=(*search.trace, line))
