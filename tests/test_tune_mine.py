"""Mining: what the first stage ranks high becomes a negative only when it is not a positive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.core.context import Context, Event
from graft.core.document import Document, Passage
from graft.core.errors import Cancelled, InputError
from graft.core.example import Example, Gold
from graft.core.recipe import Negatives
from graft.core.search import Hit, Search
from graft.testing.fakes import FakeEncoder, MemoryStore
from graft.tune.mine import Mined, encoder_similarity, mine, passage_keys

WIDE = Negatives(first=1, last=50, count=50, ceiling=10.0)

FROG = "The marsh frog sings at night in spring, and its call carries far over the still water."


def store_of(*texts: str) -> MemoryStore:
    return MemoryStore([Document(f"d{i}", text, title=f"T{i}") for i, text in enumerate(texts)])


def first_stage(store: MemoryStore, limit: int = 50):
    """Return a first stage that ranks by BM25 and gives ids alone, as leaves do."""

    def retrieve(searches: list[Search]) -> list[Search]:
        ranked = store.match(
            [s.query for s in searches],
            limit,
            allowed=[s.filter for s in searches],
            principals=[s.principals for s in searches],
        )
        return [
            replace(s, hits=tuple(Hit(p, d, score) for p, d, score in rows))
            for s, rows in zip(searches, ranked, strict=True)
        ]

    return retrieve


def passages_of(store: MemoryStore, document: str) -> list[Passage]:
    rows = store.match(["frog the a of"], 99, allowed=[_only(document)], principals=[None])[0]
    return store.passages([row[0] for row in rows])


def _only(document: str):
    from graft.core.search import Filter

    return Filter(document_ids=frozenset({document}))


def run(store: MemoryStore, example: Example, negatives: Negatives = WIDE, **options) -> Mined:
    positives = {example.id: [p for g in example.gold for p in passages_of(store, g.document_id)]}
    return mine([example], positives, first_stage(store), store, negatives, **options)


def test_negatives_are_the_first_stages_best_that_are_not_gold() -> None:
    store = store_of(FROG, "The tree frog climbs.", "A toad is not a frog.", "Ships sail.")
    mined = run(store, Example("q", "where does the frog sing", gold=(Gold("d0"),)))
    (triple,) = mined.triples
    assert triple.positive.document_id == "d0"
    assert [p.document_id for p in triple.negatives] == ["d1", "d2"]
    assert "d0" in triple.gold and passage_keys(triple.positive) <= triple.gold
    assert not any(passage_keys(negative) & triple.gold for negative in triple.negatives)
    assert mined.dropped == {"gold passage": 1}


@pytest.mark.parametrize(
    "copy",
    [FROG, FROG.upper(), "  " + FROG.replace(", ", " -- ") + "\n", FROG + " Indeed.", f"“{FROG}”"],
)
def test_planted_duplicates_of_a_positive_are_never_mined(copy: str) -> None:
    store = store_of(FROG, copy, "A frog in a pond.")
    mined = run(store, Example("q", "where does the marsh frog sing", gold=(Gold("d0"),)))
    assert [p.document_id for p in mined.triples[0].negatives] == ["d2"]
    assert mined.dropped["copy of a positive"] == 1


def test_a_passage_that_holds_an_accepted_answer_is_left_out() -> None:
    store = store_of(FROG, "Another frog: Night-time, in SPRING!", "A frog springs.", "A frog.")
    example = Example("q", "when does the frog sing", ("in the spring",), (Gold("d0"),))
    mined = run(store, example)
    assert {p.document_id for p in mined.triples[0].negatives} == {"d2", "d3"}
    assert mined.dropped["holds the answer"] == 1


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("twelve years", "A frog lives 12 years."),
        ("12 years", "A frog lives the twelve years."),
        ("1,500 frogs", "One frog of 1500 frogs."),
        ("the $5", "A frog for 5 dollars."),
    ],
)
def test_an_answer_written_in_another_way_is_still_the_answer(answer: str, text: str) -> None:
    store = store_of(FROG, text, "A frog in a pond for 13 years.")
    mined = run(store, Example("q", "frog", (answer,), (Gold("d0"),)))
    assert [p.document_id for p in mined.triples[0].negatives] == ["d2"]
    assert mined.dropped["holds the answer"] == 1


def test_a_copy_that_counts_in_another_way_is_a_copy() -> None:
    store = store_of("Twelve times a frog sings.", "The 12 times, a frog sings!", "A frog.")
    mined = run(store, Example("q", "frog", gold=(Gold("d0"),)))
    assert [p.document_id for p in mined.triples[0].negatives] == ["d2"]


def test_a_question_of_a_conversation_is_searched_for_with_the_turns_before_it() -> None:
    store, asked = store_of(FROG, "A frog."), list[Search]()

    def retrieve(searches: list[Search]) -> list[Search]:
        asked.extend(searches)
        return first_stage(store)(searches)

    turn = {"role": "user", "content": "where do frogs live"}
    example = Example("q", "and toads?", gold=(Gold("d0"),), messages=(turn,))
    mine([example], {"q": passages_of(store, "d0")}, retrieve, store, WIDE)
    assert [(s.query, s.history) for s in asked] == [("and toads?", (turn,))]


def test_yes_and_no_stand_everywhere_and_filter_nothing() -> None:
    store = store_of(FROG, "A frog is no toad.", "No frog here.")
    mined = run(store, Example("q", "does the frog sing", ("no",), (Gold("d0"),)))
    assert len(mined.triples[0].negatives) == 2


def test_document_gold_covers_every_passage_and_span_gold_only_those_on_it() -> None:
    text = "The frog sings.\n\nThe frog eats flies of a kind.\n\nThe frog sleeps."
    store = store_of(text, "A frog of stone.")
    whole = run(store, Example("q", "frog", gold=(Gold("d0"),)))
    assert {p.document_id for p in whole.triples[0].negatives} == {"d1"}
    assert len(whole.triples) == 1

    start = text.index("The frog eats")
    gold = Gold("d0", start=start, end=start + 5)
    on_span = [p for p in passages_of(store, "d0") if p.start == start]
    example = Example("q", "frog", gold=(gold,))
    spanned = mine([example], {"q": on_span}, first_stage(store), store, WIDE)
    assert spanned.triples[0].positive.text.startswith("The frog eats")
    kept = {p.text for p in spanned.triples[0].negatives}
    assert kept == {"The frog sings.", "The frog sleeps.", "A frog of stone."}
    assert "d0" not in spanned.triples[0].gold, "other parts of the document are no evidence"


def test_a_whole_gold_document_is_represented_by_its_nearest_passage() -> None:
    text = "Frogs are animals.\n\nThe marsh frog sings in spring.\n\nToads are of a kind."
    store = store_of(text, "A frog of stone.", "The a of.")
    example = Example("q", "marsh frog sings spring", gold=(Gold("d0"), Gold("d2")))
    mined = run(store, example, similarity=encoder_similarity(store.encoder))
    assert [t.positive.text for t in mined.triples] == [
        "The marsh frog sings in spring.",
        "The a of.",
    ]
    assert all({"d0", "d2"} <= t.gold for t in mined.triples)


def test_scores_above_the_ceiling_are_left_out_and_the_next_ranks_fill_in() -> None:
    store = store_of(FROG, "frog " * 5, "frog " * 3, "frog " * 4, "frog " * 2)
    near = {"d0": 0.8, "d1": 0.79, "d2": 0.3, "d3": 0.77, "d4": 0.5}

    def similarity(pairs: Sequence[tuple[str, Passage]]):
        return np.asarray([near[p.document_id] for _, p in pairs], dtype=np.float32)

    example = Example("q", "frog", gold=(Gold("d0"),))
    mined = run(store, example, Negatives(1, 50, 2, 0.95), similarity=similarity)
    assert {p.document_id for p in mined.triples[0].negatives} == {"d2", "d4"}
    assert mined.dropped["near a positive's score"] == 2


def test_only_as_many_candidates_are_scored_as_are_needed() -> None:
    store = store_of(FROG, *[f"frog number {i}" for i in range(30)])
    asked: list[str] = []

    def similarity(pairs: Sequence[tuple[str, Passage]]):
        asked.extend(p.id for _, p in pairs)
        return np.ones(len(pairs), dtype=np.float32) * 0.5

    example = Example("q", "frog", gold=(Gold("d0"),))
    run(store, example, Negatives(1, 50, 3, 1.0), similarity=similarity)
    assert len(asked) == 1 + 3


def test_the_rank_band_is_one_based_and_inclusive() -> None:
    store = store_of(FROG, *["frog " * (9 - i) for i in range(8)])
    ranks = first_stage(store)([Search("frog")])[0].hits
    gold = next(i for i, hit in enumerate(ranks) if hit.document_id == "d0")
    band = [hit.document_id for i, hit in enumerate(ranks[1:4], 1) if i != gold]
    example = Example("q", "frog", gold=(Gold("d0"),))
    mined = run(store, example, Negatives(2, 4, 9, 9.0))
    assert [p.document_id for p in mined.triples[0].negatives] == band
    with pytest.raises(InputError, match="rank 5 to 4"):
        run(store, example, Negatives(5, 4))


def test_examples_without_a_positive_and_failed_searches_are_counted() -> None:
    store = store_of(FROG)

    def failing(searches: list[Search]) -> list[Search]:
        return [replace(s, error="down") for s in searches]

    example = Example("q", "frog", gold=(Gold("d0"),))
    positives = {"q": passages_of(store, "d0")}
    other = Example("u", "none", kind="unanswerable")
    mined = mine([example, other], positives, failing, store, WIDE)
    assert mined == Mined((), {"no positive": 1, "search failed": 1})
    alone = mine([example], positives, first_stage(store), store, WIDE)
    assert alone.dropped["no negative"] == 1 and alone.triples[0].negatives == ()


def test_a_cancel_stops_at_a_batch_boundary() -> None:
    store = store_of(FROG, "frog")
    ctx = Context(events=lambda event: ctx.cancel.set() if event.phase == "progress" else None)
    example = Example("q", "frog", gold=(Gold("d0"),))
    with pytest.raises(Cancelled):
        run(store, example, ctx=ctx)


def test_progress_counts_questions() -> None:
    store, seen = store_of(FROG, "frog"), list[Event]()
    run(store, Example("q", "frog", gold=(Gold("d0"),)), ctx=Context(events=seen.append))
    assert [(e.phase, e.done) for e in seen] == [("start", 0), ("progress", 1), ("end", 1)]


def test_encoder_similarity_encodes_each_text_once() -> None:
    store, calls = store_of(FROG, "frog"), list[int]()

    class Counting(FakeEncoder):
        def encode_passages(self, texts: Sequence[str]):
            calls.append(len(texts))
            return super().encode_passages(texts)

    similarity = encoder_similarity(Counting())
    passages = [*passages_of(store, "d0"), *passages_of(store, "d1")]
    first = similarity([("frog", p) for p in passages] * 2)
    again = similarity([("frog", passages[0])])
    assert first.shape == (4,) and again[0] == first[0]
    direct = (
        FakeEncoder().encode_queries(["frog"])
        @ FakeEncoder().encode_passages([passages[0].indexed_text]).T
    )
    assert first[0] == pytest.approx(float(direct[0, 0]))
    # The query goes through encode_passages too in the fake: one call each, no repeats.
    assert calls == [1, 2]


WORDS = st.lists(
    st.sampled_from(["frog", "toad", "pond", "sings", "night", "a", "the", "of"]), min_size=1
)


@settings(max_examples=20, deadline=None)
@given(st.lists(WORDS, min_size=2, max_size=12), st.integers(1, 6), st.integers(1, 5))
def test_whatever_the_texts_no_negative_is_gold_or_a_copy(
    texts: list[list[str]], last: int, count: int
) -> None:
    store = store_of(*[" ".join(words) for words in texts])
    example = Example("q", "frog toad of the", ("sings at",), (Gold("d0"),))
    mined = run(store, example, Negatives(1, last, count, 0.9))
    again = run(store, example, Negatives(1, last, count, 0.9))
    assert mined == again
    for triple in mined.triples:
        assert len(triple.negatives) <= count
        for negative in triple.negatives:
            assert negative.document_id != "d0"
            assert negative.text != triple.positive.text
            assert "sings at" not in negative.text
