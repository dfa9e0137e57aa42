"""Answer: text, citations as spans on both sides, and what is needed to replay it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from graft.core.search import Hit, hit_dicts


@dataclass(frozen=True)
class Citation:
    """`answer.text[start:end]` is supported by `document.text[source_start:source_end]`.

    `quote` is exactly those characters of the document; `support` is in 0..1.
    """

    start: int
    end: int
    document_id: str
    passage_id: str
    source_start: int
    source_end: int
    quote: str
    support: float = 1.0


@dataclass(frozen=True)
class Answer:
    """What a question got: a cited text, or a decline that says what was looked for.

    `support` is the mean support of its sentences, weighted by their words, in 0..1: one
    unsupported sentence is marked, not a reason to decline. `unsupported` holds the answer spans
    of sentences without a citation. `confidence` is what is compared with the threshold below which
    an answer declines: the support, times the probability that the generator had something to
    write, where it tells, and that of its least likely token to the power of `answer.sureness`;
    `least_log_prob` is its logarithm (nats), 0 where it is not told. A remote generator's answers
    are not `replayable`. `thought` is what the model wrote before its answer, which nothing is
    judged by. `prompt_hash` is of the prompt's messages; both counts of tokens are 0
    where no model was asked.
    """

    question: str
    text: str
    declined: bool = False
    citations: tuple[Citation, ...] = ()
    unsupported: tuple[tuple[int, int], ...] = ()
    support: float = 0.0
    confidence: float = 0.0
    hits: tuple[Hit, ...] = ()
    prompt_ids: tuple[int, ...] = field(default=(), repr=False)
    least_log_prob: float = field(default=0.0, repr=False, compare=False)
    prompt_hash: str = ""
    prompt_tokens: int = 0
    new_tokens: int = 0
    seed: int = 0
    release: str = ""
    library_version: int = 0
    finish_reason: str = "stop"
    replayable: bool = True
    error: str = ""
    thought: str = field(default="", repr=False, compare=False)

    def __str__(self) -> str:
        """Return it as a person reads it: the text, then the sources that its numbers name."""
        text, sources = self.cited()
        return "\n".join([self.error or text, *(f"  {source}" for source in sources)])

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON that scripts rely on."""
        return {
            "question": self.question,
            "text": self.text,
            "declined": self.declined,
            "support": self.support,
            "confidence": self.confidence,
            "release": self.release,
            "library_version": self.library_version,
            "seed": self.seed,
            "replayable": self.replayable,
            "citations": [asdict(citation) for citation in self.citations],
            "unsupported": [list(span) for span in self.unsupported],
            "hits": hit_dicts(self.hits),
            "finish_reason": self.finish_reason,
            "thought": self.thought,
            "error": self.error,
        }

    def cited(self) -> tuple[str, list[str]]:
        """Return the text with a number after each cited part, and a line for each source.

        >>> cited = (Citation(0, 5, "leave.md", "p", 10, 20, "Five days."),)
        >>> Answer("How many?", "Five.", citations=cited).cited()
        ('Five. [1]', ['[1] leave.md:10-20  “Five days.”'])
        """
        numbers: dict[tuple[str, int, int], int] = {}
        sources: list[str] = []
        text, at = "", 0
        for c in sorted(self.citations, key=lambda citation: citation.end):
            place = (c.document_id, c.source_start, c.source_end)
            if place not in numbers:
                numbers[place] = len(numbers) + 1
                quote = " ".join(c.quote.split())
                where = f"{c.document_id}:{c.source_start}-{c.source_end}"
                sources.append(f"[{numbers[place]}] {where}  “{quote}”")
            text += f"{self.text[at : c.end]} [{numbers[place]}]"
            at = c.end
        return text + self.text[at:], sources
