"""Make: questions from passages, over-generated in waves and filtered down."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from graft.core.context import Context, Step
from graft.core.document import Document, Passage
from graft.core.errors import InputError
from graft.core.example import Example
from graft.core.generation import Generation
from graft.core.hashing import text_hash
from graft.core.protocols import Generator
from graft.core.search import Search
from graft.examples import filters
from graft.examples.ask import ask, read
from graft.examples.drafts import Draft
from graft.examples.maker import MAKERS, Drafting, shares_of
from graft.examples.repeats import again
from graft.examples.searching import Retrieve
from graft.examples.settle import (
    RECOVERED,
    Settled,
    evidence,
    needs_reader,
    settle,
    settle_by_words,
)
from graft.examples.tally import Tally
from graft.examples.unanswerable import Judges, Lookup, swaps, unanswered
from graft.examples.vouched import MAKER, PRODUCTION, VOUCHED, WORDS
from graft.measures.text import token_f1

WAVE = 64
"""Drafts that go through the model in one call: between waves a job can be cancelled."""

Sample = Sequence[tuple[Document, Sequence[Passage]]]


@dataclass(frozen=True)
class MakeOptions:
    """How many questions are made, and how hard is tried.

    `limit` questions in all, `per_document` of one at most; `unanswerable` is a share of them. Of
    the others each maker has its share: its own, unless `makers` has one for its name. What a maker
    cannot give the others do. At most `factor` drafts are tried a question. `top` is how far down
    the hits the gold document may stand.
    """

    per_document: int = 4
    limit: int = 400
    unanswerable: float = 0.15
    makers: Mapping[str, float] = field(default_factory=dict)
    factor: float = 4.0
    top: int = 10


@dataclass(frozen=True)
class Yield:
    """How many drafts of a maker were tried, and how many of them were kept."""

    tried: int = 0
    kept: int = 0


@dataclass(frozen=True)
class Made:
    """What was kept, and what was dropped: counts by reason, and some (document id, question).

    `makers` maps those that were asked to what they gave.
    """

    examples: tuple[Example, ...]
    dropped: dict[str, int] = field(default_factory=dict)
    makers: Mapping[str, Yield] = field(default_factory=dict)
    samples: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    tried: int = 0


def make_examples(  # noqa: PLR0913
    documents: Iterable[tuple[Document, Sequence[Passage]]],
    generator: Generator,
    *,
    options: MakeOptions | None = None,
    retrieve: Retrieve,
    reader: Generator | None = None,
    lookup: Lookup | None = None,
    ctx: Context | None = None,
) -> Made:
    """Make questions on passages, and keep those that retrieval and a reader can answer.

    What there is to ask comes from makers (`examples.maker`), the questions dealt among them by
    their shares. One that a rule made has its answer by its making, and is kept for training when
    production finds its document; one that a model asked is kept when the reader finds its answer
    too. What is to be tested must not choose its test: a question whose answer its words alone tell
    is kept beside them, for a test, whatever production makes of it, and its metadata say who
    vouches for it (`examples.vouched`) and which maker made it. The limits count what production
    vouches for. Unanswerable ones: see `unanswerable`.
    Documents are sampled by the seed, so that memory grows with the limit, not the library.
    `reader` is the generator itself unless another is given; `lookup` finds in the whole library
    what may answer a question that should have no answer. Raises InputError when there is no
    passage to ask about, and ConfigError for a maker that is not there or where none has a share.
    """
    options, ctx = options or MakeOptions(), ctx or Context()
    shares = shares_of(options.makers)
    pool = _sample(documents, options, ctx)
    if not any(passages for _, passages in pool):
        raise InputError("there are no passages to ask about: ingest documents first")
    judges = Judges(retrieve, reader or generator, options.top, lookup)
    maker = _Making(generator, judges, options, ctx)
    with ctx.stage("make questions", options.limit) as step:
        lost = round(options.limit * options.unanswerable)
        maker.fill(pool, options.limit - lost, shares, step)
        # The share holds of what there is, also where documents give less than the limit.
        share = options.unanswerable / max(1.0 - options.unanswerable, 1e-9)
        maker.lose(min(lost, round(share * sum(maker.of_document.values()))), step)
    return Made(
        tuple(maker.kept), maker.tally.counts, maker.yields, maker.tally.samples, maker.tried
    )


def dealt(count: int, shares: Mapping[str, float]) -> Counter[str]:
    """Return a count dealt by shares: whole numbers that sum to it, largest remainders first.

    >>> dealt(10, {"reason": 1.0, "gap": 2.0, "pair": 0.5})
    Counter({'gap': 6, 'reason': 3, 'pair': 1})
    """
    whole = sum(shares.values())
    exact = {name: count * share / whole for name, share in shares.items()}
    given = Counter({name: math.floor(part) for name, part in exact.items()})
    by_rest = sorted(exact, key=lambda name: given[name] - exact[name])
    given.update(by_rest[: count - given.total()])
    return given


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
class _Making:
    """The state of one making: what is kept, by document, and what was dropped, by reason."""

    generator: Generator
    judges: Judges
    options: MakeOptions
    ctx: Context
    kept: list[Example] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    of_document: Counter[str] = field(default_factory=Counter)
    beside: Counter[str] = field(default_factory=Counter)
    tally: Tally = field(default_factory=Tally)
    asked: Counter[str] = field(default_factory=Counter)
    tried: int = 0

    @property
    def yields(self) -> dict[str, Yield]:
        """What each maker that was asked has given."""
        kept = Counter(e.metadata[MAKER] for e in self.kept if MAKER in e.metadata)
        return {name: Yield(count, kept[name]) for name, count in sorted(self.asked.items())}

    def fill(self, pool: Sample, count: int, shares: Mapping[str, float], step: Step) -> None:
        """Try drafts in waves until `count` are kept, of each maker its share, or no more may be.

        What a maker cannot give the others do.
        """
        wanted = dealt(count, shares)
        sources = {name: self._turns(pool, MAKERS.named(name).drafts) for name in shares}
        left = math.ceil(self.options.factor * wanted.total())
        while left > 0 and wanted.total() > 0 and sources:
            # About as many as are needed at the rate so far, so that little is made in vain.
            kept = sum(self.of_document.values())
            rate = max((kept + 2) / (self.tried + 5), 0.1)
            size = min(WAVE, left, math.ceil(wanted.total() / rate))
            drafts: list[tuple[str, Draft]] = []
            for name, most in dealt(size, +wanted).items():
                taken = list(itertools.islice(sources[name], most))
                drafts += [(name, draft) for draft in taken]
                if len(taken) < most:
                    del sources[name]
            made = self._wave(drafts, wanted)
            wanted -= made
            left, self.tried = left - len(drafts), self.tried + len(drafts)
            over = sum(wanted.pop(name) for name in [*wanted] if name not in sources)
            if over and sources:
                wanted += dealt(over, {name: shares[name] for name in sources})
            step.advance(made.total(), tried=self.tried)

    def lose(self, count: int, step: Step) -> None:
        """Add up to `count` questions that no document answers, made from those that are kept."""
        source = swaps(self.kept, self.texts, self.ctx.random("unanswerable"))
        while count > 0 and (batch := list(itertools.islice(source, min(WAVE, 2 * count + 4)))):
            self.tried += len(batch)
            copies = self._copies([swap.question for swap in batch])
            for place in copies:
                swap = batch[place]
                self.tally.drop(filters.NEAR_DUPLICATE, swap.source.group, swap.question)
            fresh = [swap for place, swap in enumerate(batch) if place not in copies]
            found = unanswered(fresh, count, self.judges, tally=self.tally, ctx=self.ctx)
            self.kept += found
            count -= len(found)
            step.advance(len(found), tried=self.tried)

    def _turns(self, pool: Sample, plan: Drafting) -> Iterator[Draft]:
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

    def _wave(self, drafts: Sequence[tuple[str, Draft]], wanted: Mapping[str, int]) -> Counter[str]:
        """Ask, filter, search and read; keep what comes through, and return how many of each."""
        asked: list[_Posed] = []
        self.asked.update(name for name, _ in drafts)
        unasked = [draft for _, draft in drafts if not draft.question]
        replies = iter(ask(unasked, self.generator, self.ctx))
        for name, draft in drafts:
            reply = Generation(draft.question) if draft.question else next(replies)
            item = _Posed(name, draft, filters.clean(reply.text))
            if reason := filters.FAILED if reply.error else _unfit(item):
                self._drop(reason, item)
            else:
                asked.append(item)
        copies = self._copies([item.question for item in asked])
        for place in copies:
            self._drop(filters.NEAR_DUPLICATE, asked[place])
        posed = [item for i, item in enumerate(asked) if i not in copies]
        counts: Counter[str] = Counter()
        for item, found in zip(posed, self._produced(posed), strict=True):
            told = settle_by_words(item.draft, item.question)
            full = self.of_document[item.document] >= self.options.per_document
            enough = filters.ENOUGH if full or counts[item.maker] >= wanted[item.maker] else ""
            if not (reason := found.reason or enough):
                counts[item.maker] += 1
                agreed = not told.reason and token_f1(told.answer, [found.answer]) >= RECOVERED
                self._keep(item, found, (PRODUCTION, WORDS) if agreed else (PRODUCTION,))
            elif found.reason and not enough and not told.reason and self._room_beside(item):
                self._keep(item, told, (WORDS,))
            else:
                self._drop(reason, item)
        return counts

    def _produced(self, posed: Sequence[_Posed]) -> list[Settled]:
        """Return what production makes of each: the answer that its retrieval and reader find."""
        found = self._retrieved(posed)
        replies = iter(
            self._read([item for item, is_found in zip(posed, found, strict=True) if is_found])
        )
        settled = []
        for item, is_found in zip(posed, found, strict=True):
            if not is_found:
                settled.append(Settled(reason=filters.NOT_RETRIEVED))
                continue
            reply = next(replies)
            lost = Settled(reason=filters.FAILED)
            settled.append(lost if reply.error else settle(item.draft, item.question, reply.text))
        return settled

    def _room_beside(self, item: _Posed) -> bool:
        """Whether a test may have one more question that production has no answer to."""
        return self.beside[item.document] < self.options.per_document

    def _read(self, found: Sequence[_Posed]) -> list[Generation]:
        """Return what the reader makes of each question; nothing where it need not be asked."""
        places = [i for i, item in enumerate(found) if needs_reader(item.draft, item.question)]
        shown = [(found[i].question, [found[i].draft.read]) for i in places]
        replies = dict(zip(places, read(shown, self.judges.reader, self.ctx), strict=True))
        return [replies.get(i, Generation("")) for i in range(len(found))]

    def _copies(self, questions: Sequence[str]) -> set[int]:
        """Return the places of questions that repeat a kept or an earlier one."""
        return again(questions, (example.question for example in self.kept))

    def _retrieved(self, asked: Sequence[_Posed]) -> list[bool]:
        """Return whether the retriever finds the document of each again."""
        searches = [Search(item.question) for item in asked]
        found = self.judges.retrieve(searches) if asked else []
        return [
            filters.retrieved(search, [item.document], self.options.top)
            for item, search in zip(asked, found, strict=True)
        ]

    def _keep(self, item: _Posed, settled: Settled, vouched: tuple[str, ...]) -> None:
        document = item.document
        example = Example(
            id=text_hash(f"made:{document}:{item.question}")[:16],
            question=item.question,
            answers=(settled.answer,),
            gold=evidence(item.draft, settled.answer),
            kind=settled.kind,
            origin="made",
            group=document,
            metadata={VOUCHED: " ".join(vouched), MAKER: item.maker},
        )
        self.kept.append(example)
        (self.of_document if PRODUCTION in vouched else self.beside)[document] += 1
        self.texts[document] = f"{self.texts.get(document, '')}\n{item.draft.passage.text}"

    def _drop(self, reason: str, item: _Posed) -> None:
        self.tally.drop(reason, item.document, item.question)


@dataclass(frozen=True)
class _Posed:
    """A question that was asked for, with its draft and the maker that it is from."""

    maker: str
    draft: Draft
    question: str

    @property
    def document(self) -> str:
        return self.draft.passage.document_id


def _unfit(item: _Posed) -> str:
    """Return why a question is none, or does not go with its draft, or "".

    What a rule made of a sentence is one, of its words, and without the answer.
    """
    if item.draft.settled:
        return ""
    if reason := filters.fault(item.question):
        return reason
    if filters.copied(item.question, "", [item.draft.sentence]):
        return filters.COPIED
    read = item.draft.read
    headings = " ".join([read.title, *read.headings])
    return filters.VAGUE if filters.strays(item.question, read.text, headings) else ""
