"""Search by codes and exact search agree, under every filter; recall is measured and kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from graft.core.context import Context, Event
from graft.core.document import Document, Passage
from graft.core.protocols import Ranked, Vectors
from graft.core.search import Filter
from graft.core.space import Coded, Space
from graft.library import codes, matrix, vectors
from graft.library.indexes.lance import LanceIndex
from graft.library.store import Library

ROWS, WIDTH = 2000, 64
SPACE = Space("whole", "any", "digest-of-any", WIDTH)


def clustered(rows: int, seed: int) -> Vectors:
    draw = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((20, WIDTH))
    points = centres[draw.integers(0, 20, rows)] + 0.5 * draw.standard_normal((rows, WIDTH))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def put(
    folder: Path, points: Vectors, ctx: Context, first: int = 0, coded: Coded = "auto"
) -> Library:
    documents = [
        Document(f"d{first + i:05}", "text", access=("staff",) if (first + i) % 10 else ())
        for i in range(len(points))
    ]
    passages = [Passage(f"p{d.id}", d.id, 0, 4, "text", "whole") for d in documents]
    with Library.open(folder).writer(ctx, ann_from=1000, coded=coded) as writer:
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
def few() -> Iterator[None]:
    """So few candidates that codes have something to decide."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codes, "SAMPLE", 20)
        patch.setattr(codes, "CANDIDATES", 100)
        yield


@pytest.fixture(scope="module", params=["binary", "int8"])
def coded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Library, Vectors]:
    points = clustered(ROWS, 1)
    folder = tmp_path_factory.mktemp("coded")
    return put(folder, points, Context(), coded=request.param), points


def test_a_large_space_has_codes_whose_recall_was_measured(
    coded: tuple[Library, Vectors],
) -> None:
    library, points = coded
    (state,) = library.space_states
    assert state.coding is not None and state.coding.kind == state.coding.asked != "float32"
    assert (state.coding.rows, state.coding.changed) == (ROWS, 0)
    assert state.coding.recall >= codes.RECALL and 100 <= state.coding.candidates <= 424
    queries = clustered(30, 2)
    found = ask(library, queries)
    assert recall(found, exactly(points, queries, np.arange(ROWS))) >= codes.RECALL
    for query, ranked in zip(queries, found, strict=True):
        scores = [score for _, _, score in ranked]
        told = [float(query @ points[int(hit[1][1:])]) for hit in ranked]
        assert scores == sorted(scores, reverse=True) == pytest.approx(told, abs=1e-6)
    assert [ask(library, query[None])[0] for query in queries] == found, "alone as in a batch"
    assert library.check() == []


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_a_filter_leaves_is_found(coded: tuple[Library, Vectors], data: st.DataObject) -> None:
    library, points = coded
    draw = np.random.default_rng(data.draw(st.integers(0, 999)))
    count, limit = data.draw(st.integers(0, ROWS)), data.draw(st.integers(1, 120))
    rows = np.sort(draw.choice(ROWS, count, replace=False))
    queries = clustered(3, int(draw.integers(1000)))
    allowed = Filter(document_ids=frozenset(f"d{row:05}" for row in rows))
    found = ask(library, queries, limit, allowed)
    wanted = exactly(points, queries, rows, limit)
    assert [len(ranked) for ranked in found] == [min(limit, count)] * 3
    assert all(hit[1] in allowed.document_ids for ranked in found for hit in ranked)
    (state,) = library.space_states
    if count <= max(state.coding.candidates, 4 * limit):
        assert [{hit[0] for hit in ranked} for ranked in found] == wanted
    assert not count or recall(found, wanted) >= 0.85


def test_principals_see_theirs_alone(coded: tuple[Library, Vectors]) -> None:
    library, points = coded
    queries = clustered(20, 3)
    found = ask(library, queries, 10, who=frozenset())
    assert all(int(document[1:]) % 10 == 0 for ranked in found for _, document, _ in ranked)
    assert recall(found, exactly(points, queries, np.arange(0, ROWS, 10))) == 1
    (everything,) = ask(library, queries[:1], 5 * ROWS)
    assert len(everything) == len({hit[0] for hit in everything}) == ROWS


