"""Elsewhere: made questions that a passage beside their own evidence may answer too.

A made question names the one place that it was made from. Where another passage answers it as
well, a system that brings that one is judged wrong, so that a test would tell who brings the place
that the maker happened to read. What several retrievals find is pooled (as pools of TREC are:
Spärck Jones and van Rijsbergen 1975) and looked through by the rule by which a question's words
tell its answer. What it finds is not taken for gold: of the further passages that were read about
a third were (docs/log.md). In doubt no test asks the question. The pools are those of the
retrieval in use and of its parts: another answer that only a candidate brings stays unjudged,
against the candidate, as with every pool.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graft.core.document import Passage
from graft.core.example import Example, on_gold
from graft.examples.filters import ANY_QUESTION
from graft.examples.holding import holds_any
from graft.examples.searching import Retrieve, searched
from graft.examples.settle import ABOUT, KIND_OF_DETAIL
from graft.examples.vouched import MAKER
from graft.measures.sentences import sentences
from graft.measures.words import content

PAIR = "pair"
"""The maker of questions of two halves, joined by ", and " and their answers by "; "."""

ELSEWHERE = "another passage may answer it too"

POOLED = 20
"""Hits of each retrieval that are looked through: as many as a reranker reads by default."""


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
    is about: what is asked of the evidence itself. Of a question of two halves one is enough.
    """
    if on_gold(passage.spans, example.gold):
        return False
    return any(_answers(question, answers, passage) for question, answers in _parts(example))


def _parts(example: Example) -> list[tuple[str, Sequence[str]]]:
    """Return what an example asks, each with its accepted answers: of a pair both halves."""
    if example.metadata.get(MAKER) != PAIR:
        return [(example.question, example.answers)]
    asked = example.question.split(", and ", 1)
    told = example.answers[0].split("; ", 1)
    return [(question, (answer,)) for question, answer in zip(asked, told, strict=False)]


def _answers(question: str, answers: Sequence[str], passage: Passage) -> bool:
    if not holds_any(passage.text, answers):
        return False
    asked = content(question) - ANY_QUESTION - KIND_OF_DETAIL
    headings = content(" ".join([passage.title, *passage.headings]))
    told = (passage.text[start:end] for start, end in sentences(passage.text))
    return any(
        holds_any(sentence, answers)
        and len(asked & (content(sentence) | headings)) >= ABOUT * len(asked)
        for sentence in told
    )
