"""The dev pool: hard passages that favour no encoder, and measures that match a hand count."""

from __future__ import annotations

import math

import numpy as np
import pytest

from graft.core.document import Document, Passage
from graft.core.errors import InputError
from graft.core.example import Example, Gold
from graft.examples.gold import Judged
from graft.testing.fakes import MemoryStore
from graft.tune.pool import Pool, dev_pool, score_table


def passage(id: str) -> Passage:
    return Passage(id, id, 0, len(id), id, "s")


def judged(**gold: str) -> dict[str, Judged]:
    return {id: Judged("document", dict.fromkeys(found.split(), 1)) for id, found in gold.items()}


def store_of(*texts: str) -> tuple[MemoryStore, dict[str, Passage]]:
    store = MemoryStore([Document(f"d{i}", text) for i, text in enumerate(texts)])
    return store, {p.document_id: p for p in store._passages}


def test_the_pool_holds_all_positives_then_what_bm25_finds_rank_by_rank() -> None:
    store, by_id = store_of("gold frog", "frog frog frog", "frog frog", "ship ship", "ship", "gold")
    examples = [Example("a", "frog", gold=(Gold("d0"),)), Example("b", "ship", gold=(Gold("d5"),))]
    positives = {"a": [by_id["d0"]], "b": [by_id["d5"]]}
    pool = dev_pool(examples, positives, judged(a="d0", b="d5"), store, size=4)
    found = {p.document_id for p in pool.passages.values()}
    assert found == {"d0", "d5", "d1", "d3"}, "the best miss of each question"
    assert pool.gold["a"] == {by_id["d0"].id}
    assert dev_pool(examples, positives, judged(a="d0", b="d5"), store, size=4) == pool
    wide = dev_pool(examples, positives, judged(a="d0", b="d5"), store, size=99)
    assert len(wide.passages) == 6


def test_a_question_of_a_conversation_is_matched_with_the_one_before_it() -> None:
    store, by_id = store_of("gold", "frog frog pond", "ship")
    turn = {"role": "user", "content": "where do a frog live"}
    example = Example("a", "and then?", gold=(Gold("d0"),), messages=(turn,))
    pool = dev_pool([example], {"a": [by_id["d0"]]}, judged(a="d0"), store)
    assert {p.document_id for p in pool.passages.values()} == {"d0", "d1"}
    assert pool.questions == {"a": "where do a frog live and then?"}, "as what ranks reads it"


def test_few_questions_get_a_small_pool() -> None:
    store, by_id = store_of(*[f"frog {'pond ' * i}" for i in range(100)])
    example = Example("a", "frog", gold=(Gold("d0"),))
    pool = dev_pool([example], {"a": [by_id["d0"]]}, judged(a="d0"), store)
    assert 1 < len(pool.passages) <= 72


def test_questions_without_gold_are_left_out_and_none_is_an_error() -> None:
    store, by_id = store_of("frog", "ship")
    examples = [Example("a", "frog", gold=(Gold("d0"),)), Example("b", "ship", kind="unanswerable")]
    positives = {"a": [by_id["d0"]], "b": []}
    assert set(dev_pool(examples, positives, judged(a="d0"), store).questions) == {"a"}
    with pytest.raises(InputError, match="dev questions with gold"):
        dev_pool(examples, {}, {}, store)


def test_measures_and_loss_equal_a_hand_computed_case() -> None:
    pool = Pool(
        {"q": "?", "r": "?"},
        {id: passage(id) for id in ("c", "a", "b")},
        {"q": frozenset({"a"}), "r": frozenset({"b", "c"})},
        judged(q="a", r="b c"),
    )
    table = np.asarray([[0.9, 0.5, 0.1], [0.2, 0.4, 0.3]], dtype=np.float32)
    got = score_table(pool, table, 10.0)
    second = 1 / math.log2(3)
    ndcg_r = (second + 1 / math.log2(4)) / (1 + second)
    assert got["nDCG@10"] == pytest.approx((second + ndcg_r) / 2)
    assert got["MRR@10"] == pytest.approx(0.5)

    def loss(gold: float, *others: float) -> float:
        return math.log1p(sum(math.exp(10 * (other - gold)) for other in others))

    expected = (loss(0.5, 0.9, 0.1) + (loss(0.2, 0.4) + loss(0.3, 0.4)) / 2) / 2
    assert got["loss"] == pytest.approx(expected, rel=1e-5)


def test_equal_scores_go_by_passage_id_wherever_the_gold_stands() -> None:
    """Else an encoder that says the same of everything would look good by the pool's order."""
    for order in (("gold", "x"), ("x", "gold")):
        pool = Pool(
            {"q": "?"}, {id: passage(id) for id in order}, {"q": frozenset({"x"})}, judged(q="x")
        )
        got = score_table(pool, np.zeros((1, 2), dtype=np.float32), 20.0)
        assert got["MRR@10"] == 0.5


def test_a_whole_document_is_found_by_any_of_its_passages_and_grades_count() -> None:
    """Of a document that answers, one passage does: that it stands first is all that can be had."""
    held = {f"p{i}": Passage(f"p{i}", "gold" if i < 6 else f"d{i}", i, i + 1, "x", "s")
            for i in range(9)}  # fmt: skip
    gold = {"q": frozenset(f"p{i}" for i in range(6))}
    pool = Pool({"q": "?"}, held, gold, {"q": Judged("document", {"gold": 2, "d8": 1})})
    table = np.asarray([[9, 0, 0, 0, 0, 0, 7, 1, 8]], dtype=np.float32)
    assert score_table(pool, table, 1.0)["nDCG@10"] == pytest.approx(1.0)
    table = np.asarray([[8, 0, 0, 0, 0, 0, 7, 1, 9]], dtype=np.float32)
    best = 2 + 1 / math.log2(3)
    assert score_table(pool, table, 1.0)["nDCG@10"] == pytest.approx((1 + 2 / math.log2(3)) / best)