@pytest.mark.parametrize("kind", ["binary", "int8"])
def test_vectors_that_are_equal_fall_to_the_passage_id(tmp_path: Path, kind: Coded) -> None:
    points = clustered(1200, 1)
    points[500:540] = points[500]
    library = put(tmp_path, points, Context(), coded=kind)
    (state,) = library.space_states
    assert state.coding is not None and state.coding.kind == kind
    (found,) = ask(library, points[500:501], 10)
    assert [hit[0] for hit in found] == [f"pd{row:05}" for row in range(500, 510)]


def test_codes_follow_what_is_published_and_go_again(tmp_path: Path) -> None:
    points, stages = clustered(1500, 1), list[str]()

    def listen(event: Event) -> None:
        if event.phase == "start":
            stages.append(event.stage)

    def files() -> list[int]:
        held = (tmp_path / matrix.FOLDER).glob("*/*")
        return [path.stat().st_size for path in sorted(held) if path.name != "binary"]

    ctx, queries = Context(events=listen), clustered(30, 5)
    older = put(tmp_path, points[:1000], ctx)
    assert stages.count("measure codes") == 1 and files() == [8000, 256_000]
    # A few more are put behind the others by the first search.
    library = put(tmp_path, points[1000:1040], ctx, first=1000)
    (state,) = library.space_states
    assert state.coding and state.coding.tail == 40 and stages.count("measure codes") == 1
    assert ask(library, points[1020:1021], 1)[0][0][1] == "d01020"
    assert files() == [8320, 266_240]
    assert recall(ask(older, queries), exactly(points, queries, np.arange(1000))) >= 0.95
    # With many more they are measured anew, and laid down at once.
    library = put(tmp_path, points[1040:], ctx, first=1040)
    (state,) = library.space_states
    assert state.coding and state.coding.tail == 0 and stages.count("measure codes") == 2
    assert files() == [12_000, 384_000]
    assert recall(ask(library, queries), exactly(points, queries, np.arange(1500))) >= 0.95
    # Deleted ones are gone at once; too few are left for codes in the end.
    with library.writer(ctx, ann_from=1000) as writer:
        writer.remove([f"d{i:05}" for i in range(0, 50)])
        writer.publish()
    library = Library.open(tmp_path)
    (state,) = library.space_states
    assert state.coding and state.coding.deleted == 50
    found = ask(library, queries)
    assert all(int(hit[1][1:]) >= 50 for ranked in found for hit in ranked)
    assert recall(found, exactly(points, queries, np.arange(50, 1500))) >= 0.95
    with library.writer(ctx, ann_from=1000) as writer:
        writer.remove([f"d{i:05}" for i in range(50, 700)])
        writer.publish()
    library = Library.open(tmp_path)
    assert library.space_states[0].coding is None and library.check() == []
    assert recall(ask(library, queries), exactly(points, queries, np.arange(700, 1500))) == 1


@pytest.mark.parametrize("harm", ["gone", "cut", "cut codes", "unwritable", "other"])
def test_files_that_are_damaged_are_made_anew(
    tmp_path: Path, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    points, queries = clustered(1200, 1), clustered(20, 2)
    found = ask(put(tmp_path, points, Context(), coded="binary"), queries)
    (folder,) = (path for path in (tmp_path / matrix.FOLDER).iterdir() if path.is_dir())
    if harm == "gone":
        (folder / "addresses").unlink()
    if harm.startswith("cut"):
        path = folder / ("binary" if "codes" in harm else "float32")
        path.write_bytes(path.read_bytes()[:-1000])
    if harm == "unwritable":
        (folder / "addresses").unlink()
        monkeypatch.setattr(matrix._Files, "_write", raise_no_space)
    if harm == "other":  # what was in the table under other addresses, most of it
        np.arange(10**6, 10**6 + 1200, dtype=np.uint64).tofile(folder / "addresses")
    assert ask(Library.open(tmp_path), queries) == found


def raise_no_space(*_: object) -> None:
    raise OSError("no space")


def test_a_purge_leaves_no_vector_behind(tmp_path: Path) -> None:
    points = clustered(1200, 1)
    put(tmp_path, points, Context())
    with Library.open(tmp_path).writer(Context(), ann_from=1000) as writer:
        writer.purge(["d00007"])
        writer.publish()
    for path in (tmp_path / matrix.FOLDER).glob("*/float32"):
        assert points[7].tobytes() not in path.read_bytes()
    assert ask(Library.open(tmp_path), points[7:8], 1)[0][0][1] != "d00007"


def test_codes_that_find_too_little_are_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "RECALL", 1.01)
    told: list[str] = []
    ctx = Context(events=lambda e: told.append(e.message) if e.phase == "warning" else None)
    points = clustered(1000, 1)
    library = put(tmp_path, points, ctx)
    (state,) = library.space_states
    assert state.coding is not None and state.coding.kind == "float32"
    assert len(told) == 1 and "search stays exact" in told[0]
    queries = clustered(10, 2)
    assert recall(ask(library, queries), exactly(points, queries, np.arange(1000))) == 1
    with library.writer(ctx, ann_from=1000) as writer:
        assert writer.publish() == library.version, "what was measured is not measured again"


