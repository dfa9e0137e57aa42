from __future__ import annotations

from dataclasses import replace

import pytest

from graft.core.context import Context, Event
from graft.core.document import Document, Passage, Span
from graft.core.example import Example, Gold, on_gold
from graft.core.search import Hit
from graft.examples.gold import (
    CHANGED,
    REMOVED,
    GoldPlace,
    Judged,
    Resolved,
    answer_span,
    pin,
    resolve,
)
from graft.measures.ranking import ranking_scores
from graft.testing import MemoryStore

RIVER = Document(
    "river.md", "The Aln is long.\n\nIt floods in spring.\n\nThe bridge fell in 1848.", "Aln"
)
HILL = Document("hill.md", "The hill is chalk.\n\nSheep graze on it.", "Hill")


def passages_of(*documents: Document):  # type: ignore[no-untyped-def]
    store = MemoryStore(documents)
    return lambda id: [p for p in store._passages if p.document_id == id]


def texts(passages: tuple[Passage, ...]) -> list[str]:
    return [passage.text for passage in passages]


def at(document: Document, text: str) -> Gold:
    start = document.text.index(text)
    return Gold(document.id, document.text_hash, start, start + len(text))


def test_a_span_gives_the_passages_it_overlaps_the_most_covered_first() -> None:
    store = MemoryStore([RIVER])
    example = Example("1", "When?", ("1848",), (at(RIVER, "spring.\n\nThe bridge fell"),))
    found = resolve([example], store.document, passages_of=passages_of(RIVER))
    assert texts(found.passages["1"]) == ["The bridge fell in 1848.", "It floods in spring."]


def test_a_whole_document_gives_all_passages_the_one_with_the_answer_first() -> None:
    store = MemoryStore([RIVER, HILL])
    gold = (Gold("river.md"), Gold("hill.md"))
    example = Example("1", "When did the bridge fall?", ("in 1848",), gold)
    found = resolve([example], store.document, passages_of=passages_of(RIVER, HILL))
    assert texts(found.passages["1"])[0] == "The bridge fell in 1848."
    assert len(found.passages["1"]) == 5
    assert not found.dropped


def test_cutting_documents_anew_breaks_nothing() -> None:
    whole = Passage("w", RIVER.id, 0, len(RIVER.text), RIVER.text, "whole")
    example = Example("1", "When?", ("1848",), (at(RIVER, "1848"),))
    found = resolve([example], MemoryStore([RIVER]).document, passages_of=lambda id: [whole])
    assert found.passages["1"] == (whole,)


def test_a_changed_document_is_searched_for_the_answer_and_else_dropped() -> None:
    events: list[Event] = []
    kept = Example("kept", "When?", ("1848",), (at(RIVER, "1848"),))
    stale = Example("stale", "When?", ("spring",), (at(RIVER, "spring"),))
    now = replace(RIVER, text="News.\n\nLong ago, in 1848, the bridge fell.\n\nAnd so on.")
    found = resolve(
        [kept, stale],
        MemoryStore([now]).document,
        passages_of=passages_of(now),
        ctx=Context(events=events.append),
    )
    assert texts(found.passages["kept"]) == ["Long ago, in 1848, the bridge fell."]
    assert found.moved == ("kept",)
    assert found.dropped == {CHANGED: ("stale",)}
    half = replace(kept, id="half", gold=(*kept.gold, Gold("gone.md")))
    one = resolve([half], MemoryStore([now]).document, passages_of=passages_of(now))
    assert (one.moved, one.dropped) == ((), {REMOVED: ("half",)})
    assert "stale" not in found.passages
    assert [(event.phase, event.counts) for event in events] == [("warning", {"examples": 1})]


def test_an_answer_too_short_to_tell_by_is_not_looked_for_in_a_changed_document() -> None:
    """ "yes" stands anywhere, and would make gold of passages that say nothing of it."""
    now = replace(RIVER, text="Yes, it rains.\n\nYes, it snows.\n\nIn 1848, yes, it fell.")
    short = Example("short", "Did it fall?", ("yes", "no"), (at(RIVER, "1848"),))
    both = Example("both", "Did it fall?", ("yes", "1848"), (at(RIVER, "1848"),))
    found = resolve([short, both], MemoryStore([now]).document, passages_of=passages_of(now))
    assert found.dropped == {CHANGED: ("short",)}
    assert texts(found.passages["both"]) == ["In 1848, yes, it fell."]


