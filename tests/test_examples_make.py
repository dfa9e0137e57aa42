from __future__ import annotations

import re
import threading
from collections import Counter
from dataclasses import replace

import pytest

from graft.core.context import Context, Event
from graft.core.document import Document
from graft.core.errors import Cancelled, InputError
from graft.core.generation import Decoding, Generation, Prompt
from graft.core.search import Hit, Search
from graft.examples import filters
from graft.examples.holding import holds
from graft.examples.make import MakeOptions, Yield, dealt, make_examples
from graft.examples.maker import MAKERS
from graft.examples.split import Assigned
from graft.examples.unanswerable import ANSWERABLE
from graft.examples.vouched import MAKER, VOUCHED, WORDS, fit_for_splits
from graft.generate.prompts import ASK_FREELY, GROUNDED
from graft.testing import FakeEncoder, FakeGenerator, MemoryStore

TOWNS = (
    "Alnwick Bamburgh Corbridge Durham Embleton Falstone Greenhead Hexham Ingram Jarrow Kielder "
    "Lesbury Morpeth Newbiggin Otterburn Ponteland Rothbury Seahouses Tynemouth Warkworth"
)


ASKED_BY_A_MODEL = {name: float(name in {"gap", "heading"}) for name in MAKERS.all()}


def towns(count: int = 20) -> list[Document]:
    documents = []
    for i, town in enumerate(re.findall(r"\w+", TOWNS)[:count]):
        text = (
            f"The stone bridge of {town} was opened in {1700 + 7 * i} by the earl. "
            f"Every market day some {30 + i} carts crossed the river there.\n\n"
            f"The grain mill of {town} burnt down during the winter of {1800 + 3 * i} and closed. "
            f"Ivy grows on its wheel house Raven{town.lower()} today."
        )
        documents.append(Document(f"{town.lower()}.md", text, town))
    return documents


def pairs(documents: list[Document]):  # type: ignore[no-untyped-def]
    passages = MemoryStore(documents)._passages
    return [(d, [p for p in passages if p.document_id == d.id]) for d in documents]


def searcher(documents: list[Document]):  # type: ignore[no-untyped-def]
    store = MemoryStore(documents)
    encoder = FakeEncoder(dimensions=512)
    store = MemoryStore(documents, encoder=encoder)

    def retrieve(searches: list[Search]) -> list[Search]:
        found = store.nearest(
            encoder.encode_queries([s.query for s in searches]), 5,
            allowed=[s.filter for s in searches], encoder_digest=encoder.digest,
            principals=[None] * len(searches),
        )  # fmt: skip
        return [
            replace(
                s, hits=tuple(Hit(id, d, x, passage=store.passages([id])[0]) for id, d, x in row)
            )
            for s, row in zip(searches, found, strict=True)
        ]

    return retrieve


def last(prompt: Prompt) -> str:
    return prompt[-1]["content"]


def answer(prompt: Prompt) -> str:
    """Ask about bridges, carts and mills by rule; read by finding the year or the count."""
    shown = last(prompt)
    town = shown.splitlines()[0].split("] ")[-1]
    if prompt[0]["content"] == GROUNDED.system:
        question = shown.split("Question: ")[1]
        place = re.search(r"of (\w+)", question)
        if not place or place[1] not in shown.split("Question: ")[0]:
            return GROUNDED.decline
        if "bridge" in question:
            year = re.search(r"opened in (\d+)", shown)
        elif "mill" in question:
            year = re.search(r"winter of (\d+)", shown)
        else:
            year = re.search(r"some (\d+ carts)", shown)
        return year[1] if year else GROUNDED.decline
    if "burnt" in shown:
        return f"When did the mill of {town} burn down?"
    if "carts ____" in shown or "some ____" in shown or "carts" in shown:
        return f"How many carts crossed the river of {town} on market days?"
    return f"When was the bridge of {town} opened?"


def make(documents: list[Document] | None = None, reply=answer, seed: int = 0, **options: object):  # type: ignore[no-untyped-def]
    """Make questions that a model asks, unless `makers` says otherwise."""
    documents = documents or towns()
    generator = FakeGenerator(reply)
    made = make_examples(
        pairs(documents), generator, options=MakeOptions(**{"makers": ASKED_BY_A_MODEL, **options}),  # type: ignore[arg-type]
        retrieve=searcher(documents), ctx=Context(seed=seed),
    )  # fmt: skip
    return made, generator


