"""chat: a conversation, each question asked with the turns before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from graft.core.answer import Answer
from graft.core.context import Context
from graft.core.generation import Message
from graft.core.search import Search
from graft.jobs.ask import stream
from graft.loop.serving import serving
from graft.wire import Wiring


@dataclass
class Chat:
    """A conversation by a release; what is sent of a long one is what fits beside the passages.

    `asker` holds who asks and the filter of every question; its own query is not read. Each answer
    is checked and cited as in `ask`, and `last` is the latest. A question whose answer was stopped
    or failed leaves no turn.
    """

    workspace: Wiring = field(repr=False)
    asker: Search
    release: int | None = None
    context: Context = field(default_factory=Context, repr=False)
    history: list[Message] = field(default_factory=list)
    last: Answer | None = None

    def stream(self, question: str) -> Iterator[str | Answer]:
        """Yield provisional text as it is written, then the one authoritative Answer."""
        search = replace(self.asker, query=question, history=tuple(self.history))
        for piece in stream(self.workspace, search, release=self.release, ctx=self.context):
            if isinstance(piece, Answer):
                self.last = piece
                self.history += [
                    {"role": "user", "content": question},
                    {"role": "assistant", "content": piece.text},
                ]
            yield piece

    def ask(self, question: str) -> Answer:
        """Return the answer to a question."""
        *_, answer = self.stream(question)
        assert isinstance(answer, Answer)  # a stream ends in one, or raises
        return answer

    def clear(self) -> None:
        """Begin anew, with no turns before the next question."""
        self.history.clear()
        self.last = None


def chat(
    workspace: Wiring, asker: Search | None = None, *, release: int | None = None, ctx: Context
) -> Chat:
    """Begin a conversation. Raises NotFound where there is no release to answer by."""
    asker = asker or Search("")
    serving(workspace, release, asker.principals)
    return Chat(workspace, asker, release, ctx)
