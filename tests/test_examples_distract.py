from __future__ import annotations

from graft.core.context import Context
from graft.core.document import Document
from graft.core.example import Example, Gold
from graft.core.search import Hit, Search
from graft.examples.distract import distractors
from graft.testing import FakeEncoder, MemoryStore

DOCUMENTS = [
    Document("a.md", "The bridge over the Aln fell in 1848 after the great flood of spring."),
    Document(
        "copy.md", "The bridge over the Aln fell in 1848 after the great flood of the spring!"
    ),
    Document("b.md", "Floods of the Aln: twelve bridges fell, and the mill."),
    Document("c.md", "The bridge over the Tyne stands since 1,848 years."),
    Document("d.md", "The bridge over the Wear was built of stone by the monks."),
    Document("e.md", "Sheep graze on the hill."),
    Document("f.md", "The mill grinds the corn of the town."),
]
STORE = MemoryStore(DOCUMENTS)
GOLD = {"1": [STORE._passages[0]]}
ASKED = Example("1", "When did the bridge over the Aln fall?", ("1848", "in 1848"), (Gold("a.md"),))


def retrieve(searches: list[Search]) -> list[Search]:
    found = []
    for search in searches:
        vectors = FakeEncoder().encode_queries([search.query])
        ranked = STORE.nearest(
            vectors,
            5,
            allowed=[search.filter],
            encoder_digest=FakeEncoder().digest,
            principals=[None],
        )[0]
        hits = tuple(Hit(id, document, score) for id, document, score in ranked)
        found.append(Search(search.query, hits=hits))
    return found


def test_distractors_are_the_hardest_passages_that_do_not_answer() -> None:
    found = distractors([ASKED], retrieve, STORE, gold=GOLD, count=2)["1"]
    first = [hit.document_id for hit in retrieve([Search(ASKED.question)])[0].hits]
    allowed = [id for id in first if id not in {"a.md", "copy.md", "c.md"}]
    assert [passage.document_id for passage in found] == allowed[:2]


def test_no_distractor_is_gold_a_copy_of_it_or_holds_an_answer() -> None:
    found = distractors([ASKED], retrieve, STORE, gold=GOLD, count=9)["1"]
    assert not {p.document_id for p in found} & {"a.md", "copy.md", "c.md"}
    unasked = Example("1", ASKED.question, (), (Gold("a.md"),))
    held = distractors([unasked], retrieve, STORE, gold=GOLD, count=9)["1"]
    assert "c.md" in {p.document_id for p in held}
    assert "copy.md" not in {p.document_id for p in held}


def test_a_number_in_words_counts_as_the_answer() -> None:
    asked = Example("1", "How many bridges of the Aln fell?", ("12",), (Gold("a.md"),))
    found = distractors([asked], retrieve, STORE, gold=GOLD, count=9)["1"]
    assert "b.md" not in {p.document_id for p in found}


def test_other_passages_of_a_gold_document_may_be_shown_when_the_span_is_known() -> None:
    long = Document("l.md", "The mill burnt in May.\n\nThe bridge of the mill stands.")
    store = MemoryStore([long])
    first, second = store._passages

    def search(searches: list[Search]) -> list[Search]:
        hits = tuple(Hit(p.id, p.document_id, 1.0, passage=p) for p in (first, second))
        return [Search(s.query, hits=hits) for s in searches]

    spanned = Example("1", "When did it burn?", ("May",), (Gold("l.md", "", 0, 5),))
    whole = Example("2", "When did it burn?", ("May",), (Gold("l.md"),))
    found = distractors([spanned, whole], search, store, gold={"1": [first]}, count=2)
    assert found == {"1": [second], "2": []}


def test_where_hits_run_out_others_are_drawn_by_the_seed() -> None:
    others = [
        Example(str(i), f"{word}?", ("none such",), ())
        for i, word in enumerate(("sheep hill", "mill corn town", "stone monks"), start=2)
    ]

    def narrow(searches: list[Search]) -> list[Search]:
        return [Search(s.query, hits=s.hits[:1]) for s in retrieve(searches)]

    def draw(seed: int) -> list[str]:
        ctx = Context(seed=seed)
        found = distractors([ASKED, *others], narrow, STORE, gold=GOLD, count=1, ctx=ctx)
        return [p.id for p in found["1"]]

    assert len(draw(1)) == 1
    assert draw(1) == draw(1)
    assert len({tuple(draw(seed)) for seed in range(12)}) > 1
