"""Elsewhere: made questions that a passage beside their own evidence may answer too.

A made question names the one place that it was made from. Where another passage answers it as
well, a system that brings that one is judged wrong, so that a test would tell who brings the place
that the maker happened to read. What several retrievals find is pooled, none of them favoured (as
pools of TREC are: Spärck Jones and van Rijsbergen 1975), and looked through by the rule by which a
question's words tell its answer. What it finds is not taken for gold: of the further passages
that were read about a third were (docs/log.md). In doubt no test asks the question.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graft.core.document import Passage
from graft.core.example import Example, on_gold
from graft.examples.filters import ANY_QUESTION
from graft.examples.holding import holds_any
from graft.examples.searching import Retrieve, searched
from graft.examples.settle import ABOUT, KIND_OF_DETAIL
from graft.measures.sentences import sentences
from graft.measures.words import content

ELSEWHERE = "another passage may answer it too"

POOLED = 10
"""Hits of each retrieval that are looked through."""


def answered_elsewhere(examples: Sequence[Example], pools: Iterable[Retrieve]) -> set[str]:
    """Return the ids of answerable examples that a passage beside their gold may answer.

    Each of `pools` is a retrieval whose hits carry their passages. A search that failed brings
    nothing.
    """
    asked = [example for example in examples if example.answers and example.gold]
    found: set[str] = set()
    for retrieve in pools:
        left = [example for example in asked if example.id not in found]
        for batch in searched(left, retrieve):
            for example, search in batch:
                passages = (hit.passage for hit in search.hits[:POOLED])
                if any(p is not None and may_answer(example, p) for p in passages):
                    found.add(example.id)
    return found


def may_answer(example: Example, passage: Passage) -> bool:
    """Whether a passage that is no gold of an example has a sentence that may answer it.

    It must hold an accepted answer, and with the headings above it nearly all that the question
    is about: what is asked of the evidence itself.
    """
    if on_gold(passage.spans, example.gold) or not holds_any(passage.text, example.answers):
        return False
    asked = content(example.question) - ANY_QUESTION - KIND_OF_DETAIL
    headings = content(" ".join([passage.title, *passage.headings]))
    told = (passage.text[start:end] for start, end in sentences(passage.text))
    return any(
        holds_any(sentence, example.answers)
        and len(asked & (content(sentence) | headings)) >= ABOUT * len(asked)
        for sentence in told
    )
