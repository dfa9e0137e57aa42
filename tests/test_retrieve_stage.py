"""The laws of the retrieval algebra, on stages drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.core.context import Context
from graft.core.errors import InputError
from graft.core.search import Hit, Search
from graft.retrieve.fuse import ordered
from graft.retrieve.stage import Chain, Fuse, Stage, mapped, walk


@dataclass(frozen=True)
class Fixed(Stage):
    """Finds the same hits for every query but "bad", which fails."""

    scores: tuple[tuple[str, float], ...]
    name: str = "fixed"
    sort: bool = True

    def __call__(self, searches: Sequence[Search], ctx: Context) -> list[Search]:
        return [s if s.error else self._one(s) for s in searches]

    def _one(self, search: Search) -> Search:
        if search.query == "bad":
            return replace(search, error="bad query")
        hits = tuple(Hit(id, "d", score) for id, score in self.scores)
        hits = ordered(hits) if self.sort else hits
        return replace(search, hits=hits, trace=(*search.trace, self.name))


@dataclass(frozen=True)
class Tilt(Stage):
    """Adds to the score of every hit whose id is in `favoured`."""

    favoured: frozenset[str]
    name: str = "tilt"

    def __call__(self, searches: Sequence[Search], ctx: Context) -> list[Search]:
        return [
            replace(
                s,
                hits=ordered(
                    [replace(h, score=h.score + (h.passage_id in self.favoured)) for h in s.hits]
                ),
                trace=(*s.trace, self.name),
            )
            for s in searches
        ]


@dataclass(frozen=True)
class Losing(Stage):
    name: str = "losing"

    def __call__(self, searches: Sequence[Search], ctx: Context) -> list[Search]:
        return list(searches)[1:]


quick = settings(deadline=None, max_examples=50)

CTX = Context()
IDS = "abcdef"
fixed = st.dictionaries(st.sampled_from(IDS), st.integers(0, 3), max_size=6).map(
    lambda scores: Fixed(tuple((id, float(score)) for id, score in scores.items()))
)
tilts = st.frozensets(st.sampled_from(IDS)).map(Tilt)
stages = st.recursive(
    fixed | tilts,
    lambda inner: (
        st.tuples(inner, inner).map(lambda pair: pair[0] >> pair[1])
        | st.tuples(inner, inner).map(lambda pair: pair[0] + pair[1])
        | st.tuples(inner, st.integers(1, 7)).map(lambda pair: pair[0] % pair[1])
    ),
    max_leaves=5,
)
batches = st.lists(st.sampled_from(["one", "two", "bad"]), max_size=4).map(
    lambda queries: [Search(query) for query in queries]
)


def ranking(searches: Sequence[Search]) -> list[list[tuple[str, float]]]:
    return [[(hit.passage_id, hit.score) for hit in s.hits] for s in searches]


@quick
@given(stages, stages, stages, batches)
def test_then_is_associative_and_means_b_of_a(a: Stage, b: Stage, c: Stage, batch: list[Search]):
    chained = c(b(a(batch, CTX), CTX), CTX)
    assert ((a >> b) >> c)(batch, CTX) == (a >> (b >> c))(batch, CTX) == chained
    assert (a >> b) >> c == a >> (b >> c)


@quick
@given(fixed, fixed, fixed, batches)
def test_sum_is_one_fusion_in_any_order(a: Stage, b: Stage, c: Stage, batch: list[Search]):
    assert (a + b) + c == a + (b + c) == Fuse((a, b, c))
    assert ranking((a + b + c)(batch, CTX)) == ranking((c + a + b)(batch, CTX))


@quick
@given(stages, st.integers(1, 7), st.integers(1, 7), batches)
def test_first_is_idempotent_and_the_smaller_wins(
    stage: Stage, m: int, n: int, batch: list[Search]
):
    once, again = (stage % n)(batch, CTX), (stage % n % n)(batch, CTX)
    assert ranking(once) == ranking(again)
    assert ranking((stage % m % n)(batch, CTX)) == ranking((stage % min(m, n))(batch, CTX))
    assert all(len(s.hits) <= n for s in once if not s.error)


@quick
@given(stages, batches)
def test_a_batch_is_its_searches_one_by_one(stage: Stage, batch: list[Search]):
    results = stage(batch, CTX)
    assert len(results) == len(batch)
    assert results == [stage([search], CTX)[0] for search in batch]


@quick
@given(stages, batches)
def test_hits_come_best_first_and_failed_searches_pass_untouched(stage: Stage, batch: list[Search]):
    failed = Search("x", error="it failed before", trace=("before",))
    results = stage([failed, *batch], CTX)
    assert results[0].error == failed.error
    assert results[0].hits == ()
    for search in results:
        assert search.hits == ordered(search.hits)


def test_rrf_scores_are_those_computed_by_hand():
    a, b = Fixed((("x", 5.0), ("y", 4.0))), Fixed((("y", 0.9), ("z", 0.8)))
    hits = (a + b)([Search("q")], CTX)[0].hits
    assert [hit.passage_id for hit in hits] == ["y", "x", "z"]
    assert hits[0].score == pytest.approx(1 / 62 + 1 / 61)
    assert hits[1].score == pytest.approx(1 / 61)
    assert [hit.stages["fused"].rank for hit in hits] == [1, 2, 3]


def test_a_sum_of_weighted_terms_is_one_fusion_and_a_factor_keeps_a_sum_together():
    a, b, c = Fixed((("x", 1.0),)), Fixed((("y", 1.0),)), Fixed((("z", 1.0),))
    assert (2.0 * a + b) + c == 2.0 * a + (b + c) == Fuse((a, b, c), (2.0, 1.0, 1.0))
    assert a + 2.0 * (b + c) == Fuse((a, Fuse((b, c))), (1.0, 2.0))
    assert 1.0 * (a + b) + c == Fuse((Fuse((a, b)), c)) != a + b + c
    assert 2 * (3 * a) + b == Fuse((a, b), (6.0, 1.0))
    assert 0.5 * a % 3 + b == Fuse((a % 3, b), (0.5, 1.0))
    assert Fuse((a, b), k=10) + c == Fuse((Fuse((a, b), k=10), c))
    hits = (2.0 * a + b)([Search("q")], CTX)[0].hits
    assert [hit.score for hit in hits] == pytest.approx([2 / 61, 1 / 61])


def test_a_tree_is_walked_from_its_leaves_to_its_root_and_changed_without_being_touched():
    a, b, c = Fixed((), "a"), Fixed((), "b"), Fixed((), "c")
    tree = (a + 0.5 * b) % 4 >> c
    assert [stage.name for stage in walk(tree)] == ["a", "b", "fused", "first", "c", "chain"]
    renamed = mapped(tree, lambda s: replace(s, name="x") if isinstance(s, Fixed) else s)
    x = Fixed((), "x")
    assert renamed == (x + 0.5 * x) % 4 >> x
    assert tree == (a + 0.5 * b) % 4 >> c
    assert mapped(tree, lambda stage: stage) == tree


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight_that_is_no_share_is_refused(weight: float):
    with pytest.raises(InputError, match="weight"):
        weight * Fixed(())


def test_a_weight_of_zero_leaves_the_stage_out():
    hits = Fuse((Fixed((("x", 1.0),)), Fixed((("y", 1.0),))), (1.0, 0.0))([Search("q")], CTX)[
        0
    ].hits
    assert [hit.passage_id for hit in hits] == ["x"]


def test_fusing_twice_differs_from_fusing_once():
    a, b, c = Fixed((("x", 1.0),)), Fixed((("y", 1.0),)), Fixed((("y", 1.0), ("x", 0.5)))
    once = (a + b + c)([Search("q")], CTX)
    twice = Fuse((Fuse((a, b)), c))([Search("q")], CTX)
    assert ranking(once) != ranking(twice)


def test_ties_are_broken_by_passage_id_before_the_cut():
    stage = Fixed((("c", 1.0), ("b", 1.0), ("a", 1.0), ("z", 2.0)), sort=False) % 2
    assert [hit.passage_id for hit in stage([Search("q")], CTX)[0].hits] == ["z", "a"]


def test_one_failing_leg_is_that_searchs_error_alone():
    stage = Fixed((("a", 1.0),)) + Fixed((("b", 1.0),))
    good, bad = stage([Search("q"), Search("bad")], CTX)
    assert (good.error, bad.error) == ("", "bad query")
    assert len(good.hits) == 2
    assert bad.hits == ()


def test_trace_has_one_line_a_stage():
    stage = (Fixed((("a", 1.0),)) + Fixed((("b", 1.0),))) % 1 >> Tilt(frozenset())
    assert stage([Search("q")], CTX)[0].trace == (
        "fixed",
        "fixed",
        "fused: 2 hits from 2 stages",
        "first: kept 1 of 2",
        "tilt",
    )


def test_a_stage_that_loses_a_search_is_named():
    for stage in (Chain((Losing(),)), Losing() % 3, Losing() + Losing()):
        with pytest.raises(InputError, match="'losing' returned 1 searches for 2"):
            stage([Search("a"), Search("b")], CTX)


@pytest.mark.parametrize("weights", [(1.0,), (-1.0, 1.0), (0.0, 0.0)])
def test_weights_that_cannot_be_used_are_refused(weights: tuple[float, ...]):
    with pytest.raises(InputError):
        Fuse((Fixed(()), Fixed(())), weights)


def test_a_cut_below_one_is_refused():
    with pytest.raises(InputError, match="at least 1"):
        Fixed(()) % 0
