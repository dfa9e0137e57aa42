"""Ask and read: the prompts of a wave of drafts, in as few calls of the generator as may be."""

from __future__ import annotations

from collections.abc import Sequence

from graft.core.context import Context
from graft.core.document import Passage
from graft.core.generation import Decoding, Generation, Prompt
from graft.core.protocols import Generator
from graft.examples.drafts import Draft
from graft.examples.worked import ASKED, READ
from graft.generate.prompts import ASK_FOR_ANSWER, ASK_FREELY, GROUNDED, build

NEW_TOKENS = 28
"""Longest question and longest reply: what is cut there is no question, and no short answer."""


def ask(drafts: Sequence[Draft], generator: Generator, ctx: Context) -> list[Generation]:
    """Return the generator's reply for each draft, a question if all is well.

    One call a style, because prompts of one style begin alike and a local model then reads their
    common start once a batch.
    """
    replies: dict[int, Generation] = {}
    for style, worked in ASKED.items():
        places = [i for i, draft in enumerate(drafts) if draft.style == style]
        template = ASK_FREELY if style == "free" else ASK_FOR_ANSWER
        prompts = [build(template, "", [drafts[i].shown], worked=worked) for i in places]
        replies |= zip(places, _generate(generator, prompts, ctx), strict=True)
    return [replies[i] for i in range(len(drafts))]


def read(
    asked: Sequence[tuple[str, Sequence[Passage]]], reader: Generator, ctx: Context
) -> list[Generation]:
    """Return what the reader answers to each question from the passages beside it."""
    prompts = [build(GROUNDED, question, shown, worked=READ) for question, shown in asked]
    return _generate(reader, prompts, ctx)


def _generate(generator: Generator, prompts: list[Prompt], ctx: Context) -> list[Generation]:
    ctx.check()
    decoding = Decoding(max_new_tokens=NEW_TOKENS, seed=ctx.seed, stop=("\n", ". "))
    return generator.generate(prompts, decoding) if prompts else []