def test_a_removed_document_is_reported() -> None:
    example = Example("1", "When?", ("1848",), (Gold("gone.md"), at(RIVER, "1848")))
    found = resolve([example], MemoryStore([RIVER]).document, passages_of=passages_of(RIVER))
    assert found.dropped == {REMOVED: ("1",)}
    assert found.passages == {}


def test_an_unanswerable_question_resolves_to_nothing() -> None:
    example = Example("1", "Why?", kind="unanswerable", group="river.md")
    found = resolve([example], MemoryStore([RIVER]).document, passages_of=passages_of(RIVER))
    assert found.passages == {"1": ()}


def test_pinning_adds_hash_and_span_and_names_what_is_missing() -> None:
    store = MemoryStore([RIVER])
    examples = [
        Example("1", "When?", ("IN 1848",), (Gold("river.md"),)),
        Example("2", "Did it?", ("yes",), (Gold("river.md"),)),
        Example("3", "Where?", ("there",), (Gold("lost.md"),)),
    ]
    pinned = pin(examples, store.document)
    first, second = pinned.examples
    gold = first.gold[0]
    assert (gold.text_hash, RIVER.text[gold.start : gold.end]) == (RIVER.text_hash, "in 1848")
    assert second.gold == (Gold("river.md", RIVER.text_hash),)
    assert first.group == "river.md"
    assert pinned.missing == {"3": "lost.md"}
    assert pin(pinned.examples, store.document).examples == pinned.examples


@pytest.mark.parametrize(
    ("text", "answer", "found"),
    [
        ("the cat in a catalogue", "catalogue", "catalogue"),
        ("a catalogue of the cat", "cat", "cat"),
        ("call f(x) + 1 now", "f(x) + 1", "f(x) + 1"),
        ("in  the\nyear", "In the year", "in  the\nyear"),
    ],
)
def test_an_answer_is_found_as_whole_words(text: str, answer: str, found: str) -> None:
    span = answer_span(text, ["not there", answer])
    assert span is not None
    assert text[slice(*span)] == found


def test_no_answer_has_no_span() -> None:
    assert answer_span("a catalogue", ["cat", " "]) is None


LONG = Document("long.md", "\n\n".join(f"Part {i} of it." for i in range(20)), "Long")


def ndcg(judged: Judged, shown: list[Passage]) -> float:
    """The nDCG@10 of a ranking of passages, for one question."""
    ids = judged.ranking([Hit(p.id, p.document_id, 1.0) for p in shown])
    run = {"q": [(id, -float(rank)) for rank, id in enumerate(ids)]}
    return ranking_scores({"q": dict(judged.grades)}, run, ["nDCG@10"])["nDCG@10"]["q"]


def found_in(example: Example, *documents: Document) -> Resolved:
    store = MemoryStore(documents)
    return resolve([example], store.document, passages_of=passages_of(*documents))


def test_gold_with_a_span_is_judged_by_passages_and_a_whole_document_as_one() -> None:
    parts = MemoryStore([LONG])._passages
    right, wrong = parts[12], parts[:10]
    # Told from all passages of the document, the right one alone at rank 1 would get .22 and ten
    # others of it 1.00.
    alike = Judged("passage", {p.id: 1 for p in parts})
    assert ndcg(alike, [right]) == pytest.approx(0.22, abs=0.005) and ndcg(alike, wrong) == 1.0
    span = Gold(LONG.id, LONG.text_hash, right.start, right.end)
    told = found_in(Example("1", "Which?", ("12",), (span,)), LONG).judged("1")
    assert told == Judged("passage", {right.id: 1})
    assert (ndcg(told, [right]), ndcg(told, wrong)) == (1.0, 0.0)
    whole = found_in(Example("1", "Which?", ("12",), (Gold(LONG.id),)), LONG).judged("1")
    assert whole == Judged("document", {LONG.id: 1})
    assert ndcg(whole, [right]) == ndcg(whole, wrong) == 1.0
    other = MemoryStore([RIVER])._passages
    assert ndcg(whole, [*other, right]) == pytest.approx(0.63, abs=0.005)  # rank 2, not rank 4


