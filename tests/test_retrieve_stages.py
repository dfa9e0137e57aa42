"""Leaves, fetching, reranking, follow-up questions and traces, over a store in memory."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from graft.core.context import Allowance, Context, Event
from graft.core.document import Document, Passage
from graft.core.errors import Cancelled, EncoderMismatch, NotFound
from graft.core.protocols import Vectors
from graft.core.search import Filter, Search, Variant
from graft.retrieve import leaf as leaves
from graft.retrieve.stage import Stage
from graft.retrieve.stages import rerank
from graft.retrieve.stages.bm25 import BM25
from graft.retrieve.stages.dense import Dense
from graft.retrieve.stages.fetch import Fetch
from graft.retrieve.stages.follow_up import FollowUp
from graft.retrieve.stages.rerank import Rerank
from graft.retrieve.traced import traced
from graft.testing import FakeEncoder, FakeReranker, MemoryStore

DOCUMENTS = [
    Document("leave.md", "Five leave days carry over.\n\nSick leave needs a note.", "Leave"),
    Document("pay.md", "Pay day is the 25th.\n\nInterns are paid weekly.", "Pay"),
    Document("board.md", "The board's pay is secret.", "Board", access=("board",)),
]
CTX = Context()
quick = settings(deadline=None, max_examples=40)

STORE = MemoryStore(DOCUMENTS)
QUERIES = ["leave days", "when is pay day", "interns", "board pay", "zebra", " ", "a\ud800b"]
HYBRID = Dense(STORE, STORE.encoder) + BM25(STORE)


@dataclass
class Counting:
    """An encoder and a reranker that keep what they were called with."""

    inner: FakeEncoder = field(default_factory=FakeEncoder)
    calls: list[Sequence[object]] = field(default_factory=list)
    name: str = "counting"
    dimensions: int = 64
    max_tokens: int = 256

    @property
    def digest(self) -> str:
        return self.inner.digest

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        self.calls.append(texts)
        return self.inner.encode_queries(texts)

    encode_passages = encode_queries

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self.inner.count_tokens(texts)

    def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        self.calls.append(pairs)
        return FakeReranker().score(pairs)


def ids(search: Search) -> list[str]:
    return [hit.document_id for hit in search.hits]


def test_a_leaf_encodes_all_queries_and_variants_in_one_call():
    encoder = Counting()
    searches = [
        Search("leave", variants=(Variant("holiday"), Variant("days off"))),
        Search(""),
        Search("pay"),
    ]
    Dense(STORE, encoder)(searches, CTX)
    assert encoder.calls == [["leave", "holiday", "days off", "pay"]]


def test_no_search_to_make_asks_nothing():
    encoder = Counting()
    assert Dense(STORE, encoder)([], CTX) == []
    assert Dense(STORE, encoder)([Search("")], CTX)[0].error.startswith("the query is empty")
    assert encoder.calls == []


@pytest.mark.parametrize("leaf", [Dense(STORE, STORE.encoder), BM25(STORE)])
def test_hits_carry_rank_and_score_of_their_leaf(leaf: Stage):
    hits = leaf([Search("leave days carry over")], CTX)[0].hits
    assert hits[0].document_id == "leave.md"
    assert [hit.stages[leaf.name].rank for hit in hits] == list(range(1, len(hits) + 1))
    assert all(hit.stages[leaf.name].score == hit.score for hit in hits)


def test_fused_hits_say_what_every_leg_gave():
    search = (HYBRID % 3)([Search("leave days carry over")], CTX)[0]
    assert set(search.hits[0].stages) == {"dense", "bm25", "fused"}
    assert search.trace[0] == "dense: 5 hits for 1 phrasing"
    assert len(search.trace) == 4


@quick
@given(st.lists(st.sampled_from(QUERIES), max_size=5), st.integers(1, 6))
def test_a_batch_is_its_searches_one_by_one(queries: list[str], depth: int):
    stage = Dense(STORE, STORE.encoder, depth) + BM25(STORE, depth)
    stage = (FollowUp() >> stage >> Rerank(FakeReranker(), STORE, 2) >> Fetch(STORE)) % 3
    batch = [Search(query) for query in queries]
    results = stage(batch, CTX)
    assert results == [stage([search], CTX)[0] for search in batch]
    assert [bool(r.error) for r in results] == [q in {" ", "a\ud800b"} for q in queries]


def test_filters_and_principals_apply_inside_the_leaf():
    for leaf in (Dense(STORE, STORE.encoder, 1), BM25(STORE, 1)):
        owner, stranger, member = leaf(
            [
                Search("board secret"),
                Search("board secret pay", principals=frozenset({"staff"})),
                Search("board secret", principals=frozenset({"board"})),
            ],
            CTX,
        )
        assert ids(owner) == ids(member) == ["board.md"]
        assert ids(stranger) == ["pay.md"]
        only = leaf([Search("pay leave", filter=Filter(under="leave"))], CTX)[0]
        assert ids(only) == ["leave.md"]


def test_variants_are_merged_by_rank_within_the_leaf():
    leaf = BM25(STORE)
    variants = tuple(map(Variant, ("sick leave", "interns", "\ud800", " ")))
    (merged,) = leaf([Search("interns", variants=variants)], CTX)
    first = {name: leaf([Search(name)], CTX)[0].hits for name in ("sick leave", "interns")}
    best = sorted(hits[0].passage_id for hits in first.values())
    # Each is the best of one phrasing: such a tie falls to the passage's id.
    found = [hit.passage_id for hit in merged.hits]
    assert found == [*best, first["sick leave"][1].passage_id]
    assert [hit.score for hit in merged.hits] == pytest.approx([1 / 61, 1 / 61, 1 / 62])
    assert merged.trace == ("bm25: 3 hits for 2 phrasings",)


def test_a_store_failure_raises():
    with pytest.raises(EncoderMismatch):
        Dense(STORE, FakeEncoder(name="other"))([Search("pay")], CTX)


def test_fetch_fills_passages_in_one_call():
    search = (HYBRID >> Fetch(STORE))([Search("interns")], CTX)[0]
    assert search.hits[0].passage is not None
    assert search.hits[0].passage.text == "Interns are paid weekly."
    assert all(hit.passage and hit.passage.id == hit.passage_id for hit in search.hits)


@dataclass
class Losing(MemoryStore):
    """Documents of these names are removed after they were found."""

    removed: frozenset[str] = frozenset()

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        if any(self._by_id[id].document_id in self.removed for id in ids):
            raise NotFound("there is no such passage: search again")
        return super().passages(ids)


LOSING = Losing(DOCUMENTS, removed=frozenset({"pay.md"}))


def test_fetch_leaves_out_what_was_removed_since_it_was_found():
    found = (HYBRID >> Fetch(LOSING))([Search("interns"), Search("leave days"), Search("")], CTX)
    for search in found[:2]:
        assert search.error == ""
        assert set(ids(search)) == {"leave.md", "board.md"}
        assert all(hit.passage for hit in search.hits)
        assert search.trace[-1] == "fetch: 3 passages, 2 removed since they were found"
    assert found[2].error
    (empty,) = (BM25(STORE) >> Fetch(LOSING))([Search("interns")], CTX)
    assert (empty.hits, empty.error) == ((), "")


def test_rerank_leaves_out_what_was_removed_since_it_was_found():
    before = HYBRID([Search("interns are paid"), Search("sick leave note")], CTX)
    after = Rerank(FakeReranker(), LOSING, depth=2)(before, CTX)
    for old, new in zip(before, after, strict=True):
        kept = {hit.passage_id for hit in old.hits[:2] if hit.document_id != "pay.md"}
        assert {hit.passage_id for hit in new.hits[: len(kept)]} == kept
        # those below are not read, and keep their order
        assert [h.passage_id for h in new.hits[len(kept) :]] == [h.passage_id for h in old.hits[2:]]
    assert "removed since" in after[0].trace[-1]


def reordered(scores: tuple[float, float, float], weight: float) -> list[int]:
    """The places of three hits, scored 9, 8 and 1, after a reranker that gives them `scores`."""
    hits = BM25(STORE)([Search("leave days note pay")], CTX)[0].hits[:3]
    before = tuple(replace(h, score=s) for h, s in zip(hits, (9.0, 8.0, 1.0), strict=True))
    texts = {p.id: p.indexed_text for p in STORE.passages([h.passage_id for h in before])}
    told = {texts[h.passage_id]: s for h, s in zip(before, scores, strict=True)}

    class Fixed(FakeReranker):
        def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
            return np.array([told[text] for _, text in pairs], dtype=np.float32)

    (found,) = Rerank(Fixed(), STORE, depth=3, weight=weight)([Search("q", hits=before)], CTX)
    places = {hit.passage_id: place for place, hit in enumerate(before)}
    return [places[hit.passage_id] for hit in found.hits]


def test_a_reranker_of_little_weight_corrects_the_order_it_was_handed():
    assert reordered((0.0, 0.1, 1.0), 1.0) == [2, 1, 0]
    assert reordered((0.0, 0.1, 1.0), 0.1) == [0, 1, 2]
    assert reordered((0.0, 0.9, 0.0), 0.3) == [1, 0, 2], "eight is nearly nine"
    assert reordered((0.5, 0.5, 0.5), 0.9) == [0, 1, 2], "it says nothing"


def test_rerank_reads_the_head_in_one_call_and_keeps_the_tail_below():
    reranker = Counting()
    before = HYBRID([Search("interns are paid"), Search("sick leave note"), Search("")], CTX)
    after = Rerank(reranker, STORE, depth=2)(before, CTX)
    assert len(reranker.calls) == 1
    assert [query for query, _ in reranker.calls[0]] == ["interns are paid"] * 2 + [
        "sick leave note"
    ] * 2
    for old, new in zip(before[:2], after[:2], strict=True):
        head = {hit.passage_id for hit in old.hits[:2]}
        assert {hit.passage_id for hit in new.hits[:2]} == head
        assert [h.passage_id for h in new.hits[2:]] == [h.passage_id for h in old.hits[2:]]
        scores = [hit.score for hit in new.hits]
        assert scores == sorted(scores, reverse=True)
        assert new.hits[1].score > new.hits[2].score
        assert ["rerank" in hit.stages for hit in new.hits] == [True] * 2 + [False] * 3
    assert after[2].error


def test_a_reranker_that_gives_no_number_fails_that_search_alone():
    class Broken(FakeReranker):
        def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
            scores = super().score(pairs)
            scores[:5] = np.nan
            return scores

    bad, good = (HYBRID >> Rerank(Broken(), STORE))([Search("pay"), Search("leave")], CTX)
    assert "not numbers" in bad.error
    assert good.error == ""


def test_follow_up_searches_beside_the_question_before():
    history = (
        {"role": "user", "content": "When are salaries sent?"},
        {"role": "user", "content": "How many leave days carry over?"},
        {"role": "assistant", "content": "Five."},
    )
    asked = Search("And sick leave?", history=history)
    joined = "How many leave days carry over? And sick leave?"
    assert FollowUp()([asked], CTX)[0].variants == (Variant(joined),)
    assert FollowUp(turns=2)([asked], CTX)[0].variants[0].text.startswith("When are salaries")
    assert FollowUp()([replace(asked, history=())], CTX)[0] == replace(asked, history=())


def test_tracing_changes_no_result_and_tells_no_text():
    events: list[Event] = []
    ticks = iter(range(100))
    context = Context(clock=lambda: next(ticks), events=events.append)
    stage = FollowUp() >> HYBRID % 3 >> Fetch(STORE)
    searches = [Search("leave days carry over")]
    found = traced(stage)(searches, context)
    assert found == stage(searches, CTX)
    ends = [event for event in events if event.phase == "end"]
    assert [event.stage.removeprefix("retrieve.") for event in ends] == [
        "follow_up", "dense", "bm25", "fused", "first", "fetch"
    ]  # fmt: skip
    assert ends[-1].counts == {"searches": 1, "hits": 3, "errors": 0}
    assert all(event.seconds > 0 for event in ends)
    assert ends[-1].message.split() == [hit.passage_id for hit in found[0].hits]
    assert not any("leave" in event.message for event in events)


def test_a_cancel_stops_between_stages():
    context = Context()
    context.cancel.set()
    with pytest.raises(Cancelled):
        traced(HYBRID)([Search("leave")], context)


def test_a_reranker_reads_the_follow_up_as_it_was_searched_for():
    past = ({"role": "user", "content": "How are interns paid?"},)
    reranker = Counting()
    stage = FollowUp() >> HYBRID >> Rerank(reranker, STORE, depth=2)
    stage([Search("And when?", history=past), Search("pay day")], CTX)
    assert [query for query, _ in reranker.calls[0]] == ["How are interns paid? And when?"] * 2 + [
        "pay day"
    ] * 2


@pytest.mark.parametrize("stage", [Dense(STORE, STORE.encoder), Rerank(FakeReranker(), STORE, 5)])
def test_a_cancel_is_heard_between_the_batches_of_a_stage(stage, monkeypatch):
    found = HYBRID([Search("leave days"), Search("interns"), Search("pay")], CTX)
    cancel, heard = threading.Event(), []

    def second(*_: object) -> float:
        heard.append(1)
        cancel.set()
        return 0.0

    monkeypatch.setattr(leaves, "BATCH", 2)
    monkeypatch.setattr(rerank, "BATCH", 2)
    with pytest.raises(Cancelled):
        stage(found, Context(clock=second, cancel=cancel))
    assert heard


def test_a_reranker_passes_on_what_the_budget_does_not_reach(monkeypatch):
    monkeypatch.setattr(rerank, "BATCH", 2)
    before = HYBRID([Search("interns are paid"), Search("sick leave note")], CTX)
    ticks = iter(range(100))
    budget = Allowance(seconds=1)
    context = Context(clock=lambda: next(ticks), budget=budget)
    read, passed = Rerank(FakeReranker(), STORE, depth=2)(before, context)
    assert "rerank" in read.hits[0].stages and read.trace[-1] == "rerank: read 2 of 5"
    assert passed.hits == before[1].hits
    assert passed.trace[-1] == "rerank: passed on as it was, no seconds of the budget are left"
    assert (budget.gone, CTX.budget.gone) == ("seconds", "")
    # leaves run all the same: without them there is nothing to pass on
    assert BM25(STORE)([Search("pay")], context)[0].hits
