from __future__ import annotations

import random
import re
from dataclasses import replace

from graft.core.context import Context
from graft.core.document import Passage
from graft.core.example import Example, Gold
from graft.core.generation import Prompt
from graft.core.search import Hit, Search
from graft.examples.filters import ENOUGH, FAILED, NOT_RETRIEVED
from graft.examples.tally import Tally
from graft.examples.unanswerable import ANSWERABLE, Judges, Swap, swaps, unanswered
from graft.generate.prompts import GROUNDED
from graft.testing import FakeGenerator


def passage(id: str, text: str) -> Passage:
    return Passage(id, f"{id}.md", 0, len(text), text, "s", id)


MILL = passage("mill", "The mill of Corbridge was built in 1766 by Ralph Snow.")
BRIDGE = passage("bridge", "The bridge of Hexham fell. Sheep graze at Otterburn.")
CODE = passage("code", "Calling os.fork() makes a process; os.kill() ends one.")
ASKED = Example(
    "1", "When was the mill of Corbridge built?", ("1766",), (Gold("mill.md"),), group="mill.md"
)
TEXTS = {p.document_id: p.text for p in (MILL, BRIDGE, CODE)}


def test_a_name_is_swapped_for_one_of_the_same_form_from_another_document() -> None:
    found = list(swaps([ASKED], TEXTS, random.Random(0)))
    assert {swap.entity for swap in found} <= {"Hexham", "Otterburn", "Sheep"}
    for swap in found:
        assert swap.question == ASKED.question.replace("Corbridge", swap.entity)
        assert swap.source == ASKED
    code = Example("2", "What does os.fork() make?", ("a process",), (Gold("code.md"),))
    assert list(swaps([code], TEXTS, random.Random(0))) == []
    assert [
        s.entity for s in swaps([code], {**TEXTS, "x": "Use io.open() then."}, random.Random(0))
    ] == ["io.open()"]


def test_a_question_that_names_nothing_is_not_swapped() -> None:
    plain = Example("3", "When was the mill built?", ("1766",), (Gold("mill.md"),))
    assert list(swaps([plain], TEXTS, random.Random(0))) == []


def judge(swap: Swap, hits: list[Passage], reply: str = "1766", *, found: bool = True):  # type: ignore[no-untyped-def]
    def retrieve(searches: list[Search]) -> list[Search]:
        rows = tuple(Hit(p.id, p.document_id, 1.0, {}, p if found else None) for p in hits)
        return [Search(s.query, hits=rows) for s in searches]

    tally, reader = Tally(), FakeGenerator(lambda prompt: reply)
    kept = unanswered([swap], 1, Judges(retrieve, reader, 10), tally=tally, ctx=Context())
    return kept, tally.counts, reader


SWAP = Swap("When was the mill of Otterburn built?", "Otterburn", ASKED)


def test_a_swap_is_kept_when_no_hit_holds_its_answer() -> None:
    kept, counts, reader = judge(SWAP, [MILL, BRIDGE])
    assert counts == {}
    assert (kept[0].kind, kept[0].gold, kept[0].answers) == ("unanswerable", (), ())
    assert (kept[0].question, kept[0].group) == (SWAP.question, "mill.md")
    shown = reader.seen[0][-1]["content"]
    assert "mill of Corbridge" in shown
    assert re.search(r"\[2\].*\n.*Otterburn", shown)


def test_a_swap_that_a_hit_speaks_of_is_answerable() -> None:
    other = passage("other", "At Otterburn a mill was built of stone.")
    assert judge(SWAP, [MILL, other])[1] == {ANSWERABLE: 1}


def test_a_reply_that_a_hit_on_the_name_bears_out_makes_it_answerable() -> None:
    swap = Swap("Which animals live by the mill of Otterburn?", "Otterburn", ASKED)
    assert judge(swap, [MILL, BRIDGE], "Sheep graze at Otterburn")[1] == {ANSWERABLE: 1}
    assert judge(swap, [MILL, BRIDGE], GROUNDED.decline)[1] == {}


def test_what_cannot_be_checked_is_not_kept() -> None:
    assert judge(SWAP, [])[1] == {NOT_RETRIEVED: 1}
    assert judge(SWAP, [MILL], found=False)[1] == {NOT_RETRIEVED: 1}


