"""Finish: from a generated text to an Answer with evidence, or one that declines."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from graft.answer.cite import cite
from graft.answer.decline import decline_text, is_decline, may_decline
from graft.answer.prepare import Prepared, shows_passages
from graft.core.answer import Answer
from graft.core.generation import Generation
from graft.core.hashing import value_hash

CLOSED_BOOK_DECLINE = "I do not know."
"""What a declining answer says where no documents were looked at."""

_LABEL = re.compile(
    r"^(?:the )?(?:final )?answer(?: to (?:this|the|your) question)?(?: is)?\s*:\s*", re.IGNORECASE
)


def finish(
    prepared: Prepared,
    generation: Generation,
    *,
    threshold: float = 0.0,
    sureness: float = 0.0,
    document: Callable[[str], str] | None = None,
) -> Answer:
    """Return the answer that a generation amounts to.

    It declines when the model did, when no passage was shown, or when its `confidence_of` is below
    `threshold`. Then the text says what was looked for and nothing that the model wrote. What may
    be a decline or an answer ("No evidence of harm was found.") is an answer if it can be cited. A
    closed-book template shows no passages: such answers have no support and decline only if the
    model does. What failed has an `error` and no text. `document`: see `cite`.
    """
    problem = prepared.error or generation.error
    if problem:
        return Answer(prepared.question, "", error=problem, finish_reason="error")
    text = tidy(generation.text)
    if is_decline(text, prepared.template.decline):
        return _declined(prepared, generation)
    cited = cite(text, prepared.passages, question=prepared.question, document=document)
    confidence = confidence_of(generation, cited.support, sureness)
    lacking = confidence < threshold or (may_decline(text) and not cited.citations)
    if shows_passages(prepared.template) and (not prepared.passages or lacking):
        return _declined(prepared, generation, support=cited.support, confidence=confidence)
    return Answer(
        question=prepared.question,
        text=text,
        citations=cited.citations,
        unsupported=cited.unsupported,
        support=cited.support,
        confidence=confidence,
        **_traced(prepared, generation),
    )


def confidence_of(generation: Generation, support: float, sureness: float = 0.0) -> float:
    """Return how much speaks for an answer, in 0..1.

    It is the support, times the probability of not having written nothing, which is what a tuned
    generator learned to do where the evidence is lacking, times the probability of the answer's
    least likely token to the power of `sureness` (an answer is as sure as its least sure word,
    arXiv:2307.03987). What a generator does not tell does not count.

    >>> unsure = Generation("Five days.", log_probs=(-0.1, -1.4), silence=0.5)
    >>> [round(confidence_of(unsure, 0.8, power), 2) for power in (0.0, 0.5)]
    [0.4, 0.2]
    """
    confidence = support * (1 - (generation.silence or 0.0))
    if sureness and generation.log_probs:
        confidence *= math.exp(sureness * min(generation.log_probs))
    return confidence


def tidy(text: str) -> str:
    """Return a generated text without outer whitespace and a label such as "Answer:".

    >>> tidy(" Answer: five days. "), tidy("The answer to this question is: 12")
    ('five days.', '12')
    """
    return _LABEL.sub("", text.strip()).strip()


def _declined(
    prepared: Prepared, generation: Generation, *, support: float = 0.0, confidence: float = 0.0
) -> Answer:
    if shows_passages(prepared.template):
        text = decline_text(prepared.question, prepared.passages)
    else:
        text = prepared.template.decline or CLOSED_BOOK_DECLINE
    return Answer(
        question=prepared.question,
        text=text,
        declined=True,
        support=support,
        confidence=confidence,
        **_traced(prepared, generation),
    )


def _traced(prepared: Prepared, generation: Generation) -> dict[str, Any]:
    """Return what an answer keeps of how it was made."""
    return {
        "prompt_ids": generation.prompt_ids,
        "prompt_hash": value_hash(prepared.prompt),
        "prompt_tokens": generation.prompt_tokens,
        "new_tokens": generation.new_tokens,
        "finish_reason": generation.finish_reason,
    }
