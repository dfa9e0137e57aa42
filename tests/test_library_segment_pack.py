from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from graft.library.segment.counts import Counts
from graft.library.segment.pack import pack
from graft.library.segment.pieces import Piece
from graft.models.tokenizer import WordTokenizer


def _pieces(sizes: list[int], penalties: list[float]) -> tuple[list[Piece], Counts]:
    text, found = "", []
    for size, penalty in zip(sizes, penalties, strict=True):
        found.append(Piece(len(text), len(text) + 2 * size - 1, penalty))
        text += "w " * size
    return found, Counts(text, WordTokenizer())


def _cost(sizes: list[int], penalties: list[float], cuts: tuple[int, ...], room: int) -> float:
    edges = [0, *cuts, len(sizes)]
    total = sum(penalties[cut] for cut in cuts)
    for first, last in pairwise(edges):
        size = sum(sizes[first:last])
        if size > room:
            return float("inf")
        total += ((room - size) / room) ** 2
    return total


sizes = st.lists(st.integers(1, 9), min_size=1, max_size=8)


@given(sizes, st.randoms())
def test_the_way_found_costs_least_of_all(sizes: list[int], draw: st.DataObject) -> None:
    penalties = [draw.choice([0.0, 0.1, 0.3]) for _ in sizes]  # type: ignore[attr-defined]
    found, counts = _pieces(sizes, penalties)
    ranges = pack(found, counts, lambda i: 10)
    ways = (c for n in range(len(sizes)) for c in combinations(range(1, len(sizes)), n))
    least = min(_cost(sizes, penalties, way, 10) for way in ways)
    taken = _cost(sizes, penalties, tuple(first for first, _ in ranges[1:]), 10)
    assert abs(taken - least) < 1e-9
    assert [i for first, last in ranges for i in range(first, last)] == list(range(len(sizes)))


def test_a_penalty_moves_a_cut() -> None:
    found, counts = _pieces([4, 4, 4, 4], [0.0, 0.0, 0.0, 0.0])
    assert pack(found, counts, lambda i: 12) == [(0, 2), (2, 4)]
    found, counts = _pieces([4, 4, 4, 4], [0.0, 0.0, 0.9, 0.0])
    assert pack(found, counts, lambda i: 12) in ([(0, 1), (1, 4)], [(0, 3), (3, 4)])


def test_rooms_may_differ_by_where_a_passage_begins() -> None:
    found, counts = _pieces([5, 5, 5], [0.0, 0.0, 0.0])
    assert pack(found, counts, lambda i: 10 if i == 0 else 5) == [(0, 2), (2, 3)]


def test_a_piece_without_room_stands_alone() -> None:
    found, counts = _pieces([3, 30, 3], [0.0, 0.0, 0.0])
    assert pack(found, counts, lambda i: 10) == [(0, 1), (1, 2), (2, 3)]


def test_nothing_packs_to_nothing() -> None:
    assert pack([], Counts("", WordTokenizer()), lambda i: 10) == []
