"""Batches: no passage of a batch answers another of its questions."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from graft.core.document import Passage
from graft.tune.batches import batches
from graft.tune.mine import Triple, passage_keys


def passage(document: str, number: int = 0, text: str = "") -> Passage:
    text = text or f"text {document} {number}"
    return Passage(f"{document}/{number}", document, 0, len(text), text, "s")


def triple(id: str, positive: Passage, *negatives: Passage, gold: frozenset[str] | None = None):
    return Triple(id, f"question {id}", positive, negatives, gold or passage_keys(positive))


def test_triples_with_the_same_gold_document_never_stand_together() -> None:
    triples = [triple(f"q{i}", passage(f"d{i % 3}", i)) for i in range(12)]
    found = batches(triples, 4, random.Random(0))
    assert {len(batch) for batch in found} == {3}
    for batch in found:
        assert len({triples[i].positive.document_id for i in batch}) == len(batch)


def test_a_mined_negative_that_answers_another_question_keeps_them_apart() -> None:
    a, b = passage("a"), passage("b")
    triples = [triple("q0", a, b), triple("q1", b)]
    assert batches(triples, 2, random.Random(0)) == [[0]]
    assert len(batches([triple("q0", a, passage("c")), triple("q1", b)], 2, random.Random(0))) == 1


def test_copies_of_a_positive_keep_questions_apart_and_other_parts_of_a_document_do_not() -> None:
    copies = [
        triple("q0", passage("a", 0, "Same text.")),
        triple("q1", passage("b", 0, "same TEXT")),
    ]
    assert batches(copies, 2, random.Random(0)) == []
    gold = [frozenset({passage("a", i).id}) for i in range(2)]
    parts = [triple(f"q{i}", passage("a", i), gold=gold[i]) for i in range(2)]
    assert sorted(batches(parts, 2, random.Random(0))[0]) == [0, 1]


def test_each_epoch_is_shuffled_anew_by_the_seed_alone() -> None:
    triples = [triple(f"q{i}", passage(f"d{i}")) for i in range(20)]
    rng, again = random.Random(7), random.Random(7)
    first, second = batches(triples, 5, rng), batches(triples, 5, rng)
    assert first == batches(triples, 5, again) and second == batches(triples, 5, again)
    assert first != second


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.lists(st.integers(0, 6), max_size=3)), max_size=25),
    st.integers(2, 6),
)
def test_whatever_the_triples_no_batch_holds_a_false_negative(
    shapes: list[tuple[int, list[int]]], size: int
) -> None:
    triples = [
        triple(f"q{n}", passage(f"d{gold}"), *[passage(f"d{i}") for i in others if i != gold])
        for n, (gold, others) in enumerate(shapes)
    ]
    found = batches(triples, size, random.Random(1))
    used = Counter(i for batch in found for i in batch)
    assert all(count == 1 for count in used.values())
    for batch in found:
        assert len(batch) <= size
        assert len(batch) > 1 or triples[batch[0]].negatives
        for i in batch:
            shown = [
                p for j in batch if j != i for p in (triples[j].positive, *triples[j].negatives)
            ]
            assert not any(passage_keys(p) & triples[i].gold for p in shown)
    for i, left in enumerate(triples):
        assert used[i] or not left.negatives, "only a triple with nothing to be told from waits"
