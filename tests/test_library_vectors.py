"""Exact and approximate search agree, under every filter; recall is measured and kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from graft.core.context import Context, Event
from graft.core.document import Document, Passage
from graft.core.protocols import Ranked, Vectors
from graft.core.search import Filter
from graft.core.space import Space
from graft.library import ann, vectors
from graft.library.store import Library

ROWS, WIDTH = 2000, 16
SPACE = Space("whole", "any", "digest-of-any", WIDTH)


def clustered(rows: int, seed: int) -> Vectors:
    draw = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((20, WIDTH))
    points = centres[draw.integers(0, 20, rows)] + 0.5 * draw.standard_normal((rows, WIDTH))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def put(
    folder: Path, points: Vectors, ctx: Context, first: int = 0, ann_from: int = 1000
) -> Library:
    documents = [
        Document(f"d{first + i:05}", "text", access=("staff",) if (first + i) % 10 else ())
        for i in range(len(points))
    ]
    passages = [Passage(f"p{d.id}", d.id, 0, 4, "text", "whole") for d in documents]
    with Library.open(folder).writer(ctx, ann_from=ann_from) as writer:
        writer.add_space(SPACE)
        writer.put_documents(documents)
        writer.put_passages(passages)
        writer.put_vectors(SPACE, passages, points)
        writer.publish()
    return Library.open(folder)


def ask(
    library: Library, queries: Vectors, limit: int = 10, allowed: Filter | None = None,
    who: frozenset[str] | None = None,
) -> list[Ranked]:  # fmt: skip
    return library.nearest(
        queries, limit, allowed=[allowed or Filter()] * len(queries),
        encoder_digest=SPACE.encoder_digest, principals=[who] * len(queries),
    )  # fmt: skip


def exactly(
    points: Vectors, queries: Vectors, rows: NDArray[np.int64], limit: int = 10
) -> list[set[str]]:
    scores = queries @ points[rows].T
    return [{f"pd{rows[i]:05}" for i in np.argsort(-row)[:limit]} for row in scores]


def recall(found: list[Ranked], wanted: list[set[str]]) -> float:
    hits = sum(len({h[0] for h in a} & b) for a, b in zip(found, wanted, strict=True))
    return hits / sum(map(len, wanted))


@pytest.fixture(scope="module", autouse=True)
def few_samples() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ann, "SAMPLE", 20)
        yield


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Library, Vectors]:
    points = clustered(ROWS, 1)
    library = put(tmp_path_factory.mktemp("indexed"), points, Context())
    return library, points


def test_a_large_space_has_an_index_whose_recall_was_measured(
    indexed: tuple[Library, Vectors],
) -> None:
    library, points = indexed
    (state,) = library.space_states
    assert state.index is not None
    assert (state.index.rows, state.index.tail) == (ROWS, 0)
    assert state.index.recall >= ann.RECALL
    queries = clustered(30, 2)
    found = ask(library, queries)
    assert recall(found, exactly(points, queries, np.arange(ROWS))) >= ann.RECALL
    for query, ranked in zip(queries, found, strict=True):
        scores = [score for _, _, score in ranked]
        assert scores == sorted(scores, reverse=True)
        best = points[int(ranked[0][1][1:])]
        assert scores[0] == pytest.approx(float(query @ best), abs=1e-4)
    assert library.check() == []


@pytest.mark.parametrize("way", ["vectors read", "widened", "scanned"])
def test_a_filter_applies_before_the_limit(
    indexed: tuple[Library, Vectors], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    library, points = indexed
    monkeypatch.setattr(vectors, "EXACT_ROWS", {"vectors read": 500, "widened": 199}.get(way, 20))
    queries = clustered(20, 3)
    visible = np.arange(0, ROWS, 10)
    found = ask(library, queries, 10, who=frozenset())
    assert {len(ranked) for ranked in found} == {10}
    assert all(int(document[1:]) % 10 == 0 for ranked in found for _, document, _ in ranked)
    least = 0.9 if way == "widened" else 1.0
    assert recall(found, exactly(points, queries, visible)) >= least
    one = ask(library, queries, 10, Filter(document_ids=frozenset({"d00077", "d01999"})))
    assert {frozenset(h[1] for h in ranked) for ranked in one} == {frozenset({"d00077", "d01999"})}
    assert ask(library, queries[:1], 10, Filter(under="nothing")) == [[]]


def test_a_filter_far_from_the_query_still_fills_the_limit(
    indexed: tuple[Library, Vectors], monkeypatch: pytest.MonkeyPatch
) -> None:
    library, points = indexed
    monkeypatch.setattr(vectors, "EXACT_ROWS", 205)
    (query,) = clustered(1, 6)
    farthest = np.sort(np.argsort(points @ query)[:210])
    allowed = Filter(document_ids=frozenset(f"d{row:05}" for row in farthest))
    found = ask(library, query[None], 10, allowed)
    assert recall(found, exactly(points, query[None], farthest)) == 1


def test_a_limit_beyond_all_passages_gets_them_all(indexed: tuple[Library, Vectors]) -> None:
    library, _ = indexed
    (found,) = ask(library, clustered(1, 4), 5 * ROWS)
    assert len(found) == len({h[0] for h in found}) == ROWS


def test_an_index_is_kept_up_and_dropped_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points, stages = clustered(1500, 1), list[str]()

    def listen(event: Event) -> None:
        if event.phase == "start":
            stages.append(event.stage)

    ctx = Context(events=listen)
    put(tmp_path, points[:1000], ctx)
    assert stages.count("index vectors") == 1
    # A few more are only scanned beside the index.
    library = put(tmp_path, points[1000:1040], ctx, first=1000)
    (state,) = library.space_states
    assert state.index and state.index.tail == 40 and stages.count("index vectors") == 1
    (ranked,) = ask(library, points[1020:1021], 1)
    assert ranked[0][1] == "d01020"
    # Many more bring it up to date.
    monkeypatch.setattr(ann, "TAIL_ROWS", 100)
    library = put(tmp_path, points[1040:], ctx, first=1040)
    (state,) = library.space_states
    assert state.index and state.index.tail == 0 and stages.count("index vectors") == 2
    queries = clustered(30, 5)
    assert recall(ask(library, queries), exactly(points, queries, np.arange(1500))) >= 0.95
    # Deleted ones are gone at once; too few are left for an index in the end.
    with library.writer(ctx, ann_from=1000) as writer:
        writer.remove([f"d{i:05}" for i in range(0, 300)])
        writer.publish()
    library = Library.open(tmp_path)
    (state,) = library.space_states
    assert state.index and state.index.deleted == 300
    left = np.arange(300, 1500)
    assert recall(ask(library, queries), exactly(points, queries, left)) >= 0.95
    with library.writer(ctx, ann_from=1000) as writer:
        writer.remove([f"d{i:05}" for i in range(300, 700)])
        writer.publish()
    library = Library.open(tmp_path)
    assert library.space_states[0].index is None and library.check() == []
    assert recall(ask(library, queries), exactly(points, queries, np.arange(700, 1500))) == 1


def test_an_index_that_finds_too_little_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ann, "RECALL", 1.01)
    told: list[str] = []
    ctx = Context(events=lambda e: told.append(e.message) if e.phase == "warning" else None)
    points = clustered(1000, 1)
    library = put(tmp_path, points, ctx)
    assert library.space_states[0].index is None
    assert len(told) == 1 and "search stays exact" in told[0]
    queries = clustered(10, 2)
    assert recall(ask(library, queries), exactly(points, queries, np.arange(1000))) == 1


def test_exact_search_of_vectors_of_any_length() -> None:
    draw = np.random.default_rng(0)
    matrix = (100 * draw.standard_normal((500, WIDTH))).astype(np.float32)
    matrix[7] = matrix[3]
    queries = (100 * draw.standard_normal((9, WIDTH))).astype(np.float32)
    searcher = vectors.ExactVectors(matrix)
    for query, (rows, scores) in zip(queries, searcher.search(queries, 20, None), strict=True):
        exact = matrix.astype(np.float64) @ query.astype(np.float64)
        assert (
            rows.tolist() == np.lexsort((np.arange(500), -exact.astype(np.float32)))[:20].tolist()
        )
        assert scores == pytest.approx(exact[rows], rel=1e-6)
    assert replace(searcher, matrix=matrix[:0]).search(queries, 5, None)[0][0].tolist() == []