def test_another_kind_is_taken_by_the_next_write_though_nothing_else_changed(
    tmp_path: Path,
) -> None:
    points, queries = clustered(1000, 1), clustered(10, 2)
    library = put(tmp_path, points, Context(), coded="binary")
    for kind in ("int8", "float32", "binary"):
        with library.writer(Context(), ann_from=1000, coded=kind) as writer:
            assert writer.publish() == library.version + 1
        library = Library.open(tmp_path)
        (state,) = library.space_states
        assert state.coding is not None and state.coding.kind == kind
        found = ask(library, queries)
        assert recall(found, exactly(points, queries, np.arange(1000))) >= codes.RECALL


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(1, 40), st.integers(1, 900)
)
def test_the_smallest_are_those_of_a_stable_sort(
    values: list[int], wanted: int, times: int
) -> None:
    many = np.tile(np.array(values, dtype=np.uint16), times)
    wanted = min(wanted * times, len(many))
    order = np.argsort(many, kind="stable")[:wanted]
    assert codes.smallest(many, wanted).tolist() == sorted(order.tolist())


def test_a_filter_leaves_as_many_where_an_index_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table of a space serves as an outside index would: read, widened, or scanned."""
    points, queries = clustered(ROWS, 1), clustered(20, 3)
    library = put(tmp_path, points, Context(), coded="float32")
    (state,) = library.space_states
    table = library._snapshot.table(state.table)
    directory = library._snapshot.directory("whole")
    visible = np.zeros(ROWS, dtype=np.bool_)
    visible[::10] = True
    for rows in (500, 199, 20):
        monkeypatch.setattr(vectors, "EXACT_ROWS", rows)
        searcher = vectors.read_indexed(table, directory, LanceIndex(table))
        for ten, wanted in zip(
            searcher.search(queries, 10, visible),
            exactly(points, queries, np.arange(0, ROWS, 10)), strict=True,
        ):  # fmt: skip
            assert set(directory.ids.take(ten[0]).to_pylist()) == wanted


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


@pytest.mark.parametrize("lost", ["addresses", "float32"])
def test_a_code_never_outlives_the_vector_that_it_is_of(tmp_path: Path, lost: str) -> None:
    points, queries = clustered(2600, 1), clustered(20, 2)
    library = put(tmp_path, points[:1300], Context(), coded="binary")
    ask(library, queries)
    with library.writer(Context(), ann_from=1000, coded="binary") as writer:
        writer.remove([f"d{i:05}" for i in range(0, 500)])
        writer.publish()
    library = put(tmp_path, points[1300:], Context(), first=1300, coded="binary")
    wanted = exactly(points, queries, np.arange(500, 2600))
    assert recall(ask(library, queries), wanted) >= codes.RECALL
    for path in (tmp_path / matrix.FOLDER).glob(f"*/{lost}"):
        path.unlink()  # as where a process was killed that threw the folder away
    for _ in range(2):
        assert recall(ask(Library.open(tmp_path), queries), wanted) >= codes.RECALL


def test_equal_vectors_do_not_count_against_codes_that_find_them(tmp_path: Path) -> None:
    points = clustered(ROWS, 1)
    points[: ROWS // 2] = points[0]
    library = put(tmp_path, points, Context(), coded="binary")
    (state,) = library.space_states
    assert state.coding is not None and state.coding.kind == "binary"
