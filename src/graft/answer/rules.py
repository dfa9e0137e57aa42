"""Rules: answers without a model, from the best hit; what every generator has to beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from graft.answer.finish import finish
from graft.answer.prepare import Prepared
from graft.core.answer import Answer
from graft.core.document import Passage
from graft.core.generation import Generation
from graft.core.search import Hit
from graft.generate.prompts import GROUNDED
from graft.measures.sentences import HEADING, sentences
from graft.measures.words import content

Rule = Callable[[str, str], str]
"""Returns the answer to a question from the text of the best hit."""


def first_sentence(question: str, text: str) -> str:
    """Return a text's first sentence below its headings, whatever is asked.

    >>> first_sentence("How many?", "# Leave\\n\\nLeave is earned. Five days carry over.")
    'Leave is earned.'
    """
    return _sentences(text)[0]


def best_sentence(question: str, text: str) -> str:
    """Return the sentence that holds most of a question's words; of several the first.

    >>> best_sentence("How many days carry over?", "Leave is earned. Five days carry over.")
    'Five days carry over.'
    """
    asked = content(question)
    return max(_sentences(text), key=lambda sentence: len(asked & content(sentence)))


RULES: Mapping[str, Rule] = {"first sentence": first_sentence, "best sentence": best_sentence}


def rule_answer(rule: Rule, question: str, passage: Passage | None) -> Answer:
    """Return what a rule answers from the best hit, cited like any answer; without one, a decline.

    No support is asked for: a rule never declines of its own.
    """
    shown = (passage,) if passage and passage.text.strip() else ()
    prepared = Prepared(question, GROUNDED, [], shown)
    text = rule(question, shown[0].text) if shown else ""
    hits = tuple(Hit(p.id, p.document_id, 0.0, passage=p) for p in shown)
    return replace(finish(prepared, Generation(text)), hits=hits)


def _sentences(text: str) -> list[str]:
    below = HEADING.sub("", text)
    told = below if below.strip() else text
    return [told[start:end].strip() for start, end in sentences(told)] or [told.strip()]
