"""What every leaf does with variants: whose they are, what they read like, what they count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.core.context import Context
from graft.core.document import Document
from graft.core.errors import InputError
from graft.core.protocols import Vectors
from graft.core.search import Search, Variant
from graft.retrieve.fuse import fuse_ranks
from graft.retrieve.stages.bm25 import BM25
from graft.retrieve.stages.dense import Dense
from graft.testing import FakeEncoder, MemoryStore

CTX = Context()
STORE = MemoryStore([
    Document("leave.md", "Five leave days carry over.\n\nSick leave needs a note."),
    Document("pay.md", "Pay day is the 25th.\n\nInterns are paid weekly."),
])  # fmt: skip
TEXTS = ["leave days", "interns", "pay day", "sick note", "zebra"]
LEAVES = [Dense(STORE, STORE.encoder), BM25(STORE)]
variants = st.builds(
    Variant, st.sampled_from(TEXTS), st.sampled_from(["question", "passage"]),
    st.sampled_from([(), ("dense",), ("bm25",), ("other",), ("bm25", "dense")]),
    st.sampled_from([0.0, 0.3, 1.0, 2.5]),
)  # fmt: skip


@dataclass(frozen=True)
class TwoSided(FakeEncoder):
    """An encoder that keeps what it read as a query and what as a passage."""

    queries: list[str] = field(default_factory=list)
    passages: list[str] = field(default_factory=list)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        self.queries.extend(texts)
        return FakeEncoder().encode_passages(texts)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        self.passages.extend(texts)
        return FakeEncoder().encode_passages(texts)


def scores(search: Search) -> list[tuple[str, float]]:
    return [(hit.passage_id, hit.score) for hit in search.hits]


@given(st.sampled_from(TEXTS), st.lists(variants, max_size=5))
def test_a_weight_of_zero_equals_no_variant(query: str, given: list[Variant]):
    for leaf in LEAVES:
        without = tuple(v for v in given if v.weight > 0)
        (one,) = leaf([Search(query, variants=tuple(given))], CTX)
        (other,) = leaf([Search(query, variants=without)], CTX)
        assert one.hits == other.hits and one.trace == other.trace


@given(st.sampled_from(TEXTS), st.lists(variants, max_size=5))
def test_a_variant_reaches_the_leaves_that_it_is_for_and_no_other(query: str, given: list[Variant]):
    for leaf in LEAVES:
        mine = tuple(v for v in given if not v.leaves or leaf.name in v.leaves)
        (one,) = leaf([Search(query, variants=tuple(given))], CTX)
        (other,) = leaf([Search(query, variants=mine)], CTX)
        assert one.hits == other.hits and one.trace == other.trace
        foreign = Variant("leave days", leaves=("dense" if leaf.name == "bm25" else "bm25",))
        assert leaf([Search(query, variants=(foreign,))], CTX)[0].trace == (
            f"{leaf.name}: {len(leaf([Search(query)], CTX)[0].hits)} hits for 1 phrasing",
        )


def test_what_reads_like_a_passage_is_encoded_as_one():
    encoder = TwoSided()
    made = (Variant("Interns are paid weekly.", kind="passage"), Variant("wages", weight=0.5))
    found = Dense(STORE, encoder)(
        [Search("interns", variants=made), Search("leave", variants=made[:1])], CTX
    )
    assert encoder.queries == ["interns", "wages", "leave"]
    assert encoder.passages == ["Interns are paid weekly."] * 2
    # each vector lands in the row of its own text
    plain = Dense(STORE, STORE.encoder)([Search("leave"), Search(made[0].text)], CTX)
    both = fuse_ranks([search.hits for search in plain], [1.0, 1.0])
    assert scores(found[1]) == [(hit.passage_id, hit.score) for hit in both]


def test_weights_weigh_the_fusion_within_a_leaf():
    leaf = BM25(STORE)
    (hit,) = leaf([Search("interns")], CTX)[0].hits
    (other,) = leaf([Search("sick")], CTX)[0].hits
    heavy = leaf([Search("interns", variants=(Variant("sick", weight=2.0),))], CTX)[0]
    assert scores(heavy) == [(other.passage_id, 2 / 61), (hit.passage_id, 1 / 61)]
    light = leaf([Search("interns", variants=(Variant("sick", weight=0.5),))], CTX)[0]
    assert scores(light) == [(hit.passage_id, 1 / 61), (other.passage_id, 0.5 / 61)]
    # said twice, it counts once, at what it counts most
    twice = (Variant("sick", weight=0.5), Variant("sick", weight=2.0))
    assert leaf([Search("interns", variants=twice)], CTX)[0].hits == heavy.hits


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_a_weight_that_is_no_share_is_refused(weight: float):
    with pytest.raises(InputError, match="weight"):
        Variant("x", weight=weight)