def test_questions_are_kept_with_the_answer_that_the_reader_found() -> None:
    documents = {d.id: d for d in towns()}
    made, _ = make(limit=30, unanswerable=0.2)
    kinds = Counter(e.kind for e in made.examples)
    assert kinds["unanswerable"] >= 4  # one town in doubt is dropped
    assert 27 <= len(made.examples) <= 30
    assert kinds["extractive"] >= 8
    for example in made.examples:
        assert example.origin == "made"
        if example.kind == "unanswerable":
            assert (example.answers, example.gold) == ((), ())
            assert example.group in documents
            continue
        [gold] = example.gold
        source = documents[gold.document_id]
        assert gold.text_hash == source.text_hash
        assert holds(source.text[gold.start : gold.end], example.answers[0])
        assert source.title in example.question


def test_the_limit_and_the_most_of_a_document_hold() -> None:
    made, _ = make(limit=200, per_document=2, unanswerable=0.0)
    most = Counter(e.group for e in made.examples)
    assert len(made.examples) <= 40
    assert max(most.values()) == 2
    made, _ = make(limit=5, unanswerable=0.0)
    assert len(made.examples) == 5


def test_the_same_seed_makes_the_same_questions() -> None:
    assert make(limit=12, seed=3)[0] == make(limit=12, seed=3)[0]
    order = [e.id for e in make(limit=12, seed=3)[0].examples]
    assert order != [e.id for e in make(limit=12, seed=4)[0].examples]


def test_every_reason_is_counted_and_shown() -> None:
    def reply(prompt: Prompt) -> str:
        shown = last(prompt)
        if prompt[0]["content"] == GROUNDED.system:
            return answer(prompt)
        if "Alnwick" in shown:
            return "The bridge is old."
        if "Bamburgh" in shown:
            return "What does this text say about the bridge?"
        if "Corbridge" in shown:
            return "Was the stone bridge of Corbridge opened in 1714 by the earl?"
        if "Durham" in shown:
            return "Which poets of Paris wrote of the sea?"
        if "Embleton" in shown:
            return "When was the bridge of Falstone opened?"
        if "Greenhead" in shown:
            return "When was the river there a market day of the carts?"
        return answer(prompt)

    made, _ = make(reply=reply, limit=60, unanswerable=0.0)
    assert set(made.dropped) >= {
        filters.NOT_A_QUESTION, filters.REFERS, filters.COPIED, filters.VAGUE,
        filters.NEAR_DUPLICATE, filters.NOT_RETRIEVED,
    }  # fmt: skip
    assert made.samples[filters.NOT_A_QUESTION][0] == ("alnwick.md", "The bridge is old.")
    assert all(len(found) <= 5 for found in made.samples.values())
    counted = sum(n for reason, n in made.dropped.items()) + len(made.examples)
    assert counted == made.tried


def test_a_question_that_the_reader_cannot_answer_is_dropped() -> None:
    def reply(prompt: Prompt) -> str:
        reads = prompt[0]["content"] == GROUNDED.system
        return "They came from Paris." if reads else answer(prompt)

    made, _ = make(reply=reply, limit=10, unanswerable=0.0)
    assert {e.metadata[VOUCHED] for e in made.examples} == {WORDS}, "for a test alone"
    assert all(e.answers[0] in "".join(d.text for d in towns()) for e in made.examples)
    assert not [e for e in fit_for_splits(Assigned(made.examples)).examples]
    tests = [replace(e, split="test-new") for e in made.examples]
    assert len(fit_for_splits(Assigned(tuple(tests))).examples) == len(tests) > 5


def test_another_reader_may_be_given() -> None:
    documents = towns()
    reader = FakeGenerator(lambda prompt: GROUNDED.decline)
    made = make_examples(
        pairs(documents), FakeGenerator(answer),
        options=MakeOptions(makers=ASKED_BY_A_MODEL, limit=5),
        retrieve=searcher(documents), reader=reader,
    )  # fmt: skip
    assert {e.metadata[VOUCHED] for e in made.examples} == {WORDS}
    assert reader.seen


def test_unanswerable_questions_name_a_thing_that_no_hit_can_answer_for() -> None:
    documents = towns()
    made, _ = make(documents, limit=40, unanswerable=0.2)
    answerable = {e.question for e in made.examples if e.kind != "unanswerable"}
    for example in made.examples:
        if example.kind == "unanswerable":
            assert example.question not in answerable
            assert example.question.endswith("?")
    # Every town has a bridge and a mill, so most swaps of towns can be answered after all.
    assert made.dropped[ANSWERABLE] > 0


def test_prompts_of_a_wave_go_in_few_calls() -> None:
    calls: list[int] = []

    class Counting(FakeGenerator):
        def generate(self, prompts: list[Prompt], decoding: Decoding) -> list[Generation]:  # type: ignore[override]
            calls.append(len(prompts))
            return super().generate(prompts, decoding)

    documents = towns()
    make_examples(
        pairs(documents), Counting(answer),
        options=MakeOptions(makers=ASKED_BY_A_MODEL, limit=40, unanswerable=0.0),
        retrieve=searcher(documents),
    )  # fmt: skip
    assert max(calls) >= 15
    assert len(calls) <= 16


