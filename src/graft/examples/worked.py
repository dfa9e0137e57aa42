"""Worked examples that prompts show: how a question is asked, and how briefly it is answered.

A small model follows examples where it does not follow instructions: asked by instruction alone,
SmolLM2-135M wrote "What is the answer to this question?" for half of the texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from graft.core.document import Passage
from graft.generate.prompts import Worked

AskingStyle = Literal["fact", "term", "free"]
"""fact: a date, number or name is asked for; term: code or a description; free: anything."""

GAP = "____"
"""Stands in the text for the answer, so that the question cannot give it away."""


def _shown(title: str, heading: str, text: str) -> tuple[Passage, ...]:
    return (Passage("", "", 0, len(text), text, "", title, (heading,) if heading else ()),)


def _ask(title: str, heading: str, text: str, question: str) -> Worked:
    return ("", _shown(title, heading, text), question)


ASKED: Mapping[AskingStyle, tuple[Worked, ...]] = {
    "fact": (
        _ask(
            "Eiffel Tower", "", f"Named after its engineer, the tower was completed in {GAP}.",
            "When was the Eiffel Tower completed?",
        ),
        _ask(
            "Roman army", "Legions", f"Each legion had about {GAP} and was led by a legate.",
            "How many men did a Roman legion have?",
        ),
        _ask(
            "Tea", "Trade", f"Most of the leaves are bought by {GAP}, a company from Bremen.",
            "Which company buys most of the tea leaves?",
        ),
        _ask(
            "Ottawa", "History", f"The village was renamed Ottawa in {GAP} and grew quickly.",
            "In what year was Ottawa given its name?",
        ),
        _ask(
            "Roman army", "Camps", f"The legions of the province stood on the Rhine and in {GAP}.",
            "Where did the legions stand besides the Rhine?",
        ),
        _ask(
            "csv", "csv.reader", f"Fields longer than {GAP} raise an error.",
            "How long may a field be before csv.reader raises an error?",
        ),
        _ask(
            "Eiffel Tower", "", f"It is named after the engineer {GAP}, whose company built it.",
            "Who is the Eiffel Tower named after?",
        ),
    ),
    "term": (
        _ask(
            "Sorting", "", f"sorted() returns a new list, while {GAP} changes the list itself.",
            "Which method sorts a list in place?",
        ),
        _ask(
            "Generators", "", f"A generator is {GAP}.",
            "What is a generator?",
        ),
        _ask(
            "Files", "open", f"Opening a file that does not exist raises {GAP}.",
            "What does open() raise when the file does not exist?",
        ),
        _ask(
            "Eiffel Tower", "", f"It was painted in a {GAP} at the top, so that it looks taller.",
            "In what colour was the top of the Eiffel Tower painted?",
        ),
        _ask(
            "csv", "csv.reader", f"If {GAP} is true, blank lines are skipped.",
            "Which option makes csv.reader skip blank lines?",
        ),
        _ask(
            "Roman army", "Legions", f"Each legion carried an {GAP} as its standard.",
            "What did a Roman legion carry as its standard?",
        ),
    ),
    "free": (
        _ask(
            "Files", "open", "When a file is opened for writing, its old contents are deleted.",
            "What happens to the contents of a file that is opened for writing?",
        ),
        _ask(
            "Eiffel Tower", "", "The top was painted in a lighter shade so that it looks taller.",
            "Why was the Eiffel Tower painted lighter at the top?",
        ),
        _ask(
            "functools", "functools.partial",
            "Return a new function with some of the arguments of func fixed.",
            "What does functools.partial return?",
        ),
        _ask(
            "Roman army", "Veterans",
            "Soldiers who had served for 25 years were given land in the provinces.",
            "What did Roman soldiers get after 25 years of service?",
        ),
        _ask(
            "Tea", "Green tea", "The leaves are steamed soon after they are picked, so that they "
            "stay green.",
            "How is green tea kept from turning brown?",
        ),
    ),
}  # fmt: skip
"""By style; prompts of one style begin alike, so that a model reads these once a batch."""


def _read(question: str, title: str, heading: str, text: str, answer: str) -> Worked:
    return (question, _shown(title, heading, text), answer)


READ: tuple[Worked, ...] = (
    _read(
        "When was the Eiffel Tower completed?", "Eiffel Tower", "",
        "Named after its engineer, the tower was completed in 1889 and is 330 metres tall.",
        "1889",
    ),
    _read(
        "What does open() raise when the file does not exist?", "Files", "open",
        "A file opened for writing is made. Opening a file that does not exist for reading raises "
        "FileNotFoundError.",
        "FileNotFoundError",
    ),
    _read(
        "What did Roman soldiers get after 25 years of service?", "Roman army", "Veterans",
        "A legion was led by a legate. Soldiers who had served for 25 years were given land in "
        "the provinces.",
        "land in the provinces",
    ),
    _read(
        "How many men did a Roman legion have?", "Roman army", "Legions",
        "The army was large. Each legion had about 5,000 men and was led by a legate.",
        "about 5,000 men",
    ),
    _read(
        "Why was the Eiffel Tower painted lighter at the top?", "Eiffel Tower", "",
        "The tower has three levels. The top was painted in a lighter shade so that it looks "
        "taller from below.",
        "so that it looks taller from below",
    ),
    _read(
        "Which company buys most of the tea leaves?", "Tea", "Trade",
        "Tea reached Europe in 1610. Most of the leaves are bought by Ronnefeldt, a company from "
        "Bremen.",
        "Ronnefeldt",
    ),
    _read(
        "What does functools.partial return?", "functools", "functools.partial",
        "Return a new function with some of the arguments of func fixed.",
        "a new function with some of the arguments of func fixed",
    ),
)  # fmt: skip
"""How the reader answers when a made question is checked: in the words of the text alone.

None of them declines. On 24 questions of squadshifts-wiki, read from 60 words around the answer,
SmolLM2-135M found 29 % of the answers without them and 54 % with them.
"""
