"""Searching: examples as searches, a batch at a time, and the passages that these bring."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from graft.core.document import Passage
from graft.core.example import Example
from graft.core.generation import Message
from graft.core.protocols import PassageStore
from graft.core.search import Search
from graft.retrieve.stages.fetch import fetched

Retrieve = Callable[[list[Search]], list[Search]]
"""A retrieval: it fills the hits of each search, in order. A `Stage` with its context is one."""

BATCH = 64
"""Questions searched for at once: between batches a job can be cancelled."""

Searched = tuple[Example, Search]
"""An example and what was found for it; a search that failed says so in its `error`."""


def search_for(example: Example) -> Search:
    """Return the search an example makes: its question, and the turns before it."""
    turns = (Message(role=turn["role"], content=turn["content"]) for turn in example.messages)
    return Search(example.question, history=tuple(turns))


def searched(
    examples: Sequence[Example], retrieve: Retrieve, *, size: int = BATCH
) -> Iterator[list[Searched]]:
    """Yield the examples with their searches, up to `size` at once, in their order."""
    for start in range(0, len(examples), size):
        batch = examples[start : start + size]
        found = retrieve([search_for(example) for example in batch])
        yield list(zip(batch, found, strict=True))


def with_passages(
    examples: Sequence[Example], retrieve: Retrieve, store: PassageStore
) -> Iterator[list[tuple[Example, list[Passage]]]]:
    """Yield the examples with the passages that they bring, a batch at once, in their order."""
    for batch in searched(examples, retrieve):
        found = passages_of([search for _, search in batch], store)
        yield [(example, passages) for (example, _), passages in zip(batch, found, strict=True)]


def passages_of(searches: Sequence[Search], store: PassageStore) -> list[list[Passage]]:
    """Return the passages of each search's hits, in their order, asking the store once.

    One that went away since it was found is left out.
    """
    texts = fetched(store, (hit for search in searches for hit in search.hits))
    return [
        [texts[hit.passage_id] for hit in search.hits if hit.passage_id in texts]
        for search in searches
    ]
