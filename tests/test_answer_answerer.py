"""The one path from a Search to an Answer: alone, in a batch, as a stream, from given passages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.answer.answerer import SLICE, Answerer
from graft.answer.prepare import budget_of, prepare
from graft.core.answer import Answer
from graft.core.context import Context, Event
from graft.core.document import Document, Passage
from graft.core.errors import Cancelled, NotFound
from graft.core.generation import Decoding, Generation, Prompt
from graft.core.search import Search
from graft.generate.prompts import CLOSED_BOOK, GROUNDED
from graft.retrieve.stages.bm25 import BM25
from graft.retrieve.stages.dense import Dense
from graft.retrieve.stages.fetch import Fetch
from graft.retrieve.stages.follow_up import FollowUp
from graft.testing import FakeGenerator, MemoryStore

quick = settings(deadline=None, max_examples=40)

STORE = MemoryStore(
    [
        Document("leave.md", "Five leave days carry over.\n\nSick leave needs a note.", "Leave"),
        Document("copy.md", "Five leave days carry over.", "Copy"),
        Document("pay.md", "Pay day is the 25th.\n\nInterns are paid weekly.", "Pay"),
        Document("board.md", "The board meets in May.", "Board", access=("board",)),
    ],
    version=7,
)
HYBRID = FollowUp() >> Dense(STORE, STORE.encoder) + BM25(STORE)
QUERIES = ["How many leave days carry over?", "When is pay day?", "bananas?", "", "x\ud800"]


def first_sentence(prompt: Prompt) -> str:
    """Reply with the first passage's first line of text."""
    return [*prompt[-1]["content"].split("\n"), "A guess."][1]


def answerer(reply: Callable[[Prompt], str] = first_sentence, **changes: object) -> Answerer:
    made = Answerer(HYBRID, FakeGenerator(reply), STORE, release="3")
    return replace(made, **changes)


def test_an_answer_is_cited_and_says_what_made_it():
    made = answerer(decoding=Decoding(seed=11))
    (answer,) = made.answer([Search(QUERIES[0])])
    assert answer.text == "Five leave days carry over."
    (citation,) = answer.citations
    source = STORE.document(citation.document_id).text
    assert source[citation.source_start : citation.source_end] == citation.quote
    assert (answer.release, answer.library_version, answer.seed) == ("3", 7, 11)
    assert (answer.question, answer.finish_reason, answer.error) == (QUERIES[0], "stop", "")
    assert answer.replayable
    assert (
        not replace(made, generator=FakeGenerator(replayable=False))
        .answer([Search("pay")])[0]
        .replayable
    )


def test_the_prompt_is_the_one_that_training_prepares():
    made = answerer()
    (answer,) = made.answer([Search(QUERIES[0])])
    budget = budget_of(made.generator, made.decoding, passages=3)
    shown = [hit.passage for hit in answer.hits if hit.passage]
    expected = prepare(QUERIES[0], shown, GROUNDED, budget=budget)
    assert made.generator.seen == [expected.prompt]
    assert len(answer.hits) == 3
    # the copy's text is shown once, so that a third passage gets its place
    assert len({hit.passage.text for hit in answer.hits if hit.passage}) == 3


@quick
@given(st.lists(st.sampled_from(QUERIES), max_size=5))
def test_a_batch_is_its_searches_one_by_one(queries: list[str]):
    made = answerer()
    batch = made.answer([Search(query) for query in queries])
    assert batch == [made.answer([Search(query)])[0] for query in queries]
    assert [bool(a.error) for a in batch] == [q in {"", "x\ud800"} for q in queries]


@quick
@given(st.sampled_from(QUERIES), st.sampled_from(["", "Five leave days carry over.", "Nine."]))
def test_a_stream_ends_in_the_answer_that_a_batch_gives(query: str, reply: str):
    made = answerer(lambda prompt: reply)
    *pieces, last = made.stream(Search(query))
    assert last == made.answer([Search(query)])[0]
    assert all(isinstance(piece, str) for piece in pieces)
    assert "".join(map(str, pieces)) in {reply, ""}


def test_a_generator_that_cannot_stream_yields_once():
    class Whole:
        name = digest = "whole"
        context_tokens = 500
        replayable = True
        count_tokens = staticmethod(FakeGenerator().count_tokens)

        def generate(self, prompts: Sequence[Prompt], decoding: Decoding) -> list[Generation]:
            return FakeGenerator(first_sentence).generate(prompts, decoding)

    piece, last = answerer(generator=Whole()).stream(Search(QUERIES[0]))
    assert piece == "Five leave days carry over."
    assert isinstance(last, Answer)
    assert last.text == piece


def test_a_stream_that_returns_its_generation_is_believed():
    @dataclass
    class Telling(FakeGenerator):
        def stream(self, prompt: Prompt, decoding: Decoding) -> Iterator[str]:
            yield "Five leave days"
            return Generation("Five leave days", "length", prompt_ids=(1, 2, 3))

    *_, last = answerer(generator=Telling()).stream(Search(QUERIES[0]))
    assert isinstance(last, Answer)
    assert (last.finish_reason, last.prompt_ids) == ("length", (1, 2, 3))


def test_unsupported_answers_decline_below_the_threshold():
    kept, declined = (
        answerer(lambda prompt: "The 24th.", decline_threshold=t).answer([Search(QUERIES[1])])[0]
        for t in (0.0, 0.5)
    )
    assert (kept.text, kept.declined) == ("The 24th.", False)
    assert declined.declined
    assert "24th" not in declined.text
    assert QUERIES[1] in declined.text
    assert "Pay" in declined.text
    assert declined.hits