def test_free_questions_use_their_own_prompt_and_keep_their_share() -> None:
    made, generator = make(limit=20, makers=only("heading"), unanswerable=0.0)
    asked = [p for p in generator.seen if p[0]["content"] != GROUNDED.system]
    assert all(p[0]["content"] == ASK_FREELY.system for p in asked)
    assert {e.kind for e in made.examples} == {"free"}
    assert len(made.examples) == 20


def only(*names: str) -> dict[str, float]:
    return {name: float(name in names) for name in MAKERS.all()}


def test_shares_that_both_round_up_leave_the_limit_as_it_is() -> None:
    made, _ = make(limit=3, unanswerable=0.5)
    assert 0 < len(made.examples) <= 3


def test_questions_are_dealt_among_makers_in_whole_numbers() -> None:
    assert dealt(7, {"a": 1.0, "b": 1.0, "c": 0.0}) == {"a": 4, "b": 3, "c": 0}
    assert dealt(2, {"a": 0.2, "b": 5.0}) == {"a": 0, "b": 2}


def test_each_maker_has_its_share_and_what_one_cannot_give_the_others_do() -> None:
    both, _ = make(limit=16, makers={**only("amount", "gap"), "amount": 3.0}, unanswerable=0.0)
    kept = Counter(e.metadata[MAKER] for e in both.examples)
    assert kept == {"amount": 12, "gap": 4}
    # The towns say no reason for anything.
    made, _ = make(limit=8, makers=only("amount", "reason"), unanswerable=0.0)
    assert {e.metadata[MAKER] for e in made.examples} == {"amount"}
    assert len(made.examples) == 8
    assert made.makers["amount"].kept == 8 <= made.makers["amount"].tried
    assert made.makers.get("reason", Yield()) == Yield()


def test_what_rules_make_costs_no_model_call_and_trains_where_its_document_is_found() -> None:
    made, generator = make(limit=12, makers=only("amount"), unanswerable=0.0)
    assert generator.seen == []
    assert {e.metadata[VOUCHED] for e in made.examples} == {"production words"}
    documents = towns()
    lost = make_examples(
        pairs(documents), generator, retrieve=lambda searches: searches,
        options=MakeOptions(limit=12, makers=only("amount"), unanswerable=0.0),
    )  # fmt: skip
    assert {e.metadata[VOUCHED] for e in lost.examples} == {WORDS}, "a test may ask it"
    for example in made.examples:
        [gold] = example.gold
        text = {d.id: d.text for d in documents}[gold.document_id]
        assert holds(text[gold.start : gold.end], example.answers[0])
        assert not holds(example.question, example.answers[0])


def test_a_cancel_stops_between_waves_and_progress_is_told() -> None:
    documents, events = towns(), list[Event]()
    cancel = threading.Event()

    def listen(event: Event) -> None:
        events.append(event)
        if event.phase == "progress":
            cancel.set()

    with pytest.raises(Cancelled):
        make_examples(
            pairs(documents), FakeGenerator(answer),
        options=MakeOptions(makers=ASKED_BY_A_MODEL, limit=300),
            retrieve=searcher(documents), ctx=Context(events=listen, cancel=cancel),
        )  # fmt: skip
    assert [e.phase for e in events] == ["start", "progress"]
    assert events[1].counts["tried"] > 0


def test_a_failed_generation_is_counted_not_raised() -> None:
    class Failing(FakeGenerator):
        def generate(self, prompts: list[Prompt], decoding: Decoding) -> list[Generation]:  # type: ignore[override]
            return [Generation("", "error", error="down") for _ in prompts]

    documents = towns()
    made = make_examples(
        pairs(documents),
        Failing(),
        options=MakeOptions(makers=ASKED_BY_A_MODEL, limit=3),
        retrieve=searcher(documents),
    )
    assert made.examples == ()
    assert made.dropped[filters.FAILED] == made.tried
    assert filters.NOT_A_QUESTION not in made.dropped


def test_no_passages_is_an_error() -> None:
    with pytest.raises(InputError, match="no passages to ask about"):
        make_examples([], FakeGenerator(), retrieve=lambda searches: searches)


def test_only_as_many_documents_are_held_as_can_be_asked_about() -> None:
    documents = towns()
    made, _ = make(documents, limit=2, factor=2.0, unanswerable=0.0)
    assert made.tried <= 4
    assert made.dropped.get(filters.ENOUGH, 0) < 4
