"""Answering: why a passage may answer a question, and so is no wrong one to set beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graft.core.document import Passage
from graft.core.example import Example, on_gold
from graft.examples.holding import answer_words, holds_any
from graft.measures.similarity import jaccard, shingles

NEAR = 0.6
"""Jaccard similarity over runs of three words from which a passage counts as a copy of another.

Between .6 and .8 stand edited versions. Taken for wrong, one that answers teaches the opposite of
what is meant; left out, the next hit takes its place.
"""

NO_ANSWERS = frozenset({"yes", "no", "true", "false", "none", "a", "an", "the"})
"""Answers that stand in most passages, and so tell nothing about one that holds them."""


class Answering:
    """Judges passages for one question: `gold` holds the passages that answer it."""

    def __init__(self, example: Example, gold: Sequence[Passage]) -> None:
        self._ids = {passage.id for passage in gold}
        self._gold = example.gold
        self._answers = [a for a in example.answers if a.strip().casefold() not in NO_ANSWERS]
        self._copies = Copies(passage.text for passage in gold)

    def reason(self, passage: Passage) -> str:
        """Return why a passage may answer, or "" where nothing says so.

        "gold passage": it is one, or lies on the gold. "copy of a positive": it hardly differs
        from one. "holds the answer": in any way of writing it, in text, title or headings.
        """
        if passage.id in self._ids or on_gold(passage.spans, self._gold):
            return "gold passage"
        if passage.text in self._copies:
            return "copy of a positive"
        return "holds the answer" if holds_any(passage.indexed_text, self._answers) else ""


class Copies:
    """Tells of texts whether they say what one of these does: the one judge of near-copies.

    >>> "A frog sings 12 times!" in Copies(["The frog sings twelve times."])
    True
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._held = [shingles(said(text)) for text in texts]

    def __contains__(self, text: str) -> bool:
        runs = shingles(said(text))
        return any(jaccard(runs, held) >= NEAR for held in self._held)


def said(text: str) -> str:
    """Return what texts have in common that differ in case, punctuation, articles, numbers alone.

    >>> said("The 12 frogs") == said("twelve frogs!")
    True
    """
    return " ".join(answer_words(text))