def test_nothing_found_declines_without_asking_the_model():
    made = answerer(retrieve=BM25(STORE))
    (answer,) = made.answer([Search("zebra")])
    assert answer.declined
    assert "“zebra”" in answer.text
    assert made.generator.seen == []
    assert list(made.stream(Search("zebra"))) == [answer]


def test_one_failed_generation_is_its_own_error():
    class Failing(FakeGenerator):
        def generate(self, prompts: Sequence[Prompt], decoding: Decoding) -> list[Generation]:
            made = super().generate(prompts, decoding)
            return [Generation("", "error", error="too long"), *made[1:]]

    bad, good = answerer(generator=Failing(first_sentence)).answer(
        [Search(QUERIES[0]), Search(QUERIES[1])]
    )
    assert (bad.error, bad.text, bad.finish_reason) == ("too long", "", "error")
    assert (good.error, good.text) == ("", "Pay day is the 25th.")


def test_a_prompt_that_cannot_fit_is_an_error_and_is_not_sent():
    made = answerer(generator=FakeGenerator(first_sentence, context_tokens=60))
    made = replace(made, decoding=Decoding(max_new_tokens=40))
    (answer,) = made.answer([Search("pay day " * 30)])
    assert answer.error.startswith("the question takes")
    assert made.generator.seen == []


def test_principals_see_only_what_they_may():
    question = "When does the board meet?"
    owner, staff = answerer(decline_threshold=0.0).answer(
        [Search(question), Search(question, principals=frozenset({"staff"}))]
    )
    assert owner.hits[0].document_id == "board.md"
    assert "board.md" not in {hit.document_id for hit in staff.hits}


def test_history_is_searched_with_and_shown():
    history = (
        {"role": "user", "content": "When is pay day?"},
        {"role": "assistant", "content": "The 25th."},
    )
    made = answerer()
    (answer,) = made.answer([Search("And for interns?", history=history)])
    (prompt,) = made.generator.seen
    assert [turn["role"] for turn in prompt] == ["system", "user", "assistant", "user"]
    assert prompt[1:3] == list(history)
    assert "Interns are paid weekly." in [hit.passage.text for hit in answer.hits if hit.passage]


def test_worked_examples_stand_in_every_prompt():
    worked = (("Q?", STORE.passages([next(iter(STORE._by_id))]), "A."),)
    made = answerer(worked=worked)
    made.answer([Search(QUERIES[0]), Search(QUERIES[1])])
    assert [prompt[2]["content"] for prompt in made.generator.seen] == ["A.", "A."]


def test_answers_from_given_passages_share_the_path():
    passages = STORE.passages(list(STORE._by_id))
    pay = next(p for p in passages if p.text.startswith("Pay day"))
    made = answerer()
    asked = [Search("When is pay day?")] * 2
    given, lacking = made.answer_from(asked, [[pay], []])
    assert lacking.declined and len(made.generator.seen) == 1
    (closed,) = made.answer_from(asked[:1], None)
    assert (given.text, given.citations[0].quote) == ("Pay day is the 25th.", pay.text)
    assert [hit.passage for hit in given.hits] == [pay]
    assert made.generator.seen[1][0]["content"] == CLOSED_BOOK.system
    assert not closed.declined
    assert closed.citations == ()


def test_large_batches_are_cut_so_that_a_cancel_is_heard():
    calls: list[int] = []

    class Sized(FakeGenerator):
        def generate(self, prompts: Sequence[Prompt], decoding: Decoding) -> list[Generation]:
            calls.append(len(prompts))
            return super().generate(prompts, decoding)

    searches = [Search(QUERIES[0])] * (SLICE + 3)
    made = answerer(generator=Sized(first_sentence))
    assert len(made.answer(searches)) == SLICE + 3
    assert calls == [SLICE, 3]
    context = Context(events=lambda event: context.cancel.set() if event.done == SLICE else None)
    with pytest.raises(Cancelled):
        made.answer(searches, context)
    assert calls[2:] == [SLICE]


def test_events_tell_no_text():
    events: list[Event] = []
    answerer().answer([Search(QUERIES[0])], Context(events=events.append))
    assert {"retrieve.fused", "answer.generate"} <= {event.stage for event in events}
    assert not any("leave" in event.message for event in events)


def test_a_pipeline_that_fetches_already_is_not_asked_again():
    made = answerer(retrieve=HYBRID % 3 >> Fetch(STORE))
    assert made.answer([Search(QUERIES[1])])[0].text == "Pay day is the 25th."


@dataclass
class Losing(MemoryStore):
    """`pay.md` is removed after it was found, or after its passages were read."""

    read: bool = False

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        found = super().passages(ids)
        if not self.read and any(passage.document_id == "pay.md" for passage in found):
            raise NotFound("there is no such passage: search again")
        return found

    def document(self, document_id: str) -> Document:
        if document_id == "pay.md":
            raise NotFound("there is no document 'pay.md'")
        return super().document(document_id)


@pytest.mark.parametrize("read", [False, True], ids=["before it is shown", "while it is shown"])
def test_a_document_removed_meanwhile_fails_no_answer(read: bool):
    def reply(prompt: Prompt) -> str:
        return "The 25th." if prompt[-1]["content"].endswith(QUERIES[1]) else first_sentence(prompt)

    made = answerer(reply, store=Losing(STORE.documents, read=read))
    leave, pay = made.answer([Search(QUERIES[0]), Search(QUERIES[1])])
    assert (leave.text, leave.error) == ("Five leave days carry over.", "")
    assert leave.citations
    assert (pay.declined, pay.citations, pay.error) == (True, (), "")
    assert "25th" not in pay.text
    assert list(made.stream(Search(QUERIES[1])))[-1] == pay
    assert ("pay.md" in {hit.document_id for hit in pay.hits}) == read