def test_no_more_are_kept_or_read_than_wanted() -> None:
    batch = [
        Swap(f"When was the mill {i} of Otterburn built?", "Otterburn", ASKED) for i in range(9)
    ]
    seen: list[Prompt] = []

    def reply(prompt: Prompt) -> str:
        seen.append(prompt)
        return "1766"

    tally = Tally()
    judges = Judges(
        lambda found: [Search(s.query, hits=(Hit("m", "m", 1.0, {}, MILL),)) for s in found],
        FakeGenerator(reply),
        10,
    )
    kept = unanswered(batch, 2, judges, tally=tally, ctx=Context())
    assert len(kept) == 2
    assert len(seen) == 4
    assert tally.counts == {ENOUGH: 7}
    assert FAILED not in tally.counts


def looked(swap: Swap, hits: list[Passage], library: list[Passage]):  # type: ignore[no-untyped-def]
    """Judge a swap by hits, and by a library that is looked up; return counts and what was asked
    of it."""
    queries: list[str] = []

    def lookup(texts):  # type: ignore[no-untyped-def]
        queries.extend(texts)
        return [library for _ in texts]

    def retrieve(searches: list[Search]) -> list[Search]:
        rows = tuple(Hit(p.id, p.document_id, 1.0, {}, p) for p in hits)
        return [Search(s.query, hits=rows) for s in searches]

    tally = Tally()
    judges = Judges(retrieve, FakeGenerator(lambda prompt: GROUNDED.decline), 10, lookup)
    unanswered([swap], 1, judges, tally=tally, ctx=Context())
    return tally.counts, queries


def of(question: str, entity: str) -> Swap:
    return Swap(question, entity, ASKED)


def test_the_whole_library_is_looked_up_by_name_and_by_question() -> None:
    far = passage("far", "At Otterburn a mill was built of stone.")
    counts, queries = looked(SWAP, [MILL], [far])
    assert counts == {ANSWERABLE: 1}
    assert queries[0].startswith("Otterburn") and queries[1].startswith(SWAP.question)
    assert looked(SWAP, [MILL], [BRIDGE])[0] == {}


def test_what_does_it_do_is_answered_by_any_passage_that_names_it() -> None:
    swap = of("What does os.fork do?", "os.fork")
    assert looked(swap, [MILL], [passage("x", "os.fork makes a process.")])[0] == {ANSWERABLE: 1}
    assert looked(swap, [MILL], [passage("x", "A process is made.")])[0] == {}
    swap = of("What is the main purpose of os.fork?", "os.fork")
    assert looked(swap, [MILL], [passage("x", "os.fork makes a process.")])[0] == {ANSWERABLE: 1}


def test_a_section_that_is_headed_by_the_thing_answers_what_is_open() -> None:
    section = replace(passage("x", "It puts the heap into order."), headings=("heapq.heapify",))
    assert looked(of("What does the clause heapify return?", "heapify"), [MILL], [section])[0] == {
        ANSWERABLE: 1
    }
    assert looked(of("When was heapify last changed?", "heapify"), [MILL], [section])[0] == {}


def test_a_plural_and_the_parts_of_an_identifier_name_a_thing_too() -> None:
    record = passage("x", "Each LogRecord holds an object of the caller.")
    asked = of("What is a LogRecords object?", "LogRecords")
    counts, queries = looked(asked, [MILL], [record])
    assert counts == {ANSWERABLE: 1} and "logrecord" in queries[0].split()
    merged = passage("y", "Of all in heapq, merge returns an iterator.")
    asked = of("What iterator does heapq.merge return?", "heapq.merge")
    assert looked(asked, [MILL], [merged])[0] == {ANSWERABLE: 1}


def test_all_that_stands_under_one_heading_counts_together() -> None:
    parts = [
        replace(passage("p1", "Otterburn has a castle."), document_id="o", headings=("North",)),
        replace(passage("p2", "Otterburn's mill grinds."), document_id="o", headings=("North",)),
        replace(passage("p3", "At Otterburn much was built."), document_id="o", headings=("No",)),
    ]
    asked = of("When was the mill that grinds flax by Otterburn built?", "Otterburn")
    assert looked(asked, [MILL], parts)[0] == {ANSWERABLE: 1}
    assert looked(asked, [MILL], [parts[0], parts[2]])[0] == {}


def test_a_passage_that_covers_the_question_answers_it_whatever_names_the_thing() -> None:
    asked = of("When was the stone mill of Otter Burn built?", "Otter Burn")
    told = passage("x", "A stone mill was built by the burn in 1766.")
    assert looked(asked, [MILL], [told])[0] == {ANSWERABLE: 1}
