"""Finish: from a generated text to an Answer with evidence, or one that declines."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from graft.answer.cite import cite
from graft.answer.decline import decline_text, is_decline, may_decline
from graft.answer.prepare import Prepared, shows_passages
from graft.answer.reply import tidy
from graft.core.answer import Answer
from graft.core.generation import Generation
from graft.core.hashing import value_hash
from graft.generate.thought import set_aside

CLOSED_BOOK_DECLINE = "I do not know."
"""What a declining answer says where no documents were looked at."""

THOUGHT_ONLY = (
    "the model spent all its tokens on thought and wrote no answer: raise generate.max_new_tokens"
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

    It declines when the model did, when no passage was shown, or when its confidence is below
    `threshold`: its support, times the probability of not having written nothing, which is what a
    generator may have learned where the evidence is lacking, `weighed` by `sureness`. Then the text
    says what was looked for and nothing that the model wrote. What may be a decline or an answer
    ("No evidence of harm was found.") is an answer if it can be cited. A closed-book template shows
    no passages: such answers have no support and decline only if the model does. What failed has
    an `error` and no text; so has a thought that never came to an answer. `document`: see `cite`.
    """
    problem = prepared.error or generation.error
    if problem:
        return Answer(prepared.question, "", error=problem, finish_reason="error")
    told = set_aside(generation.text)
    thought = "\n".join(filter(None, (generation.thought, told.thought)))
    generation = replace(generation, thought=thought)
    if thought and not told.answer and (not told.ended or generation.finish_reason == "length"):
        return Answer(
            prepared.question, "", error=THOUGHT_ONLY, finish_reason="error", thought=thought
        )
    text = tidy(told.answer)
    if is_decline(text, prepared.template.decline):
        return _declined(prepared, generation)
    cited = cite(text, prepared.passages, question=prepared.question, document=document)
    confidence = weighed(
        cited.support * (1 - (generation.silence or 0.0)), _least(generation), sureness
    )
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


def weighed(confidence: float, least_log_prob: float, sureness: float) -> float:
    """Return a confidence with how sure a generator was of its least likely token counted in.

    An answer is as sure as its least sure word (arXiv:2307.03987): times the probability of that
    token, whose logarithm (nats) is given, to the power of `sureness`.

    >>> [round(weighed(0.4, -1.4, power), 2) for power in (0.0, 0.5)]
    [0.4, 0.2]
    """
    return confidence * math.exp(sureness * least_log_prob)


def _least(generation: Generation) -> float:
    """The log-probability of the least likely token; 0 where the generator tells none."""
    return min(generation.log_probs, default=0.0)


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
        "least_log_prob": _least(generation),
        "thought": generation.thought,
        "prompt_ids": generation.prompt_ids,
        "prompt_hash": value_hash(prepared.prompt),
        "prompt_tokens": generation.prompt_tokens,
        "new_tokens": generation.new_tokens,
        "finish_reason": generation.finish_reason,
    }
