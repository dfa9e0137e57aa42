"""Every prompt Graft sends, as data. `graft release show` prints those a release uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from graft.core.document import Passage
from graft.core.errors import ConfigError
from graft.core.generation import Message, Prompt


@dataclass(frozen=True)
class Template:
    """One prompt: `system` and `user` texts, how a passage is shown, and the declining answer.

    `user` has the fields {passages} and {question}; `passage` has {number}, {title} and {text}.
    """

    name: str
    system: str
    user: str
    passage: str = ""
    decline: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return it as plain values; a release stores them."""
        return asdict(self)


GROUNDED = Template(
    name="grounded",
    system=(
        "Answer the question from the passages. Give the answer first, in as few words as the "
        "question needs. If the passages do not hold the answer, reply: The passages do not say."
    ),
    user="{passages}\n\nQuestion: {question}",
    passage="[{number}] {title}\n{text}",
    decline="The passages do not say.",
)

CLOSED_BOOK = Template(
    name="closed-book",
    system="Answer the question in as few words as it needs.",
    user="Question: {question}",
)

ASK_FOR_ANSWER = Template(
    name="ask-for-answer",
    system="Write the question whose answer fills the gap in the text.",
    user="{passages}",
    passage="{title}\n{text}",
)

ASK_FREELY = Template(
    name="ask-freely",
    system="Write a question that the text answers, as a reader would type it into a search box.",
    user="{passages}",
    passage="{title}\n{text}",
)

TEMPLATES: Mapping[str, Template] = {
    template.name: template for template in (GROUNDED, CLOSED_BOOK, ASK_FOR_ANSWER, ASK_FREELY)
}


def template(name: str) -> Template:
    """Return a template by name. Raises ConfigError, naming those there are.

    >>> template("grounded").decline
    'The passages do not say.'
    """
    if name not in TEMPLATES:
        raise ConfigError(f"there is no prompt {name!r}: use one of {', '.join(TEMPLATES)}")
    return TEMPLATES[name]


def show_passage(template: Template, number: int, passage: Passage) -> str:
    """Return one passage as the prompt shows it: title and headings, then its text."""
    headings = [h for h in passage.headings if h != passage.title]
    title = " > ".join([passage.title, *headings] if passage.title else headings)
    return template.passage.format(number=number, title=title, text=passage.text).strip()


Worked = tuple[str, Sequence[Passage], str]
"""A worked example: a question, the passages shown with it, and the reply."""


def build(
    template: Template,
    question: str,
    passages: Sequence[Passage] = (),
    *,
    worked: Sequence[Worked] = (),
    history: Sequence[Message] = (),
) -> Prompt:
    """Return the messages for a question: system, worked examples, history, then the user's turn.

    `worked` is shown as earlier turns. Training and serving both call this, so that what was
    trained on is what is sent.
    """
    prompt: Prompt = [{"role": "system", "content": template.system}]
    for past, shown, answer in worked:
        prompt.append({"role": "user", "content": _user(template, past, shown)})
        prompt.append({"role": "assistant", "content": answer})
    prompt += [{"role": turn["role"], "content": turn["content"]} for turn in history]
    prompt.append({"role": "user", "content": _user(template, question, passages)})
    return prompt


def _user(template: Template, question: str, passages: Sequence[Passage]) -> str:
    shown = "\n\n".join(show_passage(template, i, p) for i, p in enumerate(passages, start=1))
    return template.user.format(passages=shown, question=question).strip()
