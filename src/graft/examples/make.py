"""Make: questions from passages, over-generated in waves and filtered down."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from graft.core.context import Context, Step
from graft.core.document import Document, Passage
from graft.core.errors import InputError
from graft.core.example import Example
from graft.core.generation import Decoding, Generation, Prompt
from graft.core.hashing import text_hash
from graft.core.protocols import Generator
from graft.core.search import Search
from graft.examples import filters
from graft.examples.distract import Retrieve
from graft.examples.drafts import Draft, answer_drafts, free_drafts
from graft.examples.holding import content
from graft.examples.settle import Settled, evidence, settle
from graft.examples.unanswerable import (
    ANSWERABLE,
    Swap,
    answered_by,
    best_parts,
    borne_out,
    swaps,
)
from graft.examples.worked import ASKED, READ
from graft.generate.prompts import ASK_FOR_ANSWER, ASK_FREELY, GROUNDED, build

WAVE = 64
"""Drafts that go through the model in one call: between waves a job can be cancelled."""

NEW_TOKENS = 32
"""Longest question and longest reply: what is cut there is no question, and no short answer."""

ENOUGH = "enough of them"

Plan = Callable[[Document, Sequence[Passage], random.Random], Iterator[Draft]]
"""What there is to ask about in one document."""

SAMPLES = 5
"""Questions kept for the report of each reason."""


@dataclass(frozen=True)
class MakeOptions:
    """How many questions are made, and how hard is tried.

    `limit` questions in all, `per_document` of one at most; `free` and `unanswerable` are shares
    of them. At most `factor` drafts are tried a question. `top` is how far down the hits the gold
    document may stand.
    """

    per_document: int = 4
    limit: int = 400
    unanswerable: float = 0.15
    free: float = 0.25
    factor: float = 4.0
    top: int = 10


@dataclass(frozen=True)
class Made:
    """What was kept, and what was dropped: counts by reason, and some (document id, question)."""

    examples: tuple[Example, ...]
    dropped: dict[str, int] = field(default_factory=dict)
    samples: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    tried: int = 0


def make_examples(
    documents: Iterable[tuple[Document, Sequence[Passage]]],
    generator: Generator,
    *,
    options: MakeOptions | None = None,
    retrieve: Retrieve,
    reader: Generator | None = None,
    ctx: Context | None = None,
) -> Made:
    """Ask for questions on passages, and keep those that retrieval and a reader can answer.

    Answer-aware ones: a number, name, term or description is cut out of a passage and the
    question for the gap is asked for; it is kept when its document is retrieved again and the
    reader finds the answer again. Free ones ask about a heading or title; their answer is what
    the reader finds, when the passage supports it. Unanswerable ones: see `unanswerable`.
    Documents are sampled by the seed, so that memory grows with the limit, not the library.
    `reader` is the generator itself unless another is given. Raises InputError when there is no
    passage to ask about.
    """
    options, ctx = options or MakeOptions(), ctx or Context()
    pool = _sample(documents, options, ctx)
    if not any(passages for _, passages in pool):
        raise InputError("there are no passages to ask about: ingest documents first")
    maker = _Maker(generator, reader or generator, retrieve, options, ctx)
    with ctx.stage("make questions", options.limit) as step:
        lost = round(options.limit * options.unanswerable)
        free = round(options.limit * options.free)
        maker.fill(pool, {"answer": options.limit - lost - free, "free": free}, step)
        # The share holds of what there is, also where documents give less than the limit.
        share = options.unanswerable / max(1.0 - options.unanswerable, 1e-9)
        maker.lose(min(lost, round(share * len(maker.kept))), step)
    return Made(
        tuple(maker.kept),
        dict(sorted(maker.dropped.items())),
        {reason: tuple(found) for reason, found in sorted(maker.samples.items())},
        maker.tried,
    )


def _sample(
    documents: Iterable[tuple[Document, Sequence[Passage]]], options: MakeOptions, ctx: Context
) -> list[tuple[Document, Sequence[Passage]]]:
    """Return as many documents as could be asked about, in an order that the seed decides."""
    most = math.ceil(options.limit * options.factor)
    keyed = (
        (text_hash(f"{ctx.seed}:make:{document.id}"), document.id, (document, passages))
        for document, passages in documents
    )
    return [pair for _, _, pair in heapq.nsmallest(most, keyed, key=lambda row: row[:2])]


@dataclass
class _Maker:
    """The state of one making: what is kept, by document, and what was dropped, by reason."""

    generator: Generator
    reader: Generator
    retrieve: Retrieve
    options: MakeOptions
    ctx: Context
    kept: list[Example] = field(default_factory=list)
    evidence: dict[str, Passage] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)
    samples: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    of_document: Counter[str] = field(default_factory=Counter)
    tried: int = 0

    def fill(
        self, pool: Sequence[tuple[Document, Sequence[Passage]]], wanted: dict[str, int], step: Step
    ) -> None:
        """Try drafts in waves until `wanted` of each source are kept or no more may be tried."""
        sources = {
            "answer": self._turns(pool, answer_drafts),
            "free": self._turns(pool, free_drafts),
        }
        left = math.ceil(self.options.factor * sum(wanted.values()))
        while left > 0 and sum(wanted.values()) > 0:
            # About as many as are needed at the rate so far, so that little is made in vain.
            rate = max((len(self.kept) + 2) / (self.tried + 5), 0.1)
            size = min(WAVE, left, math.ceil(sum(wanted.values()) / rate))
            drafts: dict[str, list[Draft]] = {}
            for name, source in sources.items():
                share = math.ceil(size * wanted[name] / sum(wanted.values()))
                drafts[name] = list(itertools.islice(source, share))
            if not any(drafts.values()):
                return
            tried = sum(map(len, drafts.values()))
            left, self.tried = left - tried, self.tried + tried
            before = len(self.kept)
            for name, count in self._wave(drafts, wanted).items():
                wanted[name] -= count
            for name, other in (("answer", "free"), ("free", "answer")):
                if not drafts[name] and drafts[other]:
                    wanted[other], wanted[name] = wanted[other] + wanted[name], 0
            step.advance(len(self.kept) - before, tried=self.tried)

    def lose(self, count: int, step: Step) -> None:
        """Add up to `count` questions that no document answers, made from those that are kept."""
        texts = {p.document_id: p.text for p in self.evidence.values()}
        source = swaps(self.kept, texts, self.ctx.random("unanswerable"))
        while count > 0 and (batch := list(itertools.islice(source, min(WAVE, 2 * count + 4)))):
            self.tried += len(batch)
            before = len(self.kept)
            self._lost(batch, count)
            count -= len(self.kept) - before
            step.advance(len(self.kept) - before, tried=self.tried)

    def _turns(
        self, pool: Sequence[tuple[Document, Sequence[Passage]]], plan: Plan
    ) -> Iterator[Draft]:
        """Yield a draft of each document in turn, leaving out those that have enough."""
        waiting = deque(
            (document.id, plan(document, passages, self.ctx.random(f"drafts:{document.id}")))
            for document, passages in pool
        )
        while waiting:
            id, drafts = waiting.popleft()
            if self.of_document[id] >= self.options.per_document:
                continue
            draft = next(drafts, None)
            if draft is not None:
                yield draft
                waiting.append((id, drafts))

    def _wave(
        self, drafts: Mapping[str, Sequence[Draft]], wanted: Mapping[str, int]
    ) -> Counter[str]:
        """Ask, filter, search and read; keep what comes through, and return how many of each."""
        planned = [(name, draft) for name, held in drafts.items() for draft in held]
        asked: list[tuple[str, Draft, str]] = []
        replies = self._ask([draft for _, draft in planned])
        for (name, draft), reply in zip(planned, replies, strict=True):
            question = filters.clean(reply.text)
            reason = filters.FAILED if reply.error else filters.fault(question)
            reason = reason or _unfit(draft, question)
            if reason:
                self._drop(reason, draft.passage.document_id, question)
            else:
                asked.append((name, draft, question))
        asked = self._retrieved(self._distinct(asked))
        replies = self._read([(question, [draft.read]) for _, draft, question in asked])
        counts: Counter[str] = Counter()
        for (name, draft, question), reply in zip(asked, replies, strict=True):
            settled = settle(draft, question, reply.text)
            document = draft.passage.document_id
            if reply.error:
                self._drop(filters.FAILED, document, question)
            elif settled.reason:
                self._drop(settled.reason, document, question)
            elif (
                counts[name] >= wanted[name]
                or self.of_document[document] >= self.options.per_document
            ):
                self._drop(ENOUGH, document, question)
            else:
                counts[name] += 1
                self.of_document[document] += 1
                self._keep(question, settled, draft)
        return counts

    def _ask(self, drafts: Sequence[Draft]) -> list[Generation]:
        """Return a reply for each draft; prompts of one style share what they begin with."""
        replies: dict[int, Generation] = {}
        for style, worked in ASKED.items():
            places = [i for i, draft in enumerate(drafts) if draft.style == style]
            template = ASK_FREELY if style == "free" else ASK_FOR_ANSWER
            prompts = [build(template, "", [drafts[i].shown], worked=worked) for i in places]
            replies |= zip(places, self._generate(self.generator, prompts), strict=True)
        return [replies[i] for i in range(len(drafts))]

    def _distinct(self, asked: list[tuple[str, Draft, str]]) -> list[tuple[str, Draft, str]]:
        known = [(example.id, example.question) for example in self.kept]
        copies = filters.repeated([(str(i), q) for i, (_, _, q) in enumerate(asked)], known)
        for i in copies:
            _, draft, question = asked[int(i)]
            self._drop(filters.NEAR_DUPLICATE, draft.passage.document_id, question)
        return [row for i, row in enumerate(asked) if str(i) not in copies]

    def _retrieved(self, asked: list[tuple[str, Draft, str]]) -> list[tuple[str, Draft, str]]:
        found = []
        searches = self.retrieve([Search(question) for _, _, question in asked]) if asked else []
        for row, search in zip(asked, searches, strict=True):
            document = row[1].passage.document_id
            if filters.retrieved(search, [document], self.options.top):
                found.append(row)
            else:
                self._drop(filters.NOT_RETRIEVED, document, row[2])
        return found

    def _read(self, asked: Sequence[tuple[str, Sequence[Passage]]]) -> list[Generation]:
        prompts = [build(GROUNDED, q, passages, worked=READ) for q, passages in asked]
        return self._generate(self.reader, prompts)

    def _generate(self, generator: Generator, prompts: list[Prompt]) -> list[Generation]:
        self.ctx.check()
        decoding = Decoding(max_new_tokens=NEW_TOKENS, seed=self.ctx.seed, stop=("\n",))
        return generator.generate(prompts, decoding) if prompts else []

    def _lost(self, batch: Sequence[Swap], count: int) -> None:
        known = [(example.id, example.question) for example in self.kept]
        copies = filters.repeated([(str(i), s.question) for i, s in enumerate(batch)], known)
        searches = self.retrieve([Search(swap.question) for swap in batch])
        open_: list[tuple[Swap, list[Passage]]] = []
        for i, (swap, search) in enumerate(zip(batch, searches, strict=True)):
            hits = search.hits[: self.options.top]
            passages = [hit.passage for hit in hits if hit.passage is not None]
            if str(i) in copies:
                self._drop(filters.NEAR_DUPLICATE, swap.source.group, swap.question)
            elif search.error or not passages or len(passages) < len(hits):
                self._drop(filters.NOT_RETRIEVED, swap.source.group, swap.question)
            elif answered_by(swap, passages):
                self._drop(ANSWERABLE, swap.source.group, swap.question)
            else:
                open_.append((swap, passages))
        # Only as many are read as are wanted, with a few to spare.
        open_ = open_[: count + 2]
        shown = [(swap.question, best_parts(swap.question, held)) for swap, held in open_]
        for (swap, held), reply in zip(open_, self._read(shown), strict=True):
            if count <= 0:
                break
            if reply.error:
                self._drop(filters.FAILED, swap.source.group, swap.question)
                continue
            if borne_out(swap, reply.text, held):
                self._drop(ANSWERABLE, swap.source.group, swap.question)
                continue
            count -= 1
            self.kept.append(
                Example(
                    id=text_hash(f"made:{swap.source.group}:{swap.question}")[:16],
                    question=swap.question,
                    kind="unanswerable",
                    origin="made",
                    group=swap.source.group,
                )
            )

    def _keep(self, question: str, settled: Settled, draft: Draft) -> None:
        document = draft.passage.document_id
        example = Example(
            id=text_hash(f"made:{document}:{question}")[:16],
            question=question,
            answers=(settled.answer,),
            gold=(evidence(draft, settled.answer),),
            kind=settled.kind,
            origin="made",
            group=document,
        )
        self.kept.append(example)
        self.evidence[example.id] = draft.passage

    def _drop(self, reason: str, document_id: str, question: str) -> None:
        self.dropped[reason] += 1
        held = self.samples.setdefault(reason, [])
        if len(held) < SAMPLES:
            held.append((document_id, question))


def _unfit(draft: Draft, question: str) -> str:
    """Return why a question does not go with its draft, or ""."""
    if filters.copied(question, "", [draft.sentence]):
        return filters.COPIED
    asked = content(question)
    if 2 * len(asked & content(draft.read.indexed_text)) < len(asked) + 1:
        return filters.VAGUE
    return ""
