"""Answerer: the one path from a Search to an Answer, for every face of Graft."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from graft.answer.finish import finish
from graft.answer.prepare import Prepared, budget_of, prepare, shows_passages
from graft.core.answer import Answer
from graft.core.context import Context
from graft.core.document import Passage
from graft.core.generation import Decoding, Generation, Prompt, Streamed
from graft.core.protocols import Generator, PassageStore, Streams
from graft.core.search import Hit, Search
from graft.generate.prompts import CLOSED_BOOK, GROUNDED, Template, Worked
from graft.generate.thought import Shown, set_aside
from graft.retrieve.stage import Stage, run
from graft.retrieve.stages.fetch import fetched, filled
from graft.retrieve.traced import traced

SLICE = 64
"""Prompts a call of the generator, so that progress shows and a cancel is heard between."""

DOCUMENTS_HELD = 32
"""Document texts kept while citations of one batch are compared with what is stored."""


def considered(passages: int) -> int:
    """Return how many hits are looked at where so many passages are shown: some repeat others."""
    return 2 * passages


@dataclass(frozen=True)
class Answerer:
    """Answers questions from what a retrieval finds, with citations, or declines.

    `passages` is how many the prompt may show. `worked` holds examples that stand in every prompt
    as earlier turns. `release` names the release in every answer. Answers whose confidence, in
    which `sureness` weighs what a generator tells of its tokens, is below `decline_threshold`
    decline; 0 shows all. Safe for concurrent use if its parts are.
    """

    retrieve: Stage
    generator: Generator
    store: PassageStore
    template: Template = GROUNDED
    passages: int = 3
    decoding: Decoding = field(default_factory=Decoding)
    decline_threshold: float = 0.5
    sureness: float = 0.0
    release: str = ""
    worked: tuple[Worked, ...] = ()

    def answer(self, searches: Sequence[Search], ctx: Context | None = None) -> list[Answer]:
        """Return one answer for each search, retrieved in one batch and written in batches.

        A search that fails gives an answer with its `error`. Raises what fails all of them, and
        Cancelled at a batch boundary.
        """
        ctx = ctx or Context()
        return self._write(self._open(searches, ctx), ctx)

    def stream(self, search: Search, ctx: Context | None = None) -> Iterator[str | Answer]:
        """Yield provisional text as it is written, then the one authoritative Answer.

        The text may be replaced by the Answer's: a decline is known only at the end. A generator
        that does not stream yields its text in one piece.
        """
        ctx = ctx or Context()
        (case,) = self._open([search], ctx)
        generation = Generation("")
        if case.asks:
            with ctx.stage("answer.generate", 1) as step:
                generation = yield from self._stream(case.prepared.prompt)
                step.advance()
        yield self._finish(case, generation, self._document())

    def answer_from(
        self,
        searches: Sequence[Search],
        contexts: Sequence[Sequence[Passage]] | None,
        ctx: Context | None = None,
    ) -> list[Answer]:
        """Return one answer for each search from the passages given for it, nothing retrieved.

        A search that is given no passage declines. Without contexts every question is asked
        closed-book: there is no evidence that it could lack.
        """
        given: Sequence[Sequence[Passage]] = contexts or [()] * len(searches)
        cases = [
            self._case(
                replace(search, hits=tuple(_given(p) for p in passages)),
                passages,
                declines=contexts is not None,
            )
            for search, passages in zip(searches, given, strict=True)
        ]
        return self._write(cases, ctx or Context())

    def _open(self, searches: Sequence[Search], ctx: Context) -> list[_Case]:
        found = run(traced(self.retrieve), searches, ctx)
        most = considered(self.passages)
        tops = [() if s.error else s.hits[:most] for s in found]
        texts = fetched(self.store, (hit for hits in tops for hit in hits))
        shown = [filled(hits, texts) for hits in tops]
        return [
            self._case(
                replace(search, hits=hits), [texts[hit.passage_id] for hit in hits], declines=True
            )
            for search, hits in zip(found, shown, strict=True)
        ]

    def _case(self, search: Search, passages: Sequence[Passage], *, declines: bool) -> _Case:
        template = self.template if passages or declines else CLOSED_BOOK
        if search.error:
            return _Case(search, Prepared(search.query, template, [], error=search.error))
        prepared = prepare(
            search.query,
            passages,
            template,
            budget=budget_of(self.generator, self.decoding, passages=self.passages),
            worked=self.worked if template is self.template else (),
            history=search.history,
        )
        return _Case(search, prepared)

    def _write(self, cases: Sequence[_Case], ctx: Context) -> list[Answer]:
        asked = [case for case in cases if case.asks]
        written: list[Generation] = []
        with ctx.stage("answer.generate", len(asked)) as step:
            for start in range(0, len(asked), SLICE):
                prompts = [case.prepared.prompt for case in asked[start : start + SLICE]]
                written += self.generator.generate(prompts, self.decoding)
                step.advance(len(prompts))
        generations = iter(written)
        document = self._document()
        return [
            self._finish(case, next(generations) if case.asks else Generation(""), document)
            for case in cases
        ]

    def _stream(self, prompt: Prompt) -> Streamed:
        generator = self.generator
        if not isinstance(generator, Streams):
            (generation,) = generator.generate([prompt], self.decoding)
            if told := set_aside(generation.text).answer:
                yield told
            return generation
        pieces, shown = list[str](), Shown()
        stream = generator.stream(prompt, self.decoding)
        while True:
            try:
                piece = next(stream)
            except StopIteration as end:
                # A stream may return its Generation, which knows its end and its prompt ids.
                if isinstance(end.value, Generation):
                    return end.value
                return Generation("".join(pieces))
            pieces.append(piece)
            if new := shown.add(piece):
                yield new

    def _finish(
        self, case: _Case, generation: Generation, document: Callable[[str], str]
    ) -> Answer:
        answer = finish(
            case.prepared,
            generation,
            threshold=self.decline_threshold,
            sureness=self.sureness,
            document=document,
        )
        shown = {passage.id for passage in case.prepared.passages}
        return replace(
            answer,
            hits=tuple(hit for hit in case.search.hits if hit.passage_id in shown),
            seed=self.decoding.seed,
            release=self.release,
            library_version=self.store.version,
            replayable=self.generator.replayable,
        )

    def _document(self) -> Callable[[str], str]:
        return lru_cache(DOCUMENTS_HELD)(lambda id: self.store.document(id).text)


@dataclass(frozen=True)
class _Case:
    """A question on its way: what was found for it and the prompt made of that."""

    search: Search
    prepared: Prepared

    @property
    def asks(self) -> bool:
        """Whether there is anything to ask the model."""
        prepared = self.prepared
        grounded = not shows_passages(prepared.template) or bool(prepared.passages)
        return not prepared.error and grounded


def _given(passage: Passage) -> Hit:
    return Hit(passage.id, passage.document_id, 0.0, passage=passage)
