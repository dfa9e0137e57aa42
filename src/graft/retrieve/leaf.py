"""What every leaf does alike: it searches all variants at once and merges them by rank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from graft.core.protocols import Ranked
from graft.core.search import Filter, Hit, Search
from graft.retrieve.fuse import contribute, fuse_ranks


@dataclass(frozen=True)
class Lookup:
    """Parallel columns for one call of the store: what to look for and who may see what."""

    texts: list[str]
    allowed: list[Filter]
    principals: list[frozenset[str] | None]


def search_leaf(
    searches: Sequence[Search], name: str, find: Callable[[Lookup], list[Ranked]]
) -> list[Search]:
    """Return the searches with the hits that `find` brings, in one call for all of them.

    The rankings of a search's query and variants become one by reciprocal rank fusion. A search
    whose query cannot be searched for gets an `error`; one that has an error stays as it is.
    """
    checked = [s if s.error else replace(s, error=_problem(s)) for s in searches]
    phrasings = [[] if s.error else _phrasings(s) for s in checked]
    rows = [(s, text) for s, texts in zip(checked, phrasings, strict=True) for text in texts]
    lookup = Lookup(
        [text for _, text in rows], [s.filter for s, _ in rows], [s.principals for s, _ in rows]
    )
    found = iter(find(lookup) if rows else [])
    return [
        search if search.error else _fill(search, name, [next(found) for _ in texts])
        for search, texts in zip(checked, phrasings, strict=True)
    ]


def _phrasings(search: Search) -> list[str]:
    texts = [search.query, *(v for v in search.variants if v.strip() and _encodes(v))]
    return list(dict.fromkeys(texts))


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


def _fill(search: Search, name: str, rankings: Sequence[Ranked]) -> Search:
    lists = [[Hit(id, document, float(score)) for id, document, score in r] for r in rankings]
    merged = lists[0] if len(lists) == 1 else fuse_ranks(lists, [1.0] * len(lists))
    plural = "phrasing" if len(lists) == 1 else "phrasings"
    line = f"{name}: {len(merged)} hits for {len(lists)} {plural}"
    return replace(search, hits=contribute(merged, name), trace=(*search.trace, line))
