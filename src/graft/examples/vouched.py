"""Vouched: who says that a made question has its answer, and so what it may be used for.

What trains has to be right for what is trained: production's retrieval found the document and its
reader the answer. What tests must not be chosen by what is tested: on a public set, questions that
production answered turned a gain of .061 Recall of a better retriever into a loss of .090. So a
test takes the questions whose words tell their answer, whether production finds it or not.
"""

from __future__ import annotations

from dataclasses import replace

from graft.core.example import Example
from graft.examples.split import Assigned, documents_of

MAKER = "maker"
"""The metadata of a made question that names the maker it is from."""

VOUCHED = "vouched"
"""The metadata of a made question that names who vouches for it, with spaces between."""

PRODUCTION, WORDS = "production", "words"

NOT_LEARNED = "for a test alone: production has no answer to it"
NOT_TESTED = "for training alone: its words do not tell its answer"
NOT_SEEN = "of test-seen, and nothing on its documents is left in train"


def fit_for_splits(dealt: Assigned) -> Assigned:
    """Return the examples that those who vouch for them allow in the split they were dealt into.

    One that names nobody is allowed everywhere.
    """
    reasons = {example.id: _unfit(example) for example in dealt.examples}
    kept = [example for example in dealt.examples if not reasons[example.id]]
    taught = {document for e in kept if e.split == "train" for document in documents_of(e)}
    for example in kept:
        if example.split == "test-seen" and not taught.issuperset(documents_of(example)):
            reasons[example.id] = NOT_SEEN
    dropped = dict(dealt.dropped)
    for reason in (NOT_LEARNED, NOT_TESTED, NOT_SEEN):
        if ids := sorted(id for id, why in reasons.items() if why == reason):
            dropped[reason] = tuple(ids)
    left = tuple(example for example in dealt.examples if not reasons[example.id])
    return replace(dealt, examples=left, dropped=dropped)


def vouched_for(example: Example) -> frozenset[str]:
    """Return who vouches for an example; both do for one that names nobody."""
    return frozenset(example.metadata.get(VOUCHED, f"{PRODUCTION} {WORDS}").split())


def _unfit(example: Example) -> str:
    vouched = vouched_for(example)
    if example.split in ("train", "dev"):
        return "" if PRODUCTION in vouched else NOT_LEARNED
    return "" if WORDS in vouched else NOT_TESTED
