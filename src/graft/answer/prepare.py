"""Prepare: from a question and passages to a prompt that fits. Serving and training share it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from graft.core.document import Passage
from graft.core.errors import ConfigError
from graft.core.generation import Decoding, Message, Prompt
from graft.core.protocols import Generator
from graft.generate.prompts import Template, Worked, build
from graft.measures.sentences import sentences


@dataclass(frozen=True)
class Budget:
    """What a prompt may take: `tokens`, as `count` counts them, and at most `passages`."""

    count: Callable[[Prompt], int]
    tokens: int
    passages: int = 3


@dataclass(frozen=True)
class Prepared:
    """A prompt and the passages it shows, in the order of their numbers (the first is [1]).

    A passage may be cut short at its end. `error` says why there is no prompt that fits.
    """

    question: str
    template: Template
    prompt: Prompt
    passages: tuple[Passage, ...] = ()
    error: str = ""


def budget_of(generator: Generator, decoding: Decoding, *, passages: int = 3) -> Budget:
    """Return what is left for the prompt in the generator's context beside the answer.

    Raises ConfigError when the answer alone would fill the context.
    """
    tokens = generator.context_tokens - decoding.max_new_tokens
    if tokens <= 0:
        raise ConfigError(
            f"max_new_tokens is {decoding.max_new_tokens} and the context of {generator.name} "
            f"holds {generator.context_tokens} tokens: ask for a shorter answer"
        )
    return Budget(generator.count_tokens, tokens, passages)


def shows_passages(template: Template) -> bool:
    """Return whether a template has a place for passages; a closed-book one has none."""
    return "{passages}" in template.user


def prepare(
    question: str,
    passages: Sequence[Passage],
    template: Template,
    *,
    budget: Budget,
    worked: Sequence[Worked] = (),
    history: Sequence[Message] = (),
) -> Prepared:
    """Return the prompt for a question with as many of the passages, best first, as fit.

    Passages whose text is shown already are left out. When the rest does not fit, the oldest
    turns of a long history go, then passages from the end, then worked examples; a single passage
    that is still too long is cut after a sentence. The prompt is counted once when all fits, and
    some ten times at most when not.
    """
    shown = distinct(passages)[: budget.passages] if shows_passages(template) else ()

    def make(count: int) -> Prompt:
        return build(template, question, shown[:count], worked=worked, history=history)

    def fits(prompt: Prompt) -> bool:
        return budget.count(prompt) <= budget.tokens

    prompt = make(len(shown))
    if fits(prompt):
        return Prepared(question, template, prompt, shown)
    history = _newest(template, question, history, budget)
    kept = _most(len(shown), lambda count: fits(make(count)))
    while worked and kept < min(1, len(shown)):
        worked = worked[1:]
        kept = _most(1, lambda count: fits(make(count)))
    if kept == 0 and shown:
        first, ends = shown[0], [end for _, end in sentences(shown[0].text)]
        cuts = [_cut(first, end) for end in ends]
        shown = tuple(cuts[-1:])
        held = _most(
            len(cuts),
            lambda n: fits(build(template, question, cuts[n - 1 : n], history=history)),
        )
        shown, kept = tuple(cuts[held - 1 : held]) if held else (), int(held > 0)
    prompt = make(kept)
    error = "" if kept or fits(prompt) else _too_long(budget.count(prompt), budget.tokens)
    return Prepared(question, template, prompt, shown[:kept], error)


def distinct(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """Return the passages without those whose text another one shows too.

    Of two where one holds the other, the longer stands at the better rank.
    """
    kept: list[Passage] = []
    for passage in passages:
        if any(_holds(other, passage) for other in kept):
            continue
        inside = [i for i, other in enumerate(kept) if _holds(passage, other)]
        if inside:
            kept[inside[0]] = passage
            kept = [other for i, other in enumerate(kept) if i not in inside[1:]]
        else:
            kept.append(passage)
    return tuple(kept)


def _holds(one: Passage, other: Passage) -> bool:
    if one.text.split() == other.text.split():
        return True
    stored = not one.made_from and not other.made_from
    same = one.document_id == other.document_id
    return stored and same and one.start <= other.start and other.end <= one.end


def _newest(
    template: Template, question: str, history: Sequence[Message], budget: Budget
) -> Sequence[Message]:
    """The newest turns that leave half of the budget to the passages."""
    kept = _most(
        len(history),
        lambda n: (
            budget.count(build(template, question, history=history[len(history) - n :]))
            <= budget.tokens // 2
        ),
    )
    newest = list(history[len(history) - kept :])
    # Templates of many models refuse a conversation that does not start with the user.
    while newest and newest[0]["role"] != "user":
        newest.pop(0)
    return newest


def _cut(passage: Passage, end: int) -> Passage:
    return replace(passage, text=passage.text[:end], end=passage.start + end)


def _most(limit: int, fits: Callable[[int], bool]) -> int:
    """The largest count up to `limit` that fits; 0 when none from 1 on does."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low


def _too_long(tokens: int, limit: int) -> str:
    return f"the question takes {tokens} tokens and the prompt may take {limit}: ask a shorter one"
