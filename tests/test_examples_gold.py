from __future__ import annotations

from dataclasses import replace

import pytest

from graft.core.context import Context, Event
from graft.core.document import Document, Passage
from graft.core.example import Example, Gold
from graft.examples.gold import CHANGED, REMOVED, answer_span, pin, resolve
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
    assert "stale" not in found.passages
    assert [(event.phase, event.counts) for event in events] == [("warning", {"examples": 1})]


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