def test_a_whole_document_beside_a_span_counts_once() -> None:
    gold = (at(RIVER, "1848"), Gold(LONG.id, grade=2))
    found = found_in(Example("1", "When?", ("1848",), gold), RIVER, LONG)
    on_span = [p for p in MemoryStore([RIVER])._passages if "1848" in p.text]
    parts = MemoryStore([LONG])._passages
    assert found.judged("1") == Judged("passage", {on_span[0].id: 1, LONG.id: 2})
    hits = [Hit(p.id, p.document_id, 1.0) for p in (*parts[:3], *MemoryStore([RIVER])._passages)]
    ranked = found.judged("1").ranking(hits)
    assert ranked == [LONG.id, *(p.id for p in MemoryStore([RIVER])._passages)]
    assert ndcg(found.judged("1"), [parts[5], *on_span]) == 1.0


def test_the_best_grade_of_what_two_golds_name_counts() -> None:
    spans = (at(RIVER, "1848"), replace(at(RIVER, "bridge fell"), grade=3), Gold(RIVER.id, grade=2))
    found = found_in(Example("1", "When?", ("1848",), spans), RIVER)
    fell = next(p for p in MemoryStore([RIVER])._passages if "1848" in p.text)
    assert found.judged("1").grades == {fell.id: 3, RIVER.id: 2}


def test_evidence_is_every_passage_on_a_span_and_the_best_one_of_a_whole_document() -> None:
    gold = (Gold("hill.md"), at(RIVER, "spring.\n\nThe bridge fell"), Gold("long.md", grade=2))
    example = Example("1", "When did the bridge fall?", ("1848",), gold)
    found = found_in(example, RIVER, HILL, LONG)
    assert texts(found.evidence("1")) == [
        "Part 0 of it.",  # of the highest grade
        "The bridge fell in 1848.",  # holds the answer
        "It floods in spring.",
        "The hill is chalk.",
    ]
    assert found.passages["1"][:4] == found.evidence("1")
    assert len(found.passages["1"]) == 20 + 2 + 2


def test_a_question_that_needs_two_documents_has_evidence_of_both() -> None:
    two = Example("1", "What of 1848 and chalk?", ("yes",), (Gold("river.md"), Gold("hill.md")))
    found = found_in(two, RIVER, HILL)
    assert texts(found.evidence("1")) == ["The bridge fell in 1848.", "The hill is chalk."]


def test_a_span_that_moved_is_judged_by_the_passages_that_hold_its_answer_now() -> None:
    now = replace(RIVER, text="News.\n\nLong ago, in 1848, the bridge fell.\n\nAnd so on.")
    found = found_in(Example("1", "When?", ("1848",), (at(RIVER, "1848"),)), now)
    (moved,) = found.evidence("1")
    assert found.judged("1") == Judged("passage", {moved.id: 1})


def test_what_was_made_from_the_gold_lies_on_it() -> None:
    gold = at(RIVER, "1848")
    spans = (Span("hill.md", 0, 5), Span(RIVER.id, gold.start, gold.end))
    summary = Passage("s", "summaries", 0, 9, "It fell.", "x", made_from=spans)
    assert on_gold(summary.spans, [gold])
    assert on_gold(summary.spans, [Gold("hill.md")])
    assert not on_gold(summary.spans, [Gold("summaries")])
    assert not on_gold(replace(summary, made_from=spans[:1]).spans, [gold])
    own = Passage("o", RIVER.id, 0, gold.start, "x", "x")
    assert not on_gold(own.spans, [gold]) and on_gold(own.spans, [Gold(RIVER.id)])
    example = Example("1", "When?", ("1848",), (gold,))
    found = resolve([example], MemoryStore([RIVER]).document, passages_of=lambda id: [own, summary])
    assert found.places["1"] == (GoldPlace(gold, (summary,)),)


def test_pinning_keeps_the_grade() -> None:
    asked = Example("1", "When?", ("in 1848",), (Gold("river.md", grade=3),))
    (pinned,) = pin([asked], MemoryStore([RIVER]).document).examples
    assert pinned.gold[0].grade == 3 and pinned.gold[0].span is not None


def test_a_document_that_is_gold_whole_and_by_a_span_is_found_by_the_span() -> None:
    whole, part = Gold("Z"), Gold("Z", start=0, end=4)
    shown = Passage("Z:0", "Z", 0, 4, "text", "s")
    places = (GoldPlace(whole, (shown,)), GoldPlace(part, (shown,)))
    judged = Resolved({"q": places}).judged("q")
    assert judged == Judged("passage", {"Z:0": 1})
    ranked = judged.ranking([Hit("Z:0", "Z", 1.0)])
    run = {"q": [(id, -float(i)) for i, id in enumerate(ranked)]}
    assert ranking_scores({"q": dict(judged.grades)}, run, ["nDCG@10"])["nDCG@10"]["q"] == 1.0
