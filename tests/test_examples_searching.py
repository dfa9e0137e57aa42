"""Searching for examples: in their order, a batch at a time, with the turns before each."""

from __future__ import annotations

from dataclasses import replace

from graft.core.document import Document
from graft.core.example import Example
from graft.core.search import Hit, Search
from graft.examples.searching import passages_of, search_for, searched
from graft.testing import MemoryStore

STORE = MemoryStore([Document("a.md", "One.\n\nTwo."), Document("b.md", "Three.")])


def test_an_example_asks_its_question_after_the_turns_before_it() -> None:
    turn = {"role": "user", "content": "Who?"}
    search = search_for(Example("1", "And why?", messages=(turn,)))  # type: ignore[arg-type]
    assert search == Search("And why?", history=(turn,))


def test_examples_are_searched_for_in_batches_and_in_their_order() -> None:
    sizes: list[int] = []

    def retrieve(searches: list[Search]) -> list[Search]:
        sizes.append(len(searches))
        return [replace(search, trace=(search.query,)) for search in searches]

    examples = [Example(str(i), f"Question {i}?") for i in range(7)]
    batches = list(searched(examples, retrieve, size=3))
    assert sizes == [3, 3, 1] == [len(batch) for batch in batches]
    found = [(example.question, search.trace) for batch in batches for example, search in batch]
    assert found == [(e.question, (e.question,)) for e in examples]
    assert list(searched([], retrieve)) == []


def test_passages_of_all_searches_are_asked_for_once_and_those_gone_left_out() -> None:
    asked: list[list[str]] = []

    class Counting(MemoryStore):
        def passages(self, ids):  # type: ignore[no-untyped-def]
            asked.append(list(ids))
            return super().passages(ids)

    store = Counting(STORE.documents)
    one, two, three = store._passages
    held = Hit(three.id, "b.md", 1.0, passage=three)
    searches = [
        Search("x", hits=(Hit(two.id, "a.md", 2.0), held)),
        Search("y", hits=(Hit(one.id, "a.md", 2.0), Hit(two.id, "a.md", 1.0))),
        Search("z"),
    ]
    assert passages_of(searches, store) == [[two, three], [one, two], []]
    assert asked == [[two.id, one.id]]
    gone = Search("x", hits=(Hit("gone", "a.md", 3.0), Hit(one.id, "a.md", 2.0)))
    assert passages_of([gone], store) == [[one]]
