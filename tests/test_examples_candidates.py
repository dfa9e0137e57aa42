from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.core.context import Context
from graft.core.document import Document
from graft.examples.candidates import candidates, named
from graft.examples.drafts import answer_drafts, free_drafts
from graft.examples.named import named_question
from graft.examples.sentences import is_prose, window
from graft.examples.worked import GAP
from graft.testing import MemoryStore


def found(text: str, form: str) -> list[str]:
    return [c.answer for c in candidates(text) if c.form == form]


@pytest.mark.parametrize(
    ("text", "form", "answers"),
    [
        (
            "The long war ended on 12 March 1848 after many years of siege.",
            "number",
            ["12 March 1848"],
        ),
        (
            "Its price rose by 3.5 % to $1,500 within those 12 months of trade.",
            "number",
            ["3.5 %", "$1,500", "12 months"],
        ),
        (
            "The old bridge of Bishop Auckland was built by Ralph Snow.",
            "name",
            ["Bishop Auckland", "Ralph Snow"],
        ),
        (
            "However the Prime Minister of Canada, Windows 95 and IBM won.",
            "name",
            ["Prime Minister of Canada", "Windows 95", "IBM"],
        ),
        (
            "Calling os.fork() on a missing file raises FileNotFoundError there.",
            "code",
            ["os.fork()", "FileNotFoundError"],
        ),
        (
            'Its value is stored in ``__cause__`` when "writeback" is set.',
            "code",
            ["__cause__", "writeback"],
        ),
        (
            "A generator is a function which returns an iterator.",
            "definition",
            ["a function which returns an iterator"],
        ),
        ("The tower was painted in a lighter shade at the top.", "phrase", ["lighter shade"]),
        (
            "Steps of the work:\n\n- Wash the green leaves in cold water.\n",
            "item",
            ["Wash the green leaves in cold water."],
        ),
    ],
)
def test_answers_are_found_by_form(text: str, form: str, answers: list[str]) -> None:
    assert found(text, form) == answers


def test_code_grammar_and_fragments_are_no_place_for_answers() -> None:
    assert candidates(">>> print(3)\n3\n\nassert_stmt ::= expression\n\nSee 12 March 1848.\n") == []
    assert candidates("It was so.") == []


@given(st.text(max_size=300))
def test_a_candidate_is_a_span_of_its_text(text: str) -> None:
    for candidate in candidates(text):
        assert text[candidate.start : candidate.end] == candidate.answer
        first, last = candidate.sentence
        assert first <= candidate.start <= candidate.end <= last


def test_names_are_found_in_a_question() -> None:
    assert named("Who chose Gough Whitlam of Canberra?") == [("Gough Whitlam of Canberra", "name")]
    assert named("What is a tower?") == []


def test_prose_is_what_a_person_wrote() -> None:
    assert is_prose("The value is determined when the interpreter starts.")
    for text in ("a = {1: 2, 3: 4}; b = [x | y].", "Name      Meaning of the column here.",
                 "See the section on the try statement.", "Only four words here"):  # fmt: skip
        assert not is_prose(text)


def test_a_window_is_made_of_whole_sentences_and_holds_the_span() -> None:
    text = "One is odd. Two is even. Three is prime. Four is square."
    place = text.index("even")
    for words in (1, 4, 7, 20):
        start, end = window(text, place, place + 4, words=words)
        assert text[start:end].startswith(("One", "Two"))
        assert text[start:end].endswith(".")
        assert start <= place < end
        assert len(text[start:end].split()) <= max(words, 3)


TEXT = (
    "The mill of Corbridge was built in 1766 by Ralph Snow. It burnt down. The mill had "
    "12 wheels and a large granary."
)
DOCUMENT = Document("mill.md", TEXT, "Mills")
PASSAGES = MemoryStore([DOCUMENT])._passages


def test_a_draft_hides_its_answer_and_spans_its_sentence() -> None:
    drafts = list(answer_drafts(DOCUMENT, PASSAGES, Context().random("x")))
    assert {draft.answer for draft in drafts} >= {"1766", "Ralph Snow", "12 wheels"}
    for draft in drafts:
        gapped = GAP in draft.shown.text
        assert gapped == (draft.answer not in draft.shown.text) == (draft.style != "free")
        held = TEXT[draft.gold.start : draft.gold.end]
        assert draft.answer in held
        assert held.endswith(".")
        assert draft.read.text == TEXT[draft.read.start : draft.read.end]
    styles = {draft.answer: draft.style for draft in drafts}
    assert styles["1766"] == "fact"
    assert styles["large granary"] == "term"


def test_forms_take_turns_and_the_seed_decides() -> None:
    order = [d.answer for d in answer_drafts(DOCUMENT, PASSAGES, Context().random("x"))]
    assert order == [d.answer for d in answer_drafts(DOCUMENT, PASSAGES, Context().random("x"))]
    first = {"1766": "number", "12 wheels": "number", "Corbridge": "name", "Ralph Snow": "name"}
    forms = [
        first.get(answer, "phrase" if answer == "large granary" else "") for answer in order[:4]
    ]
    assert sorted(forms) == ["", "name", "number", "phrase"]


def test_a_free_draft_asks_about_the_sentence_that_opens_a_section() -> None:
    text = (
        "It is old.\n\nThis was the first of them all in the north.\n\n"
        "The mill grinds the corn of the whole town."
    )
    document = Document("m.md", text, "Mills")
    passages = [
        replace(passage, headings=(name,))
        for passage, name in zip(MemoryStore([document])._passages, "abc", strict=True)
    ]
    drafts = list(free_drafts(document, passages, Context().random("x")))
    assert [draft.sentence for draft in drafts] == ["The mill grinds the corn of the whole town."]
    assert (drafts[0].style, drafts[0].answer) == ("free", "")
    assert text[drafts[0].gold.start : drafts[0].gold.end] == drafts[0].sentence
    assert drafts[0].opens
    same = [replace(passage, headings=("a",)) for passage in passages]
    assert not list(free_drafts(document, same, Context().random("x")))
    untitled = Document("m.md", "The mill grinds the corn of the whole town.")
    assert not list(free_drafts(untitled, MemoryStore([untitled])._passages, Context().random("x")))


def test_a_heading_that_is_a_name_asks_its_question_without_a_model() -> None:
    text = "Merge sorted inputs into a single sorted output of all of them."
    document = Document("heapq.md", text, "heapq")
    [passage] = MemoryStore([document])._passages
    named = [replace(passage, headings=("heapq.merge",))]
    assert [d.question for d in free_drafts(document, named, Context().random("x"))] == [
        "What does heapq.merge do?"
    ]
    plain = [replace(passage, headings=("Merging",))]
    assert [d.question for d in free_drafts(document, plain, Context().random("x"))] == [""]


@pytest.mark.parametrize(
    ("heading", "asks"),
    [
        ("os.path.join", True), ("json_dump()", True), ("--wait", True), ("HTTPError", False),
        ("getItem", True), ("Leave days", False), ("Overview", False), ("e.g. this", False),
        ("heapq", False), ("2.1", False),
    ],
)  # fmt: skip
def test_names_in_code_are_told_from_words(heading: str, asks: bool) -> None:
    assert bool(named_question(heading, "Return the thing.")) is asks
